"""rotate-cert: the change to a new certificate, at every point of which the device may fail, be told no, or die."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.device.pki import CertificateAuthority
from tests.unit.doubles.state import MemoryState
from tests.unit.doubles.surroundings import Device, Sent
from virtual_device import renewal, rotate_cert
from virtual_device.config import Config, Identity
from virtual_device.jsonvalue import JsonObject
from virtual_device.keys import make_request
from virtual_device.operation import Job
from virtual_device.renewal import GRACE_SECONDS, LONELY_SECONDS, MAX_TRIES, Renewal
from virtual_device.requests import RefusedFieldError
from virtual_device.rotation import ROTATION_FILE
from virtual_device.store import Enrolment
from virtual_device.thing import Thing
from virtual_device.transport import Failure, Message

THING = Thing("dev-TEST", "bulb")
BASE = "cmd/playground/dev-TEST/certificate"
REFUSED = Failure("NOT_AUTHORIZED (135)", refused=True, code=135)
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
        self.state = MemoryState(Enrolment(Config(THING, "localhost", 8883), self.old, "source", "identity"))
        self.certificate = pair.certificate
        self.switch_on()

    def switch_on(self) -> None:
        """Start the device, anew if it was on."""
        self.device = Device(THING, state=self.state)
        self.renewal = Renewal(self.device)
        self.device.capabilities = [self.renewal]
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

    def answer(self, verb: str, verdict: str = "accepted", job_id: str = "job", **content: Any) -> None:
        """The cloud answers."""
        payload = json.dumps({"jobId": job_id, **content}).encode()
        assert self.renewal.on_message(Message(f"{BASE}/{verb}/{verdict}", payload))

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


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_rotation_from_end_to_end(bench: Bench) -> None:
    # when asked for
    sent = bench.ask()
    # then the key is kept before anything leaves the device, and does not leave it
    kept = bench.kept
    assert kept is not None
    assert sent.topic == f"{BASE}/create"
    assert sent.content == {"jobId": "job", "csr": kept["csr"]}
    assert "PRIVATE KEY" in kept["privateKey"]
    assert "PRIVATE" not in str(sent.content)
    assert bench.device.subscriptions[-1].filters == (f"{BASE}/+/+",)
    # when there is a certificate, then it is tried, and the old one is in force
    bench.certify()
    bench.wait_for_trial()
    assert bench.device.trials[-1].identity.private_key == kept["privateKey"]
    assert bench.in_force == OLD_ID
    # when that went well, then it is in force, with the config as it was, and confirmed
    bench.tried()
    assert bench.in_force == NEW_ID
    assert bench.state.enrolment is not None
    assert bench.state.enrolment.config_source == "source"
    assert bench.asked == ["create", "confirm"]
    assert bench.device.sent[-1].content == {"jobId": "job", "certificateId": NEW_ID}
    assert bench.report.end is None
    # when that is answered, then the job is done and nothing is left of the change
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.report.end == ("SUCCEEDED", NEW_ID)
    assert bench.report.steps == ["key", "certificate", "trial", "confirm"]
    assert bench.kept is None
    assert bench.renewal.filters == ()
    assert bench.device.unsubscribed == [f"{BASE}/+/+"]


def test_the_request_is_for_the_devices_own_key() -> None:
    # when
    made = make_request("dev-TEST")
    # then
    csr = x509.load_pem_x509_csr(made.csr.encode())
    key = load_pem_private_key(made.private_key.encode(), None)
    form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    assert csr.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)
    assert csr.subject.rfc4514_string() == "CN=dev-TEST"
    assert csr.is_signature_valid
    assert made.private_key != make_request("dev-TEST").private_key
    assert "PRIVATE" not in repr(made)
    assert x509.load_pem_x509_csr(make_request("x" * 128).csr.encode()).subject.rfc4514_string() == "CN=" + "x" * 64


Fault = Callable[[Bench], None]
FAULTS: dict[str, tuple[str, Fault, str]] = {
    "refused": ("create", lambda b: b.answer("create", "rejected", code="NO_SUCH_JOB", reason="no"), "NO_SUCH_JOB"),
    "no certificate": ("create", lambda b: b.certify(certificatePem="nonsense"), "UNUSABLE"),
    "trial": ("trial", lambda b: b.tried("handshake failed"), "TRIAL_FAILED"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_leaves_the_old_certificate_and_has_the_new_one_removed(bench: Bench, fault: str) -> None:
    # given
    step, fail, code = FAULTS[fault]
    bench.to(step)
    # when
    fail(bench)
    # then the cloud is told first, over the old connection
    assert bench.asked[-1] == "abandon"
    assert bench.report.end is None
    assert bench.kept is not None
    assert bench.kept["abandoned"] is True
    # when
    bench.answer("abandon", certificateId=OLD_ID)
    # then
    assert bench.report.end == ("FAILED", code)
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_a_lost_answer_is_asked_for_again(bench: Bench) -> None:
    # given
    first = bench.ask()
    # when
    bench.fire()
    # then
    assert bench.asked == ["create", "create"]
    assert bench.device.sent[-1].content == first.content
    bench.certify()
    bench.wait_for_trial()
    # when the first answer comes too
    timers = len(bench.device.timers)
    bench.certify()
    # then
    assert (len(bench.device.trials), len(bench.device.timers)) == (1, timers)


def test_a_cloud_that_never_answers_is_given_up(bench: Bench) -> None:
    # given
    bench.ask()
    # when
    for _ in range(MAX_TRIES):
        bench.fire()
    # then
    assert bench.asked == ["create"] * MAX_TRIES + ["abandon"]
    # when it does not answer that either
    for _ in range(MAX_TRIES):
        bench.fire()
    # then the job is over, and the device goes on asking
    assert bench.report.end == ("FAILED", "NO_ANSWER")
    assert bench.kept is not None
    assert bench.asked[-1] == "abandon"
    bench.answer("abandon", "rejected", code="NO_SUCH_DEVICE", reason="gone")
    assert bench.kept is None


def test_a_confirmation_is_asked_for_until_it_comes(bench: Bench) -> None:
    # given
    bench.to("confirm")
    # when
    for _ in range(3 * MAX_TRIES):
        bench.fire()
    # then
    assert bench.asked == ["create"] + ["confirm"] * (3 * MAX_TRIES + 1)
    assert bench.report.end is None
    assert max(timer.seconds for timer in bench.device.timers) <= 120


@pytest.mark.parametrize("payload", [b"\xff", b"[]", b'{"jobId": "other"}', b"{}"])
def test_an_answer_that_is_none_of_ours_changes_nothing(bench: Bench, payload: bytes) -> None:
    # given
    bench.ask()
    # when
    for topic in ("create/accepted", "create/rejected", "confirm/accepted", "abandon/accepted", "x"):
        assert bench.renewal.on_message(Message(f"{BASE}/{topic}", payload))
    # then
    assert (bench.asked, bench.device.trials, bench.report.end) == (["create"], [], None)


def test_a_certificate_for_another_key_is_not_taken(bench: Bench) -> None:
    bench.ask()
    bench.certify(csrSha256="0" * 64)
    assert bench.device.trials == []
    assert bench.report.end is None


def test_messages_for_others_are_left_alone(bench: Bench) -> None:
    assert not bench.renewal.on_message(Message("cmd/playground/dev-TEST/req", b"{}"))


def test_a_refused_confirmation_brings_the_old_certificate_back(bench: Bench) -> None:
    # given
    bench.to("confirm")
    # when
    bench.answer("confirm", "rejected", code="UNKNOWN_CERTIFICATE", reason="no")
    # then
    assert bench.device.trials[-1].identity == bench.old
    # when
    bench.tried()
    # then the cloud has the last word
    assert bench.in_force == NEW_ID
    assert bench.asked[-1] == "abandon"
    bench.answer("abandon")
    assert bench.in_force == OLD_ID
    assert bench.kept is None
    assert bench.report.end == ("FAILED", "UNKNOWN_CERTIFICATE")


@pytest.mark.parametrize("restarted", [False, True])
def test_when_the_cloud_holds_on_to_the_new_one_the_device_does_too(bench: Bench, restarted: bool) -> None:  # noqa: FBT001
    """The confirmation had arrived after all, only the old certificate was not deleted yet."""
    # given
    bench.to("confirm")
    bench.renewal.on_disconnected()
    bench.fire()
    bench.tried()
    assert bench.asked[-1] == "abandon"
    # when
    if restarted:
        bench.switch_on()
        bench.renewal.on_ready()
    else:
        bench.answer("abandon", "rejected", code="NOT_ALLOWED", reason="only over the certificate in force")
        assert bench.device.trials[-1].identity.certificate_id == NEW_ID
        bench.tried()
    # then
    assert bench.asked[-1] == "confirm"
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.in_force == NEW_ID
    assert bench.kept is None
    assert bench.report.end == (None if restarted else ("SUCCEEDED", NEW_ID))


def test_the_old_one_is_not_forgotten_while_the_disk_is_full(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.answer("confirm", "rejected", code="UNKNOWN_CERTIFICATE", reason="no")
    bench.tried()
    # when
    bench.state.full = True
    bench.answer("abandon")
    # then
    assert bench.report.end is None
    assert bench.kept is not None
    # when there is room again
    bench.state.full = False
    bench.fire()
    bench.answer("abandon")
    # then
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_when_the_old_one_is_of_no_use_either_the_new_one_stays(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.answer("confirm", "rejected", code="UNKNOWN_CERTIFICATE", reason="no")
    # when
    bench.tried("handshake failed")
    # then
    assert bench.in_force == NEW_ID
    assert bench.kept is None
    assert bench.report.end == ("FAILED", "UNKNOWN_CERTIFICATE")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_device_that_gets_no_connection_with_what_is_not_confirmed_tries_the_old_one(
    bench: Bench,
    restarted: bool,  # noqa: FBT001
) -> None:
    # given
    bench.to("confirm")
    if restarted:
        bench.switch_on()
    else:
        bench.renewal.on_disconnected()
    # when
    assert bench.device.timers[-1].seconds == LONELY_SECONDS
    bench.fire()
    # then
    assert bench.device.trials[-1].identity == bench.old
    # when that is no better, then it waits, and tries again
    bench.tried("handshake failed")
    assert bench.in_force == NEW_ID
    bench.fire()
    # when it is
    bench.tried()
    # then
    assert bench.asked[-1] == "abandon"
    bench.answer("abandon")
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_back_in_time_with_the_new_one_it_goes_on(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.renewal.on_disconnected()
    # when
    bench.renewal.on_ready()
    # then
    assert bench.asked[-2:] == ["confirm", "confirm"]
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.report.end == ("SUCCEEDED", NEW_ID)


def test_a_full_disk_stops_it_before_anything_is_asked(bench: Bench) -> None:
    # given
    bench.state.full = True
    # when
    bench.begin()
    bench.device.works.pop()()
    # then
    assert bench.device.trials == []
    assert bench.asked == ["abandon"]
    bench.answer("abandon")
    assert bench.report.end == ("FAILED", "NOT_KEPT")


def test_a_full_disk_after_the_trial_brings_the_old_certificate_back(bench: Bench) -> None:
    # given
    bench.to("trial")
    bench.state.full = True
    # when
    bench.tried()
    # then
    assert bench.device.trials[-1].identity == bench.old
    bench.tried()
    bench.answer("abandon")
    assert bench.report.end == ("FAILED", "NOT_KEPT")
    assert bench.in_force == OLD_ID


def test_a_key_that_can_not_be_made_fails_the_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    def broken(_name: str) -> None:
        raise OSError("no entropy")

    monkeypatch.setattr(renewal, "make_request", broken)
    # when
    bench.begin()
    bench.device.works.pop()()
    # then
    assert bench.report.end == ("FAILED", "NO_KEY")
    assert bench.renewal.idle


def test_what_may_not_be_heard_is_not_asked(bench: Bench) -> None:
    bench.begin()
    bench.device.works.pop()()
    bench.device.subscriptions[-1].done(REFUSED)
    assert bench.asked == []
    assert bench.report.end == ("FAILED", "NOT_ALLOWED")
    assert bench.kept is None


# --- cancelled


def test_cancelled_before_the_trial_it_is_given_up(bench: Bench) -> None:
    # given
    bench.to("create")
    # when
    bench.operation.cancel()
    # then
    assert bench.asked[-1] == "abandon"
    bench.certify()
    assert bench.device.trials == []
    bench.answer("abandon")
    assert bench.kept is None
    assert bench.report.end is None
    assert bench.in_force == OLD_ID


def test_cancelled_while_the_key_is_made_it_asks_nothing(bench: Bench) -> None:
    bench.begin()
    bench.operation.cancel()
    bench.device.works.pop()()
    assert bench.asked == []
    assert bench.renewal.idle


def test_a_key_that_was_made_for_a_cancelled_job_serves_no_other(bench: Bench) -> None:
    # given
    bench.begin("first")
    bench.operation.cancel()
    bench.begin("second")
    # when
    for work in bench.device.works:
        work()
    bench.device.subscriptions[-1].done(None)
    # then
    assert [sent.content["jobId"] for sent in bench.device.sent] == ["second"]


@pytest.mark.parametrize("step", ["trial", "confirm"])
def test_cancelled_later_it_is_completed(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    # when
    bench.operation.cancel()
    if step == "trial":
        bench.tried()
    bench.answer("confirm", certificateId=NEW_ID)
    # then
    assert bench.in_force == NEW_ID
    assert bench.kept is None
    assert bench.report.end is None


# --- switched off in the middle


@pytest.mark.parametrize("step", ["create", "trial", "confirm", "confirmed"])
def test_switched_off_anywhere_the_job_goes_on_where_it_was(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    details, requested = bench.report.details, (bench.kept or {}).get("csr")
    # when
    bench.switch_on()
    bench.renewal.on_ready()
    bench.begin(**details)
    # then
    if step == "create":
        bench.device.subscriptions[-1].done(None)
        assert bench.device.sent[-1].content["csr"] == requested
        bench.certify()
    if step in ("create", "trial"):
        bench.tried()
    if step != "confirmed":
        assert bench.asked[-1] == "confirm"
        bench.answer("confirm", certificateId=NEW_ID)
    assert bench.report.end == ("SUCCEEDED", NEW_ID)
    assert bench.in_force == NEW_ID
    assert bench.kept is None


@pytest.mark.parametrize("step", ["create", "trial"])
def test_switched_off_and_its_job_gone_it_is_given_up(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    bench.switch_on()
    assert bench.renewal.filters == (f"{BASE}/+/+",)
    # when
    bench.renewal.on_ready()
    assert bench.device.timers[-1].seconds == GRACE_SECONDS
    bench.fire()
    # then
    assert bench.asked == ["abandon"]
    bench.answer("abandon")
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_switched_off_and_its_job_gone_what_is_in_force_is_confirmed(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.switch_on()
    # when
    bench.renewal.on_ready()
    # then
    assert bench.asked == ["confirm"]
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.in_force == NEW_ID
    assert bench.kept is None


def test_switched_off_while_it_was_given_up_it_is_given_up(bench: Bench) -> None:
    # given
    bench.to("trial")
    bench.tried("handshake failed")
    bench.switch_on()
    # when
    bench.begin()
    bench.renewal.on_ready()
    # then
    assert bench.asked == ["abandon"]
    bench.answer("abandon")
    assert bench.report.end == ("FAILED", "INTERRUPTED")


@pytest.mark.parametrize("step", ["create", "trial"])
def test_another_job_begins_anew(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    kept = bench.kept
    bench.switch_on()
    # when
    bench.begin("next")
    bench.device.works.pop()()
    # then
    assert bench.kept is not None
    assert kept is not None
    assert (bench.kept["jobId"], kept["jobId"]) == ("next", "job")
    assert bench.kept["privateKey"] != kept["privateKey"]
    assert "new" not in bench.kept


def test_another_job_does_not_come_between(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.operation.cancel()
    # when
    bench.begin("next")
    # then
    assert bench.report.end == ("FAILED", "BUSY")
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.in_force == NEW_ID


@pytest.mark.parametrize(
    "document",
    [{}, {"jobId": "job"}, {"jobId": 1, "privateKey": "x", "csr": "x"}, {"jobId": "j", "privateKey": "k", "csr": "c",
     "new": {}, "previous": {}}],
)  # fmt: skip
def test_a_damaged_file_does_not_keep_the_device_from_running(bench: Bench, document: JsonObject) -> None:
    # given
    bench.state.documents[ROTATION_FILE] = dict(document)
    # when
    bench.switch_on()
    bench.renewal.on_ready()
    # then
    assert bench.renewal.idle
    assert bench.device.told
    bench.to("confirmed")
    assert bench.report.end == ("SUCCEEDED", NEW_ID)


# --- the job's document


def test_the_trial_takes_as_long_as_the_job_says(bench: Bench) -> None:
    assert rotate_cert.parse({}, bench.device) == {"trialSeconds": 60}
    assert rotate_cert.parse({"trialSeconds": 10}, bench.device) == {"trialSeconds": 10}
    bench.to("trial")
    bench.wait_for_trial()
    assert bench.device.trials[-1].seconds == 60


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"trialSeconds": value}, "trialSeconds") for value in (9, 601, True, "60", None)] + [({"more": 1}, "more")],
)
def test_bad_parameters_are_refused(bench: Bench, parameters: JsonObject, field: str) -> None:
    with pytest.raises(RefusedFieldError) as error:
        rotate_cert.parse(parameters, bench.device)
    assert error.value.field == field
