"""A rotation's course walked in a world of its own: a cloud, a disk, a network, and crashes.

The cloud does what docs/contracts.md, "Certificates", says of it. It can be cut off between any
two of its writes; the device can be cut off before any effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from virtual_device.base.jsonvalue import JsonObject
from virtual_device.core.effects import Log
from virtual_device.rotation import course
from virtual_device.rotation import rotation_effects as want
from virtual_device.rotation.course import Phase
from virtual_device.rotation.rotation import Rotation
from virtual_device.state.config import Identity
from virtual_device.state.keys import Request

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"
OLD = Identity("old", PEM.format("old"), KEY.format("old"))


class CrashError(Exception):
    """The device is switched off."""


class KilledError(Exception):
    """A function is, between two of its writes."""


@dataclass
class Cloud:
    """The catalog's row, and the certificates that a device can connect with."""

    in_force: str = OLD.certificate_id
    valid: set[str] = field(default_factory=lambda: {OLD.certificate_id})
    successor: tuple[str, str, str] | None = None
    """Its id, its job, and the digest of the request that it was made from."""
    retired: str | None = None
    abandoned: str | None = None
    job: str | None = None
    """The one in progress."""
    made: int = 0
    writes: int | None = None
    """So many more before a function is killed."""

    def answer(self, asked: want.Ask, principal: str) -> tuple[bool, dict[str, str]]:
        """Whether it is accepted, and what is said. Raises `KilledError`."""
        try:
            said = getattr(self, f"_{asked.verb}")(asked, principal)
        except LookupError as error:
            return False, {"jobId": asked.job_id, "code": error.args[0], "reason": "no"}
        return True, {"jobId": asked.job_id, **said}

    def _create(self, asked: want.Ask, principal: str) -> Mapping[str, str]:
        _require(principal == self.in_force, "NOT_ALLOWED")
        _require(self.abandoned != asked.job_id, "ABANDONED")
        _require(self.job == asked.job_id, "NO_SUCH_JOB")
        digest = sha256(asked.content["csr"].encode()).hexdigest()
        if self.successor is not None and self.successor[1:] != (asked.job_id, digest):
            self._discard()
        if self.successor is None:
            self._write()
            self.made += 1  # one that nobody knows of is not active
            self._write()
            self.successor = f"new-{self.made}", asked.job_id, digest
        self._write()
        made = self.successor[0]
        self.valid.add(made)
        return {"certificateId": made, "certificatePem": PEM.format(made), "csrSha256": digest}

    def _confirm(self, asked: want.Ask, principal: str) -> Mapping[str, str]:
        certificate_id = asked.content["certificateId"]
        _require(principal == certificate_id, "NOT_ALLOWED")
        if self.successor is not None and self.successor[:2] == (certificate_id, asked.job_id):
            self._write()
            self.in_force, self.retired, self.successor = certificate_id, self.in_force, None
        _require(self.in_force == certificate_id, "UNKNOWN_CERTIFICATE")
        if self.retired is not None:
            self._write()
            self.valid.discard(self.retired)
            self.retired = None
        return {"certificateId": certificate_id}

    def _abandon(self, asked: want.Ask, principal: str) -> Mapping[str, str]:
        _require(principal == self.in_force, "NOT_ALLOWED")
        self._write()
        self.abandoned = asked.job_id
        if self.successor is not None and self.successor[1] == asked.job_id:
            self._discard()
        return {"certificateId": self.in_force}

    def _discard(self) -> None:
        assert self.successor is not None
        self._write()
        self.valid.discard(self.successor[0])
        self._write()
        self.successor = None

    def _write(self) -> None:
        if self.writes is not None:
            self.writes -= 1
            if self.writes < 0:
                raise KilledError


def _require(holds: bool, code: str) -> None:  # noqa: FBT001 - a sentence
    if not holds:
        raise LookupError(code)


