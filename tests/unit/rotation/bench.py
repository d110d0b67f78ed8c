"""A device that changes its certificate, on a bench: every answer, failure and crash is the test's
to make.
"""

import json
from hashlib import sha256
from typing import Any

from tests.device.pki import CertificateAuthority
from tests.unit.doubles.state import MemoryState
from tests.unit.doubles.surroundings import Device, Sent
from virtual_device.connection.transport import Message
from virtual_device.jobs import rotate_cert
from virtual_device.jobs.operation import Job
from virtual_device.rotation.rotation import ROTATION_FILE
from virtual_device.rotation.rotator import Rotator
from virtual_device.state.config import Config, Identity
from virtual_device.state.store import Enrolment
from virtual_device.telemetry.thing import Thing

THING = Thing("dev-TEST", "bulb")
BASE = "cmd/playground/dev-TEST/certificate"
OLD_ID, NEW_ID = "a" * 64, "b" * 64


class Report:
    """What the job is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.details: dict[str, str] = {}
        self.end: tuple[str, ...] | None = None

    def progress(self, **details: str) -> None:
        assert self.end is None
        self.steps.append(details["step"])
        self.details |= details

    def succeeded(self, **details: str) -> None:
        assert self.end is None
        self.end = ("SUCCEEDED", details["certificateId"])

    def failed(self, code: str, reason: str) -> None:
        assert self.end is None
        assert reason
        self.end = ("FAILED", code)

    def rejected(self, code: str, reason: str) -> None:
        raise AssertionError(f"{code}: {reason}")


class Bench:
    """A device with a state directory, which can be switched off and on at any moment."""

    state: MemoryState

    def __init__(self) -> None:
        pair = CertificateAuthority().device(THING.name)
        self.old = Identity(OLD_ID, pair.certificate, pair.private_key)
        self.state = MemoryState(
            Enrolment(Config(THING, "localhost", 8883), self.old, "source", "identity")
        )
        self.certificate = pair.certificate
        self.switch_on()

    def switch_on(self) -> None:
        """Start the device, anew if it was on."""
        self.device = Device(THING, state=self.state)
        self.rotator = Rotator(self.device)
        self.device.capabilities = [self.rotator]
        self.report = Report()

    def begin(self, job_id: str = "job", **details: str) -> None:
        """The job arrives, or comes back."""
        job = Job(job_id, "rotate-cert", rotate_cert.parse({}, self.device), details)
        self.operation = rotate_cert.KIND.make(job, self.device, self.report)
        self.operation.start()

    def ask(self) -> Sent:
        """Begin, until the certificate is asked for."""
        self.begin()
        self.device.works.pop()()
        self.device.subscriptions[-1].done(None)
        return self.device.sent[-1]

    def answer(
        self, verb: str, verdict: str = "accepted", job_id: str = "job", **content: Any
    ) -> None:
        """The cloud answers."""
        payload = json.dumps({"jobId": job_id, **content}).encode()
        assert self.rotator.on_message(Message(f"{BASE}/{verb}/{verdict}", payload))

    def certify(self, **changes: str) -> None:
        """The cloud has made a certificate."""
        digest = sha256(self.kept["csr"].encode()).hexdigest() if self.kept else ""
        content = {"certificateId": NEW_ID, "certificatePem": self.certificate, "csrSha256": digest}
        self.answer("create", **{**content, **changes})

    def wait_for_trial(self) -> None:
        """What was on its way has arrived."""
        assert self.device.trials == []
        self.fire()

    def tried(self, reason: str | None = None) -> None:
        """The trial is over."""
        if not self.device.trials:
            self.wait_for_trial()
        self.device.trials.pop().tried(reason)

    def to(self, step: str) -> None:
        """On, to this step."""
        self.ask()
        if step != "create":
            self.certify()
        if step in ("confirm", "confirmed"):
            self.tried()
        if step == "confirmed":
            self.answer("confirm", certificateId=NEW_ID)

    def fire(self) -> None:
        """The newest timer."""
        timer = self.device.timers[-1]
        assert timer.call is not None
        timer.fire()

    @property
    def asked(self) -> list[str]:
        """What was asked of the cloud."""
        return [sent.topic.removeprefix(BASE + "/") for sent in self.device.sent]

    @property
    def in_force(self) -> str:
        """Whose certificate the device would start with."""
        assert self.state.enrolment is not None
        return self.state.enrolment.identity.certificate_id

    @property
    def kept(self) -> dict[str, Any] | None:
        return self.state.documents.get(ROTATION_FILE)
