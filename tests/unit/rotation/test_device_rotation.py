"""rotate-cert: the change to a new certificate, what is asked for it, and what fails."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tests.unit.rotation.bench import BASE, NEW_ID, OLD_ID, Bench
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.connection.transport import Failure, Message
from virtual_device.jobs import rotate_cert
from virtual_device.rotation import rotator
from virtual_device.rotation.course import MAX_TRIES
from virtual_device.state.keys import make_request

REFUSED = Failure("NOT_AUTHORIZED (135)", refused=True, code=135)


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
    assert bench.rotator.filters == ()
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
    assert (
        x509.load_pem_x509_csr(make_request("x" * 128).csr.encode()).subject.rfc4514_string()
        == "CN=" + "x" * 64
    )


Fault = Callable[[Bench], None]
FAULTS: dict[str, tuple[str, Fault, str]] = {
    "refused": (
        "create",
        lambda b: b.answer("create", "rejected", code="NO_SUCH_JOB", reason="no"),
        "NO_SUCH_JOB",
    ),
    "no certificate": ("create", lambda b: b.certify(certificatePem="nonsense"), "UNUSABLE"),
    "trial": ("trial", lambda b: b.tried("handshake failed"), "TRIAL_FAILED"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_leaves_the_old_certificate_and_has_the_new_one_removed(
    bench: Bench, fault: str
) -> None:
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
    for topic in (
        "create/accepted",
        "create/rejected",
        "confirm/accepted",
        "abandon/accepted",
        "x",
    ):
        assert bench.rotator.on_message(Message(f"{BASE}/{topic}", payload))
    # then
    assert (bench.asked, bench.device.trials, bench.report.end) == (["create"], [], None)


def test_a_certificate_for_another_key_is_not_taken(bench: Bench) -> None:
    bench.ask()
    bench.certify(csrSha256="0" * 64)
    assert bench.device.trials == []
    assert bench.report.end is None


def test_messages_for_others_are_left_alone(bench: Bench) -> None:
    assert not bench.rotator.on_message(Message("cmd/playground/dev-TEST/req", b"{}"))


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


def test_a_key_that_can_not_be_made_fails_the_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    def broken(_name: str) -> None:
        raise OSError("no entropy")

    monkeypatch.setattr(rotator, "make_request", broken)
    # when
    bench.begin()
    bench.device.works.pop()()
    # then
    assert bench.report.end == ("FAILED", "NO_KEY")
    assert bench.rotator.idle


def test_what_may_not_be_heard_is_not_asked(bench: Bench) -> None:
    bench.begin()
    bench.device.works.pop()()
    bench.device.subscriptions[-1].done(REFUSED)
    assert bench.asked == []
    assert bench.report.end == ("FAILED", "NOT_ALLOWED")
    assert bench.kept is None


def test_the_trial_takes_as_long_as_the_job_says(bench: Bench) -> None:
    assert rotate_cert.parse({}, bench.device) == {"trialSeconds": 60}
    assert rotate_cert.parse({"trialSeconds": 10}, bench.device) == {"trialSeconds": 10}
    bench.to("trial")
    bench.wait_for_trial()
    assert bench.device.trials[-1].seconds == 60


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"trialSeconds": value}, "trialSeconds") for value in (9, 601, True, "60", None)]
    + [({"more": 1}, "more")],
)
def test_bad_parameters_are_refused(bench: Bench, parameters: JsonObject, field: str) -> None:
    with pytest.raises(RefusedFieldError) as error:
        rotate_cert.parse(parameters, bench.device)
    assert error.value.field == field
