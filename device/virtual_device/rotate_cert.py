"""The operation `rotate-cert`: a new key, a certificate for it, and the old certificate goes."""

from virtual_device.capability import Surroundings
from virtual_device.errors import DeviceError
from virtual_device.jsonvalue import JsonObject
from virtual_device.operation import Job, Kind, Operation, Report, only
from virtual_device.renewal import Renewal
from virtual_device.requests import RefusedFieldError

DEFAULT_TRIAL_SECONDS = 60


class RotateCert(Operation):
    """Has the device's renewal do it, and tells the job how it goes."""

    __slots__ = ("_device", "_job", "_renewal", "_report")

    def __init__(self, job: Job, device: Surroundings, report: Report) -> None:
        self._job, self._device, self._report = job, device, report
        self._renewal = device.find(Renewal)

    def start(self) -> None:
        """Begin, or go on; one that was done before this process has begun is only reported."""
        certificate_id = self._job.details.get("certificateId")
        if self._renewal.idle and certificate_id is not None and certificate_id == self._in_force():
            self._report.succeeded(certificateId=certificate_id)
            return
        seconds = self._job.parameters["trialSeconds"]
        assert isinstance(seconds, int)  # noqa: S101 - `parse` has seen to it
        self._renewal.begin(self._job.job_id, float(seconds), self._report)

    def cancel(self) -> None:
        """Give up, unless the new certificate is in force already: then the old one goes all the same."""
        self._renewal.cancel()

    def _in_force(self) -> str | None:
        try:
            enrolment = self._device.store.load(self._device.thing.name)
        except DeviceError:
            return None
        return enrolment.identity.certificate_id if enrolment is not None else None


def parse(parameters: JsonObject, _device: Surroundings) -> JsonObject:
    """`trialSeconds`, 10..600, or the default. Raises `RefusedFieldError`."""
    only(parameters, "trialSeconds")
    seconds = parameters.get("trialSeconds", DEFAULT_TRIAL_SECONDS)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 10 <= seconds <= 600:
        raise RefusedFieldError("trialSeconds", "must be an integer from 10 to 600")
    return {"trialSeconds": seconds}


KIND = Kind(
    "rotate-cert",
    "a new key made on the device, a certificate for it tried, then the old one revoked",
    parse,
    RotateCert,
)