@dataclass
class World:
    """A device that changes its certificate, and all that it depends on."""

    cloud: Cloud = field(default_factory=Cloud)
    # The disk
    rotation: Rotation | None = None
    identity: Identity = OLD
    full: bool = False
    left: bool = False
    """Whether something could not be removed: the next start finds it, and ends it."""
    # The device, until it is switched off
    state: course.State = course.IDLE
    uses: Identity = OLD
    """What it connects with."""
    connected: bool = True
    asking: want.Ask | None = None
    tries: int = 0
    waits: bool = False
    keys: list[str] = field(default_factory=list)
    subscribing: bool = False
    trial: want.Try | None = None
    reporting: str | None = None
    """The job that is told."""
    # What has happened
    told: dict[str, str] = field(default_factory=dict)
    """What became of the jobs."""
    details: dict[str, str] = field(default_factory=dict)
    """The certificates that the jobs were told of."""
    asked: list[str] = field(default_factory=list)
    """What the cloud was asked."""
    keys_made: int = 0
    effects: int | None = None
    """So many more before the device is switched off."""
    performed: int = 0

    # --- what happens to the device

    def switch_off_and_on(self) -> None:
        """Only the disk is left."""
        self.uses, self.connected = self.identity, False
        self.asking, self.waits, self.subscribing, self.trial = None, False, False, None
        self.keys, self.reporting, self.effects = [], None, None
        self.apply(course.start(self.rotation, self.identity.certificate_id))

    def begin(self) -> None:
        """The job arrives, or comes back."""
        assert self.cloud.job is not None
        self.reporting = self.cloud.job
        done = self.details.get(self.cloud.job) == self.identity.certificate_id
        if self.state.phase is Phase.IDLE and done:
            self._end_job("SUCCEEDED")  # as `rotate_cert` does for what was done before
            return
        self.apply(course.begin(self.state, self.cloud.job, 60))

    def cancel(self) -> None:
        """The job is cancelled, and the device told."""
        self.cloud.job = self.reporting = None
        self.apply(course.cancel(self.state))

    def make_key(self) -> None:
        """A worker is done."""
        self.keys_made += 1
        made = Request(KEY.format(self.keys_made), f"request {self.keys_made}")
        self.apply(course.on_made(self.state, self.keys.pop(0), made))

    def subscribe(self) -> None:
        """The server agrees."""
        self.subscribing = False
        self.apply(course.on_subscribed(self.state, None))

    def connect(self) -> None:
        """The network is there, if the server takes the certificate."""
        if self.uses.certificate_id in self.cloud.valid:
            self.connected = True
            self.apply(course.on_ready(self.state))

    def disconnect(self) -> None:
        """It is gone, and with it what was to be answered."""
        self.connected = self.subscribing = False
        self.apply(course.on_disconnected(self.state))

    def ask(self, *, answered: bool = True) -> None:
        """The cloud gets the request; whether its answer arrives is another matter."""
        asked = self.asking
        assert asked is not None
        self.asked.append(asked.verb)
        try:
            accepted, content = self.cloud.answer(asked, self.uses.certificate_id)
        except KilledError:
            self.cloud.writes = None
            return
        if answered and self.is_heard():
            said: JsonObject = dict(content)
            step = course.on_answer(self.state, said, self.identity, accepted=accepted)
            self.apply(step)

    def is_heard(self) -> bool:
        """Whether the connection outlives what the cloud has just done."""
        if self.uses.certificate_id in self.cloud.valid:
            return True
        self.disconnect()
        return False

    def be_silent(self) -> None:
        """Nobody answers for long enough."""
        self.tries += 1
        self.apply(course.on_silence(self.state, self.tries))

    def let_time_pass(self) -> None:
        """What was waited for has not come."""
        self.waits = False
        self.apply(course.on_time(self.state))

    def end_trial(self, *, reachable: bool = True) -> None:
        """The server takes the certificate that is tried, or the device goes back."""
        trial, self.trial = self.trial, None
        assert trial is not None
        if self.connected:
            self.disconnect()
        if reachable and trial.identity.certificate_id in self.cloud.valid:
            self.uses, self.connected = trial.identity, True
            self.apply(course.on_ready(self.state))
            self.apply(course.on_tried(self.state, trial.identity, None))
        else:
            self.uses = self.identity
            self.apply(course.on_tried(self.state, trial.identity, "handshake failed"))

    # --- carrying out

    def apply(self, step: course.Step) -> None:
        """Take the state and carry out the effects. Raises `CrashError` where it was asked for."""
        self.state, effects = step
        for effect in effects:
            if self.effects is not None:
                self.effects -= 1
                if self.effects < 0:
                    raise CrashError
            self.performed += 1
            self._perform(effect)
            self.check()

    def _perform(self, effect: want.Effect) -> None:  # noqa: PLR0912 - a table
        match effect:
            case want.MakeKey(job_id):
                self.keys.append(job_id)
            case want.Keep(rotation):
                trouble = "no space" if self.full else None
                self.rotation = self.rotation if self.full else rotation
                self.apply(course.on_kept(self.state, trouble))
            case want.PutInForce(identity):
                trouble = "no space" if self.full else None
                self.identity = self.identity if self.full else identity
                self.apply(course.on_put_in_force(self.state, identity, trouble))
            case want.Forget():
                self.left = self.full and self.rotation is not None
                self.rotation = self.rotation if self.full else None
            case want.Subscribe():
                self.subscribing = self.connected
            case want.Ask():
                self.asking, self.tries = effect, 0
            case want.StopAsking():
                self.asking = None
            case want.Wait():
                self.waits = True
            case want.StopWaiting():
                self.waits = False
            case want.Try():
                self._try(effect)
            case want.Succeeded(certificate_id):
                assert certificate_id == self.cloud.in_force
                assert self.cloud.valid == {certificate_id}
                self._end_job("SUCCEEDED")
            case want.Failed(code, _):
                self._end_job(code)
            case want.AskAgain() | want.PauseAsking() | want.Unsubscribe():
                pass
            case want.Progress(details):
                self._progress(details)
            case Log():
                pass

    def _progress(self, details: Mapping[str, str]) -> None:
        if self.reporting is not None and self.connected and "certificateId" in details:
            self.details[self.reporting] = details["certificateId"]

    def _try(self, trial: want.Try) -> None:
        if self.trial is None:
            self.trial = trial
        else:
            reason = "another identity is being tried"
            self.apply(course.on_tried(self.state, trial.identity, reason))

    def _end_job(self, end: str) -> None:
        job, self.reporting = self.reporting or self.cloud.job, None
        if job is not None and job == self.cloud.job:
            self.told[job] = end
            self.cloud.job = None

    # --- what holds

    def check(self) -> None:
        """At every moment the device can come back with a certificate that it has kept."""
        kept = {self.identity.certificate_id}
        if self.rotation is not None and self.rotation.previous is not None:
            kept.add(self.rotation.previous.certificate_id)
        assert self.cloud.in_force in self.cloud.valid
        assert kept & self.cloud.valid, f"nothing that is kept is valid: {self}"

    def settle(self) -> None:
        """Nothing goes wrong any more: what is under way comes to its end."""
        self.full, self.effects, self.cloud.writes = False, None, None
        self.go_on()
        if self.left and self.state == course.IDLE:
            self.switch_off_and_on()
            self.go_on()
        self.check_settled()

    def go_on(self) -> None:
        """One thing after the other, as long as anything is to be done."""
        for _ in range(60):
            if not self._go_on():
                return
        raise AssertionError(f"it never ends: {self}")

    def check_settled(self) -> None:
        """One certificate, the device's, the catalog's and the only one that is valid."""
        cloud = self.cloud
        assert self.state == course.IDLE
        assert self.rotation is None
        assert self.connected
        assert self.uses == self.identity
        assert self.identity.certificate_id == cloud.in_force
        assert cloud.valid == {cloud.in_force}
        assert cloud.successor is None
        assert cloud.retired is None
        assert cloud.job is None
        assert ("SUCCEEDED" in self.told.values()) <= (cloud.in_force != OLD.certificate_id)

    def _go_on(self) -> bool:  # noqa: PLR0911 - one line for each thing that can happen
        if self.trial is not None:
            return _did(self.end_trial)
        if not self.connected and self.uses.certificate_id in self.cloud.valid:
            return _did(self.connect)
        if self.cloud.job is not None and self.reporting is None:
            return _did(self.begin)
        if self.keys:
            return _did(self.make_key)
        if self.subscribing:
            return _did(self.subscribe)
        if self.asking is not None and self.connected:
            return _did(self.ask)
        if self.waits:
            return _did(self.let_time_pass)
        return False


def _did(happens: Callable[[], None]) -> bool:
    happens()
    return True
