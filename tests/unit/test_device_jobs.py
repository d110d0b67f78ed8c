"""Jobs: which one is taken when, what is reported, and what happens when service or network do not play along."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.doubles.jobs import JobsService, Question
from tests.unit.doubles.surroundings import Device, Timer
from virtual_device import capabilities, operations
from virtual_device.capability import Surroundings
from virtual_device.job_client import JobClient
from virtual_device.job_reports import LONGEST_RETRY_SECONDS
from virtual_device.job_run import CHECK_SECONDS
from virtual_device.jobs import UNREADABLE, Execution, Fault, Update, tidy
from virtual_device.jsonvalue import JsonObject
from virtual_device.operation import Job, Kind, Operation, Report, only
from virtual_device.thing import Thing
from virtual_device.transport import Failure, Message

THING = Thing("dev-TEST", "bulb")
BASE = "$aws/things/dev-TEST/jobs"
LOST = Fault("no answer")
THROTTLED = Fault("slow down (RequestThrottled)", "RequestThrottled")
OVER = Fault("it is over (TerminalStateReached)", "TerminalStateReached")


class Dance(Operation):
    """An operation that the test leads."""

    def __init__(self, job: Job, _device: Surroundings, report: Report) -> None:
        self.job, self.report, self.calls = job, report, list[str]()
        Dance.all.append(self)

    all: "list[Dance]" = []  # noqa: RUF012 - emptied for each test

    def start(self) -> None:
        if self.job.parameters.get("stumble") == "at once":
            raise RuntimeError("stumbled")
        self.calls.append("start")

    def cancel(self) -> None:
        self.calls.append("cancel")
        if self.job.parameters.get("stumble"):
            raise RuntimeError("stumbled again")

    def on_ready(self) -> None:
        self.calls.append("ready")

    def on_disconnected(self) -> None:
        self.calls.append("disconnected")

    def on_settings(self, before: JsonObject) -> None:
        self.calls.append(f"settings were {before['unit']}")
        if self.job.parameters.get("stumble"):
            raise RuntimeError("stumbled over a setting")


def parse(parameters: JsonObject, _surroundings: Surroundings) -> JsonObject:
    only(parameters, "steps", "stumble")
    return parameters


class Bench:
    def __init__(self) -> None:
        self.device = Device(THING)
        self.client = JobClient(self.device)

    @property
    def service(self) -> JobsService:
        """The client of the service that was made last."""
        return self.device.services[-1]

    @property
    def question(self) -> Question:
        """What the service was asked last."""
        return self.service.questions[-1]

    @property
    def update(self) -> Update:
        """What was reported last."""
        assert self.question.update is not None
        return self.question.update

    @property
    def dance(self) -> Dance:
        return Dance.all[-1]

    def hear(self, kind: str, **content: Any) -> None:
        assert self.client.on_message(Message(f"{BASE}/{kind}", json.dumps(content).encode()))

    def ready(self, **pending: Any) -> None:
        """Connected; the service says what is pending."""
        self.client.on_ready()
        self.hear("$next/get/accepted", clientToken=self.token, **pending)

    @property
    def token(self) -> Any:
        return self.device.sent[-1].content["clientToken"]

    def start(self, job: str = "one", version: int = 2, **more: Any) -> Dance:
        """The service hands out a job."""
        assert self.question.operation == "start-next"
        document = {"operation": "dance", **more.pop("parameters", {})}
        self.question.done(Execution(job, 1, version, "IN_PROGRESS", document, **more))
        return self.dance

    def dancing(self) -> Dance:
        """Connected, with one job under way."""
        self.ready(execution=summary("one"))
        return self.start()

    def timers(self) -> list[Timer]:
        """Those that still run."""
        return [timer for timer in self.device.timers if timer.call is not None]


def summary(job: str, number: int = 1) -> dict[str, Any]:
    return {"jobId": job, "executionNumber": number, "versionNumber": 1, "status": "QUEUED"}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setitem(operations.ROWS, "dance", Kind("dance", "for tests", parse, Dance))
    yield Bench()
    Dance.all.clear()


def test_a_device_subscribes_to_what_is_next() -> None:
    filters = [name for capability in capabilities.of_device(Device(THING)) for name in capability.filters]
    assert {f"{BASE}/notify-next", f"{BASE}/$next/get/accepted", f"{BASE}/$next/get/rejected"} <= set(filters)


def test_messages_for_others_are_left_alone(bench: Bench) -> None:
    assert not bench.client.on_message(Message("$aws/things/dev-OTHER/jobs/notify-next", b"{}"))
    assert not bench.client.on_message(Message("$aws/things/dev-TEST/shadow/update/delta", b"{}"))
    # answers to the SDK's own client come by, and are its business
    assert bench.client.on_message(Message(f"{BASE}/start-next/accepted", b"{}"))


def test_an_idle_device_has_no_client_and_no_timer(bench: Bench) -> None:
    bench.ready()
    assert bench.device.services == []
    assert bench.timers() == []
    bench.hear("notify-next")
    assert bench.device.services == []


def test_only_its_own_question_is_answered(bench: Bench) -> None:
    bench.client.on_ready()
    assert json.loads(bench.device.sent[-1].payload)["includeJobDocument"] is False
    bench.hear("$next/get/accepted", clientToken="another's", execution=summary("one"))
    assert bench.device.services == []


def test_jobs_are_done_one_by_one_until_none_is_left(bench: Bench) -> None:
    # given three jobs that were queued while the device was away
    bench.ready(execution=summary("one"))
    for job in ("one", "two", "three"):
        # when one is handed out, then it is carried out, and the next is not asked for before its end is taken
        dance = bench.start(job, parameters={"steps": 3})
        assert (dance.job.job_id, dance.job.parameters, dance.calls) == (job, {"steps": 3}, ["start"])
        dance.report.succeeded(steps="3")
        assert (bench.update.job_id, bench.update.status, bench.update.details) == (job, "SUCCEEDED", {"steps": "3"})
        assert (bench.update.version, bench.update.number) == (2, 1)
        bench.question.done(3)
    # then the client of the service is given back, and no timer is left
    bench.question.done(None)
    assert bench.service.closed
    assert len(bench.device.services) == 1
    assert bench.timers() == []


def test_a_notification_starts_the_next(bench: Bench) -> None:
    bench.ready()
    bench.hear("notify-next", execution=summary("one"))
    assert bench.start().calls == ["start"]


def test_a_notification_before_the_first_answer_starts_the_next(bench: Bench) -> None:
    bench.client.on_ready()
    bench.hear("notify-next", execution=summary("one"))
    assert bench.question.operation == "start-next"
    bench.hear("$next/get/accepted", clientToken=bench.token)  # which came too late
    assert bench.start().calls == ["start"]


def test_a_notification_that_overtakes_the_answer_is_not_lost(bench: Bench) -> None:
    # given a device that asks for the next job
    bench.dancing().report.succeeded()
    bench.question.done(3)
    # when a job is queued after the service has answered that there is none
    bench.hear("notify-next", execution=summary("two"))
    bench.question.done(None)
    # then the device asks again
    assert bench.start("two").job.job_id == "two"


def test_progress_is_reported_with_the_version_that_came_of_it(bench: Bench) -> None:
    dance = bench.dancing()
    dance.report.progress(step="1")
    first = bench.update
    assert (first.status, first.version, first.details, first.step_minutes) == ("IN_PROGRESS", 2, {"step": "1"}, 60)
    # when more is told before the answer is there, then only the last of it is sent, with what was said before
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
    assert bench.update.details == {"code": "FELL", "reason": "stumbled on a step", "tempo": "fast", "step": "2"}


def test_after_its_end_a_job_tells_no_more(bench: Bench) -> None:
    dance = bench.dancing()
    dance.report.succeeded()
    count = len(bench.service.questions)
    dance.report.failed("LATE", "too late")
    dance.report.progress(step="1")
    bench.question.done(3)
    assert [question.operation for question in bench.service.questions[count:]] == ["start-next"]


def test_a_job_goes_on_after_a_restart(bench: Bench) -> None:
    bench.ready(execution=summary("one"))
    dance = bench.start(version=7, details={"step": "2"})
    assert dance.job.details == {"step": "2"}
    dance.report.progress(step="3")
    assert bench.update.version == 7


def test_a_job_outlives_the_connection(bench: Bench) -> None:
    # given a job that ends while the device is not connected
    dance = bench.dancing()
    first = bench.service
    bench.client.on_disconnected()
    assert first.closed
    dance.report.succeeded()
    assert bench.timers() == []
    # when it connects again, then that is reported
    bench.client.on_ready()
    assert bench.service is not first
    assert bench.update.status == "SUCCEEDED"
    assert dance.calls == ["start", "disconnected"]
    bench.question.done(3)
    assert bench.question.operation == "start-next"


def test_an_operation_hears_of_the_connection(bench: Bench) -> None:
    dance = bench.dancing()
    bench.client.on_disconnected()
    bench.client.on_ready()
    assert dance.calls == ["start", "disconnected", "ready"]
    assert bench.question.operation == "describe"
    # what was asked on the old connection is answered no more
    assert bench.device.services[0].closed


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


def test_settings_are_told_to_the_operation(bench: Bench) -> None:
    bench.client.on_settings({"unit": "metric"})  # without a job
    dance = bench.dancing()
    bench.client.on_settings({"unit": "imperial"})
    assert dance.calls == ["start", "settings were imperial"]


def test_what_was_cancelled_is_stopped_and_the_next_begins(bench: Bench) -> None:
    dance = bench.dancing()
    # when another job is next
    bench.hear("notify-next", execution=summary("two"))
    assert bench.question.operation == "describe"
    bench.question.done(OVER)
    # then the one under way is stopped, nothing is reported, and the other one starts
    assert dance.calls == ["start", "cancel"]
    dance.report.succeeded()
    assert bench.start("two").job.job_id == "two"


def test_an_old_notification_stops_nothing(bench: Bench) -> None:
    dance = bench.dancing()
    bench.hear("notify-next", execution=summary("zero"))
    bench.question.done(Execution("one", 1, 2, "IN_PROGRESS"))
    bench.hear("notify-next", execution=summary("one"))
    assert dance.calls == ["start"]
    assert [question.operation for question in bench.service.questions] == ["start-next", "describe"]


@pytest.mark.parametrize(
    "answer", [OVER, None, Fault("?", "ResourceNotFound"), Execution("one", 1, 3, "TIMED_OUT")], ids=str
)
def test_a_job_whose_time_is_up_is_stopped_without_a_notification(bench: Bench, answer: Any) -> None:
    dance = bench.dancing()
    # when the device asks by itself
    (check,) = bench.timers()
    assert check.seconds == CHECK_SECONDS
    check.fire()
    bench.question.done(answer)
    # then the job is stopped
    assert dance.calls == ["start", "cancel"]
    assert bench.question.operation == "start-next"
    assert bench.timers() == []


@pytest.mark.parametrize("answer", [LOST, THROTTLED, Execution("one", 1, 2, "IN_PROGRESS")], ids=str)
def test_a_job_that_is_still_its_own_goes_on(bench: Bench, answer: Any) -> None:
    dance = bench.dancing()
    bench.timers()[0].fire()
    bench.question.done(answer)
    assert dance.calls == ["start"]
    assert [timer.seconds for timer in bench.timers()] == [CHECK_SECONDS]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("it is CANCELED", "InvalidStateTransition", "CANCELED", 3),
        Fault("another version", "VersionMismatch", "TIMED_OUT", 3),
        Fault("deleted", "ResourceNotFound"),
    ],
    ids=lambda fault: str(fault.code),
)
@pytest.mark.parametrize(("report", "calls"), [("succeeded", ["start"]), ("progress", ["start", "cancel"])])
def test_a_report_for_a_job_that_is_gone(bench: Bench, fault: Fault, report: str, calls: list[str]) -> None:
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
        {"no blank": "x", "empty": "\n", "long": "x" * 2000, "lines": "a\nb", **{f"n{n}": "x" for n in range(20)}}
    )
    assert len(tidied) == 10
    assert (len(tidied["long"]), tidied["lines"]) == (1024, "ab")
    assert "no blank" not in tidied
    assert tidied["empty"] == "?"


BAD: dict[str, list[Any]] = {
    "document": [None, [], "dance", 1, {"operation": "dance", "a": json.loads("[" * 80 + "]" * 80)}],
    "operation": [{}, {"operation": 1}, {"operation": "explode"}, {"operation": "x" * 3000}],
    "colour": [{"operation": "dance", "colour": "red"}],
    "unit": [{"operation": "change-unit"}, {"operation": "change-unit", "unit": "Metric"}],
}


@pytest.mark.parametrize(("field", "document"), [(field, one) for field, all_ in BAD.items() for one in all_], ids=str)
def test_a_bad_document_is_rejected_with_field_and_reason(bench: Bench, field: str, document: Any) -> None:
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
    bench.hear("$next/get/accepted", clientToken=bench.token, execution={**summary("bad"), "versionNumber": 2})
    # then it is rejected
    assert (bench.update.job_id, bench.update.version, bench.update.status) == ("bad", 2, "REJECTED")
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
    assert (bench.update.status, bench.update.details["reason"]) == ("FAILED", "RuntimeError: stumbled over a setting")
    bench.question.done(3)
    # and one that can't even be stopped holds nothing up
    bench.start("two", parameters={"stumble": "later"})
    bench.hear("notify-next")
    with pytest.raises(RuntimeError, match="stumbled again"):
        bench.question.done(OVER)
    assert bench.question.operation == "start-next"


def test_the_end_is_reported_although_the_service_did_not_take_what_was_before(bench: Bench) -> None:
    dance = bench.dancing()
    dance.report.progress(step="1")
    dance.report.succeeded()
    bench.question.done(Fault("statusDetails", "InvalidRequest"))
    assert bench.update.status == "SUCCEEDED"


def test_what_is_next_is_asked_again_with_growing_pauses(bench: Bench) -> None:
    bench.client.on_ready()
    for _ in range(4):
        (silence,) = bench.timers()
        silence.fire()
        (retry,) = bench.timers()
        retry.fire()
    bench.device.sent[-1].done(Failure("gone", refused=False))
    bench.timers()[-1].fire()
    bench.hear("$next/get/rejected", clientToken=bench.token, code="RequestThrottled", message="slow down")
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


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"execution": 1}', b'{"execution": {"jobId": {}}}', b"\xff"])
def test_nonsense_from_the_service_does_no_harm(bench: Bench, payload: bytes) -> None:
    dance = bench.dancing()
    for kind in ("notify-next", "$next/get/accepted", "$next/get/rejected", "nonsense", "one/update/accepted"):
        assert bench.client.on_message(Message(f"{BASE}/{kind}", payload))
    assert dance.calls == ["start"]


# --- change-unit


@pytest.fixture
def unit_job(bench: Bench) -> Bench:
    """A device with the job to change to imperial."""
    bench.ready(execution=summary("unit"))
    bench.question.done(Execution("unit", 1, 2, "IN_PROGRESS", {"operation": "change-unit", "unit": "imperial"}))
    return bench


def follow(bench: Bench, unit: str) -> None:
    """The device runs with another unit."""
    before = bench.device.settings
    bench.device.settings = {**before, "unit": unit}
    bench.client.on_settings(before)


def test_change_unit_succeeds_when_the_device_runs_with_it(unit_job: Bench) -> None:
    assert [wish.desired for wish in unit_job.device.wishes] == [{"unit": "imperial"}]
    unit_job.device.wishes[-1].done(None)
    assert unit_job.question.operation == "start-next"  # nothing is reported yet
    follow(unit_job, "imperial")
    assert (unit_job.update.status, unit_job.update.details) == ("SUCCEEDED", {"unit": "imperial", "before": "metric"})
    assert unit_job.timers() == []


def test_change_unit_succeeds_at_once_when_it_is_so_already(bench: Bench) -> None:
    bench.ready(execution=summary("unit"))
    bench.question.done(Execution("unit", 1, 2, "IN_PROGRESS", {"operation": "change-unit", "unit": "metric"}))
    assert bench.device.wishes == []
    assert bench.update.status == "SUCCEEDED"


def test_change_unit_wishes_again_and_fails_in_the_end(unit_job: Bench) -> None:
    # given a shadow that can't be reached
    unit_job.device.wishes[-1].done("no answer within 15 s")
    limit = [timer for timer in unit_job.timers() if timer.seconds == 60][1]  # the first is the job's own
    unit_job.timers()[-1].fire()
    assert len(unit_job.device.wishes) == 2
    unit_job.device.wishes[-1].done("no answer within 15 s")
    # when the limit is reached
    limit.fire()
    # then it fails with the reason, and what may have arrived is taken back
    assert (unit_job.update.status, unit_job.update.details["code"]) == ("FAILED", "NOT_APPLIED")
    assert "no answer within 15 s" in unit_job.update.details["reason"]
    assert unit_job.device.wishes[-1].desired == {"unit": "metric"}
    assert unit_job.timers() == []


def test_change_unit_takes_its_wish_back_when_it_is_cancelled(unit_job: Bench) -> None:
    unit_job.hear("notify-next")
    unit_job.question.done(OVER)
    assert unit_job.device.wishes[-1].desired == {"unit": "metric"}
    follow(unit_job, "imperial")
    assert unit_job.question.operation == "start-next"
