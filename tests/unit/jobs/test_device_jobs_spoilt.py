"""Jobs: bad documents, operations that stumble, a service that talks nonsense or does not
answer.
"""

import json
from typing import Any

import pytest

from tests.unit.jobs.bench import BASE, OVER, THROTTLED, Bench, Dance, summary
from virtual_device.connection.job_service import UNREADABLE, Execution, Fault
from virtual_device.connection.transport import Failure, Message
from virtual_device.jobs.job_run import CHECK_SECONDS

BAD: dict[str, list[Any]] = {
    "document": [
        None,
        [],
        "dance",
        1,
        {"operation": "dance", "a": json.loads("[" * 80 + "]" * 80)},
    ],
    "operation": [{}, {"operation": 1}, {"operation": "explode"}, {"operation": "x" * 3000}],
    "colour": [{"operation": "dance", "colour": "red"}],
    "unit": [{"operation": "change-unit"}, {"operation": "change-unit", "unit": "Metric"}],
}


@pytest.mark.parametrize(
    ("field", "document"), [(field, one) for field, all_ in BAD.items() for one in all_], ids=str
)
def test_a_bad_document_is_rejected_with_field_and_reason(
    bench: Bench, field: str, document: Any
) -> None:
    bench.ready(execution=summary("bad"))
    bench.question.done(Execution("bad", 1, 2, "IN_PROGRESS", document))
    assert (bench.update.status, bench.update.details["field"]) == ("REJECTED", field)
    assert bench.update.details["code"] == "INVALID_DOCUMENT"
    assert bench.update.details["reason"]
    assert Dance.all == []
    # and the next one has its turn
    bench.question.done(3)
    assert bench.start("good").calls == ["start"]


def test_a_document_that_cannot_even_be_read_is_rejected(bench: Bench) -> None:
    # given a document that the SDK fails at
    bench.ready(execution=summary("bad"))
    bench.question.done(Fault("nested too deeply", UNREADABLE))
    # when the device asks what is next without its document
    bench.timers()[-1].fire()
    bench.hear(
        "$next/get/accepted",
        clientToken=bench.token,
        execution={**summary("bad"), "versionNumber": 2},
    )
    # then it is rejected
    assert (bench.update.job_id, bench.update.version, bench.update.status) == (
        "bad",
        2,
        "REJECTED",
    )
    assert bench.update.details["field"] == "document"


def test_a_notification_that_cannot_be_read_is_news_all_the_same(bench: Bench) -> None:
    riddle = Message(f"{BASE}/notify-next", b'{"execution": ' + b"[" * 500 + b"]" * 500 + b"}")
    # when the device is idle, then it asks what is next, without the document
    bench.ready()
    bench.client.on_message(riddle)
    bench.hear("$next/get/accepted", clientToken=bench.token, execution=summary("bad"))
    # when it is about to start one, then it asks once more
    bench.client.on_message(riddle)
    bench.question.done(None)
    assert bench.question.operation == "start-next"
    # when a job is under way, then it looks whether that is still its own
    bench.start()
    bench.client.on_message(riddle)
    assert bench.question.operation == "describe"


def test_an_operation_that_stumbles_fails_and_holds_nothing_up(bench: Bench) -> None:
    bench.ready(execution=summary("one"))
    bench.start(parameters={"stumble": "at once"})
    assert (bench.update.status, bench.update.details["code"]) == ("FAILED", "INTERNAL_ERROR")
    assert "stumbled" in bench.update.details["reason"]
    bench.question.done(3)
    assert bench.question.operation == "start-next"


def test_an_operation_that_stumbles_later_fails_as_well(bench: Bench) -> None:
    bench.ready(execution=summary("one"))
    bench.start(parameters={"stumble": "later"})
    bench.client.on_settings({"unit": "metric"})
    assert (bench.update.status, bench.update.details["reason"]) == (
        "FAILED",
        "RuntimeError: stumbled over a setting",
    )
    bench.question.done(3)
    # and one that can't even be stopped holds nothing up
    bench.start("two", parameters={"stumble": "later"})
    bench.hear("notify-next")
    with pytest.raises(RuntimeError, match="stumbled again"):
        bench.question.done(OVER)
    assert bench.question.operation == "start-next"


def test_what_is_next_is_asked_again_with_growing_pauses(bench: Bench) -> None:
    bench.client.on_ready()
    for _ in range(4):
        (silence,) = bench.timers()
        silence.fire()
        (retry,) = bench.timers()
        retry.fire()
    bench.device.sent[-1].done(Failure("gone", refused=False))
    bench.timers()[-1].fire()
    bench.hear(
        "$next/get/rejected", clientToken=bench.token, code="RequestThrottled", message="slow down"
    )
    bench.timers()[-1].fire()
    bench.hear("$next/get/accepted", clientToken=bench.token, execution=summary("one"))
    # the same goes for the start
    bench.question.done(THROTTLED)
    bench.timers()[-1].fire()
    bench.hear("$next/get/accepted", clientToken=bench.token, execution=summary("one"))
    assert bench.start().calls == ["start"]
    assert [timer.seconds for timer in bench.timers()] == [CHECK_SECONDS]


def test_what_the_policy_forbids_is_not_asked_again(bench: Bench) -> None:
    bench.client.on_ready()
    bench.device.sent[-1].done(Failure("NOT_AUTHORIZED", refused=True, code=135))
    assert bench.timers() == []
    bench.client.on_ready()
    bench.hear("$next/get/rejected", clientToken=bench.token, code="InvalidRequest", message="no")
    assert bench.timers() == []


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{", b'{"execution": 1}', b'{"execution": {"jobId": {}}}', b"\xff"]
)
def test_nonsense_from_the_service_does_no_harm(bench: Bench, payload: bytes) -> None:
    dance = bench.dancing()
    for kind in (
        "notify-next",
        "$next/get/accepted",
        "$next/get/rejected",
        "nonsense",
        "one/update/accepted",
    ):
        assert bench.client.on_message(Message(f"{BASE}/{kind}", payload))
    assert dance.calls == ["start"]
