"""The operation `change-unit`."""

import pytest

from tests.unit.jobs.bench import OVER, Bench, summary
from virtual_device.connection.job_service import Execution


@pytest.fixture
def unit_job(bench: Bench) -> Bench:
    """A device with the job to change to imperial."""
    bench.ready(execution=summary("unit"))
    bench.question.done(
        Execution("unit", 1, 2, "IN_PROGRESS", {"operation": "change-unit", "unit": "imperial"})
    )
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
    assert (unit_job.update.status, unit_job.update.details) == (
        "SUCCEEDED",
        {"unit": "imperial", "before": "metric"},
    )
    assert unit_job.timers() == []


def test_change_unit_succeeds_at_once_when_it_is_so_already(bench: Bench) -> None:
    bench.ready(execution=summary("unit"))
    bench.question.done(
        Execution("unit", 1, 2, "IN_PROGRESS", {"operation": "change-unit", "unit": "metric"})
    )
    assert bench.device.wishes == []
    assert bench.update.status == "SUCCEEDED"


def test_change_unit_wishes_again_and_fails_in_the_end(unit_job: Bench) -> None:
    # given a shadow that can't be reached
    unit_job.device.wishes[-1].done("no answer within 15 s")
    limit = [timer for timer in unit_job.timers() if timer.seconds == 60][
        1
    ]  # the first is the job's own
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
