"""The operation `rotate-cert`: a new key, a certificate for it, and the old certificate goes."""

from virtual_device.base.errors import StateCorruptError, StateUnusableError
from virtual_device.base.jsonvalue import JsonObject, is_integer
from virtual_device.base.timers import Cancellable
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.core.capability import Surroundings
from virtual_device.jobs.operation import Job, Kind, Operation, Report, only
from virtual_device.rotation.rotator import Rotator
from virtual_device.shadow.setting_rules import number_of

DEFAULT_TRIAL_SECONDS = 60
LATER_SECONDS = 5.0


class RotateCert(Operation):
    """Has the device's rotator do it, and tells the job how it goes."""

    __slots__ = ("_device", "_job", "_report", "_rotator", "_timer")

    def __init__(self, job: Job, device: Surroundings, report: Report) -> None:
        self._job, self._device, self._report = job, device, report
        self._rotator = device.find(Rotator)
        self._timer: Cancellable | None = None

    def start(self) -> None:
        """Begin, or go on; one that was done before this process has begun is only reported."""
        certificate_id = self._job.details.get("certificateId")
        try:
            in_force = self._in_force() if self._rotator.idle else None
        except StateUnusableError as error:
            # What is in force nobody knows now; begun again, it would be changed twice.
            self._device.tell("identity not read; the job goes on later", reason=str(error))
            self._timer = self._device.after(LATER_SECONDS, self.start)
            return
        if certificate_id is not None and certificate_id == in_force:
            self._report.succeeded(certificateId=certificate_id)
            return
        seconds = float(number_of(self._job.parameters["trialSeconds"]))
        self._rotator.begin(self._job.job_id, seconds, self._report)

    def cancel(self) -> None:
        """Give up, unless the new certificate is in force already: then the old one goes all the
        same.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._rotator.cancel()

    def _in_force(self) -> str | None:
        try:
            enrolment = self._device.store.load(self._device.thing.name)
        except StateCorruptError:
            return None
        return enrolment.identity.certificate_id if enrolment is not None else None


def parse(parameters: JsonObject, _device: Surroundings) -> JsonObject:
    """`trialSeconds`, 10..600, or the default. Raises `RefusedFieldError`."""
    only(parameters, "trialSeconds")
    seconds = parameters.get("trialSeconds", DEFAULT_TRIAL_SECONDS)
    if not is_integer(seconds) or not 10 <= number_of(seconds) <= 600:
        raise RefusedFieldError("trialSeconds", "must be an integer from 10 to 600")
    return {"trialSeconds": seconds}


KIND = Kind(
    "rotate-cert",
    "a new key made on the device, a certificate for it tried, then the old one revoked",
    parse,
    RotateCert,
)
