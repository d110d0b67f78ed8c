"""What is wrong with a device: one plain sentence each."""

import shlex
from collections.abc import Mapping
from typing import Any

import pytest

from explaining.entries import Entry
from explaining.facts import Facts, FailedExecution, FailedJob
from explaining.policies import Policy
from explaining.principal import Principal
from explaining.refusals import Refusal
from explaining.troubles import Trouble, troubles

ROW: Mapping[str, Any] = {
    "thing_name": "lamp",
    "status": "ONLINE",
    "created_at": "2026-01-02T03:04:05.000Z",
    "updated_at": "2026-01-02T03:05:05.000Z",
    "certificate_arn": "arn:aws:iot:eu-west-1:123456789012:cert/abc",
    "task_arn": "arn:aws:ecs:eu-west-1:123456789012:task/devices/77",
}
NOW = 1_767_323_105_000


def entry(kind: str, at_ms: int, text: str = "", **detail: Any) -> Entry:
    return Entry(f"{at_ms}-x", at_ms, kind, text or kind, detail=detail, trouble=True)


def gone(reason: str, at_ms: int = NOW) -> Entry:
    return entry("disconnected", at_ms, "disconnected: for a reason", disconnectReason=reason)


def only(**facts: Any) -> Trouble:
    row = {**ROW, **facts.pop("row", {})}
    (found,) = troubles(Facts(row, **facts))
    assert found.sentence.endswith(".")
    assert found.cause
    assert found.todo
    assert not any("NAME" in line or "CERTIFICATE_ARN" in line for line in found.todo)
    return found


def test_nothing_is_wrong() -> None:
    entries = [entry("connected", NOW)]
    settings = {"time": 5}
    assert troubles(Facts(ROW, settings, settings, entries)) == []


@pytest.mark.parametrize("hosting", ["task", "none"])
def test_a_device_whose_request_nobody_has_signed(hosting: str) -> None:
    row = {"status": "PROVISIONING", "identity": "jitr", "hosting": hosting}
    found = only(row=row)
    assert "has not come with a certificate of your own authority" in found.sentence
    sign = "playground authority sign lamp" + (" --csr FILE" if hosting == "none" else "")
    assert found.todo == (sign, "playground logs lamp --source functions")
    # and: one that is let in, or has another method
    for other in ({"certificate_id": "abc"}, {"identity": "csr"}):
        assert troubles(Facts({**ROW, **row, **other})) == []


@pytest.mark.parametrize("reason", ["CONNECTION_LOST", "AUTH_ERROR", "DUPLICATE_CLIENTID", "NEW"])
def test_an_offline_device_with_the_reason_of_its_disconnection(reason: str) -> None:
    found = only(row={"status": "OFFLINE"}, entries=[gone(reason)])
    assert (found.kind, found.now) == ("offline", True)
    assert found.sentence.startswith("lamp disconnected")
    assert found.sentence.endswith("and is not back.")
    assert any(f"disconnectReason {reason}" in line for line in found.evidence)
    assert "playground restart lamp" in found.todo


def test_what_only_its_owner_can_start_again() -> None:
    row = {"status": "OFFLINE", "hosting": "none"}
    found = only(row=row, entries=[gone("CONNECTION_LOST")])
    assert found.todo == ("Look if its program runs.", "Start it again, where you run it.")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("API_INITIATED_DISCONNECT", "DeleteConnection was called"),
        ("NEW", "AWS IoT gives the reason NEW,"),
        ("UNKNOWN", "the reason is not known"),
    ],
)
def test_a_reason_is_told_as_far_as_it_is_known(reason: str, told: str) -> None:
    assert told in only(row={"status": "OFFLINE"}, entries=[gone(reason)]).cause


def test_a_device_that_is_back_and_one_that_was_asked_to_reconnect() -> None:
    back = [entry("connected", NOW + 500), gone("CONNECTION_LOST")]
    found = only(entries=back)
    assert (found.kind, found.now) == ("disconnect", False)
    asked = Entry("y", NOW - 20, "reported", "reported reconnect=1", detail={
        "settings": {"reconnect": 1}
    })  # fmt: skip
    assert troubles(Facts(ROW, entries=[*back, asked])) == []


