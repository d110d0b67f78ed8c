"""Jobs: which one is taken when, and when one is stopped."""

import json
from typing import Any

import pytest

from tests.unit.doubles.surroundings import Device
from tests.unit.jobs.bench import BASE, LOST, OVER, THING, THROTTLED, Bench, summary
from virtual_device import capabilities
from virtual_device.connection.job_service import Execution, Fault
from virtual_device.connection.transport import Message
from virtual_device.jobs.job_run import CHECK_SECONDS


def test_a_device_subscribes_to_what_is_next() -> None:
    filters = [
        name for capability in capabilities.of_device(Device(THING)) for name in capability.filters
    ]
    assert {
        f"{BASE}/notify-next",
        f"{BASE}/$next/get/accepted",
        f"{BASE}/$next/get/rejected",
    } <= set(filters)


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
        # when one is handed out, then it is carried out, and the next is not asked for before its
        # end is taken
        dance = bench.start(job, parameters={"steps": 3})
        assert (dance.job.job_id, dance.job.parameters, dance.calls) == (
            job,
            {"steps": 3},
            ["start"],
        )
        dance.report.succeeded(steps="3")
        assert (bench.update.job_id, bench.update.status, bench.update.details) == (
            job,
            "SUCCEEDED",
            {"steps": "3"},
        )
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
    assert [question.operation for question in bench.service.questions] == [
        "start-next",
        "describe",
    ]


@pytest.mark.parametrize(
    "answer",
    [OVER, None, Fault("?", "ResourceNotFound"), Execution("one", 1, 3, "TIMED_OUT")],
    ids=str,
)
def test_a_job_whose_time_is_up_is_stopped_without_a_notification(
    bench: Bench, answer: Any
) -> None:
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


@pytest.mark.parametrize(
    "answer", [LOST, THROTTLED, Execution("one", 1, 2, "IN_PROGRESS")], ids=str
)
def test_a_job_that_is_still_its_own_goes_on(bench: Bench, answer: Any) -> None:
    dance = bench.dancing()
    bench.timers()[0].fire()
    bench.question.done(answer)
    assert dance.calls == ["start"]
    assert [timer.seconds for timer in bench.timers()] == [CHECK_SECONDS]
