"""Jobs: what is reported, and what becomes of a report that the service does not take."""

import pytest

from tests.unit.jobs.bench import LOST, THROTTLED, Bench
from virtual_device.connection.job_service import Fault, tidy
from virtual_device.jobs.job_reports import LONGEST_RETRY_SECONDS


def test_progress_is_reported_with_the_version_that_came_of_it(bench: Bench) -> None:
    dance = bench.dancing()
    dance.report.progress(step="1")
    first = bench.update
    assert (first.status, first.version, first.details, first.step_minutes) == (
        "IN_PROGRESS",
        2,
        {"step": "1"},
        60,
    )
    # when more is told before the answer is there, then only the last of it is sent, with what was
    # said before
    dance.report.progress(step="2")
    dance.report.progress(tempo="fast")
    assert bench.update is first
    bench.question.done(3)
    assert (bench.update.version, bench.update.details) == (3, {"tempo": "fast", "step": "2"})
    # the end has its turn after that
    dance.report.failed("FELL", "stumbled on a step")
    dance.report.progress(step="9")
    bench.question.done(4)
    assert bench.update.status == "FAILED"
    assert bench.update.details == {
        "code": "FELL",
        "reason": "stumbled on a step",
        "tempo": "fast",
        "step": "2",
    }


def test_after_its_end_a_job_tells_no_more(bench: Bench) -> None:
    dance = bench.dancing()
    dance.report.succeeded()
    count = len(bench.service.questions)
    dance.report.failed("LATE", "too late")
    dance.report.progress(step="1")
    bench.question.done(3)
    assert [question.operation for question in bench.service.questions[count:]] == ["start-next"]


def test_a_report_that_was_on_its_way_is_sent_again(bench: Bench) -> None:
    # given a report whose answer went with the connection
    bench.dancing().report.succeeded()
    bench.client.on_disconnected()
    bench.client.on_ready()
    assert (bench.update.status, bench.update.version) == ("SUCCEEDED", 2)
    # when it had arrived all the same
    bench.question.done(Fault("another version", "VersionMismatch", "SUCCEEDED", 3))
    # then the job is over and the next is asked for
    assert bench.question.operation == "start-next"
    assert bench.timers() == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("it is CANCELED", "InvalidStateTransition", "CANCELED", 3),
        Fault("another version", "VersionMismatch", "TIMED_OUT", 3),
        Fault("deleted", "ResourceNotFound"),
    ],
    ids=lambda fault: str(fault.code),
)
@pytest.mark.parametrize(
    ("report", "calls"), [("succeeded", ["start"]), ("progress", ["start", "cancel"])]
)
def test_a_report_for_a_job_that_is_gone(
    bench: Bench, fault: Fault, report: str, calls: list[str]
) -> None:
    dance = bench.dancing()
    getattr(dance.report, report)(step="1")
    bench.question.done(fault)
    assert dance.calls == calls
    assert bench.question.operation == "start-next"
    assert bench.timers() == []


def test_another_version_is_adopted(bench: Bench) -> None:
    # given a report that had arrived although its answer was lost
    bench.dancing().report.progress(step="1")
    bench.question.done(LOST)
    retry = bench.timers()[-1]
    retry.fire()
    bench.question.done(Fault("another version", "VersionMismatch", "IN_PROGRESS", 3))
    bench.timers()[-1].fire()
    assert (bench.update.version, bench.update.details) == (3, {"step": "1"})


@pytest.mark.parametrize("fault", [LOST, THROTTLED], ids=["lost", "throttled"])
def test_a_report_is_repeated_with_growing_pauses(bench: Bench, fault: Fault) -> None:
    bench.dancing().report.succeeded()
    pauses = []
    for _ in range(12):
        bench.question.done(fault)
        (retry,) = bench.timers()
        pauses.append(retry.seconds)
        retry.fire()
        assert bench.update.status == "SUCCEEDED"
    assert all(pause <= min(LONGEST_RETRY_SECONDS, 2.0**n) for n, pause in enumerate(pauses))
    assert max(pauses) > 4
    bench.question.done(3)
    assert bench.question.operation == "start-next"


def test_details_that_the_service_does_not_take_hold_nothing_up(bench: Bench) -> None:
    dance = bench.dancing()
    dance.report.progress(step="1")
    bench.question.done(Fault("statusDetails", "InvalidRequest"))
    dance.report.succeeded(step="2")
    bench.question.done(Fault("statusDetails", "InvalidRequest"))
    bench.timers()[-1].fire()
    assert (bench.update.status, bench.update.details) == ("SUCCEEDED", {})


def test_details_are_within_the_limits_of_the_service() -> None:
    tidied = tidy(
        {
            "no blank": "x",
            "empty": "\n",
            "long": "x" * 2000,
            "lines": "a\nb",
            **{f"n{n}": "x" for n in range(20)},
        }
    )
    assert len(tidied) == 10
    assert (len(tidied["long"]), tidied["lines"]) == (1024, "ab")
    assert "no blank" not in tidied
    assert tidied["empty"] == "?"


def test_the_end_is_reported_although_the_service_did_not_take_what_was_before(
    bench: Bench,
) -> None:
    dance = bench.dancing()
    dance.report.progress(step="1")
    dance.report.succeeded()
    bench.question.done(Fault("statusDetails", "InvalidRequest"))
    assert bench.update.status == "SUCCEEDED"