def test_a_refused_publish_is_explained_by_the_policy_and_counted() -> None:
    base = "arn:aws:iot:eu-west-1:123456789012:"
    statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{base}topic/dt/*"}
    lamp = Principal("lamp", f"{base}cert/abc", (Policy("p", {"Statement": [statement]}),))
    refusals = [Refusal(NOW + n, "publish", "evt/a", "AUTHORIZATION_FAILURE") for n in range(3)]
    found = only(refusals=refusals, principal=lamp)
    assert (found.kind, found.now, found.at_ms) == ("refused", True, NOW + 2)
    assert found.sentence == "lamp was not allowed to publish to evt/a 3 times."
    assert "statement 1 of the policy p" in found.cause
    allowed = [Refusal(NOW, "publish", "dt/a", "AUTHORIZATION_FAILURE")]
    found = only(refusals=allowed, principal=lamp)
    assert not found.now
    assert found.cause.startswith("It is allowed by now")


def test_a_rejected_setting_and_one_that_waits() -> None:
    rejected = {"time": {"value": 0, "reason": "must be an integer from 1 to 86400"}}
    found = only(desired={"time": 0}, reported={"time": 60, "rejected": rejected})
    assert (found.kind, found.sentence) == (
        "rejected", "lamp refuses the setting time: must be an integer from 1 to 86400.",
    )  # fmt: skip
    assert "playground unset lamp time" in found.todo
    pending = troubles(Facts({**ROW, "status": "PROVISIONING"}, {"time": 5}, {"time": 60}))
    assert [(one.kind, one.sentence) for one in pending] == [
        ("pending", "lamp has not applied time yet.")
    ]


@pytest.mark.parametrize("word", ["a'; touch owned; '", "$(touch owned)", "`touch owned`", "a b"])
def test_what_a_device_has_chosen_is_one_word_of_a_line_to_copy(word: str) -> None:
    refused = only(refusals=[Refusal(NOW, "publish", word, "AUTHORIZATION_FAILURE")])
    assert shlex.split(refused.todo[0]) == ["playground", "explain", "lamp", "publish", word]
    rejected = {word: {"value": 1, "reason": "is unknown"}}
    found = only(desired={word: 1}, reported={"rejected": rejected})
    assert shlex.split(found.todo[1]) == ["playground", "unset", "lamp", word]
    options = only(desired={"--yes": 1}, reported={"rejected": {"--yes": {"reason": "no"}}})
    assert options.todo[1] == "playground unset -- lamp --yes"
    # and not by luck: a shell that runs the line starts nothing else
    assert shlex.quote(word) in refused.todo[0]


def test_a_failed_state_is_named() -> None:
    failed = FailedExecution(
        "provision-device", "one", NOW, "NoDeviceImage", "push an image first", "RunTask"
    )
    found = only(row={"status": "FAILED"}, execution=failed)
    assert found.sentence == "lamp could not be made: NoDeviceImage in the state RunTask."
    assert found.cause == "push an image first"


@pytest.mark.parametrize(
    "execution", [None, FailedExecution("provision-device", "one", 7, "S", "")]
)
def test_one_that_is_not_in_the_list_is_told_what_to_do(
    execution: FailedExecution | None,
) -> None:
    """As long as the row is there, for the row says why."""
    row = {
        "status": "FAILED",
        "identity": "claim-csr",
        "batch": "spring",
        "serial_refused": "the list has no serial number lamp",
    }
    found = only(row=row, execution=execution)
    assert found.kind == "workflow"
    assert found.sentence == "lamp could not be made: the list has no serial number lamp."
    assert "It is of batch spring." in found.cause
    assert "exactly once" in found.cause
    assert found.todo == (
        "playground serials list --batch spring",
        "If it is one of yours: playground serials add FILE",
        "playground create lamp --method claim-csr --batch spring",
    )


def test_one_of_an_authority_that_is_not_in_the_list_may_come_again() -> None:
    """Its owner's device is waited for, a day, and its row says why it was not let in."""
    row = {
        "status": "PROVISIONING",
        "identity": "jitr",
        "hosting": "none",
        "batch": "spring",
        "serial_refused": "the list has no serial number lamp",
    }
    found = only(row=row)
    assert found.sentence == "lamp is not let in: the list has no serial number lamp."
    assert found.evidence[0].startswith("AdmitCertificate refused it")
    assert found.todo[-1] == "Then have the device connect again."


def test_a_device_that_could_not_be_made_is_never_without_trouble() -> None:
    """Also when Step Functions has forgotten the execution."""
    found = only(row={"status": "FAILED", "status_reason": "no image"})
    assert (found.sentence, found.cause) == ("lamp could not be made.", "no image")
    assert only(row={"status": "FAILED"}).kind == "workflow"


def test_three_restarts_in_a_row() -> None:
    row = {"status": "FAILED", "given_up_at": "2026-01-02T03:05:00.000Z", "status_reason": "OOM"}
    found = only(row=row)
    assert (found.kind, found.sentence) == (
        "workflow",
        "lamp failed after three restarts in a row.",
    )
    assert found.cause == "OOM"


def test_a_device_that_somebody_has_stopped() -> None:
    row = {"status": "STOPPED", "given_up_at": "2026-01-02T03:05:00.000Z", "restarted_by": "a:one"}
    found = only(row=row)
    assert found.sentence == "lamp was stopped."
    assert (found.evidence, found.todo) == (("execution one",), ("playground restart lamp",))


def test_a_job_that_failed_with_its_code_and_reason() -> None:
    job = FailedJob("j1", "FAILED", NOW, {"code": "NOT_APPLIED", "reason": "not in force"})
    found = only(jobs=[job])
    assert found.sentence == "The job j1 ended as FAILED on lamp."
    assert found.cause == "NOT_APPLIED: not in force"


def test_a_quarantine_with_its_findings() -> None:
    row = {
        "status": "QUARANTINED",
        "quarantined_at": "2026-01-02T03:05:00.000Z",
        "quarantine_reason": "flood: 40 in 10 s",
        "quarantined_by": "arn:x:execution:m:finding-1",
    }
    finding = {"at": "2026-01-02T03:04:59.000Z", "rule": "flood", "reason": "40 in 10 s"}
    found = only(row=row, findings=[finding])
    assert found.sentence == "lamp is in quarantine: flood: 40 in 10 s."
    assert found.evidence[0] == "2026-01-02T03:04:59.000Z flood: 40 in 10 s"
    assert "playground release lamp" in found.todo


def test_what_is_so_now_comes_before_what_was() -> None:
    entries = [entry("connected", NOW + 10_000), gone("CONNECTION_LOST", NOW + 9_000)]
    rejected = {"time": {"value": 0, "reason": "no"}}
    found = troubles(Facts(ROW, {"time": 0}, {"rejected": rejected}, entries))
    assert [one.kind for one in found] == ["rejected", "disconnect"]
