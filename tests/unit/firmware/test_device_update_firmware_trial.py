"""The operation `update-firmware`: a version that does not come into force, a job that is no more,
a crash.
"""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.unit.firmware.bench import IMAGE, OLD, Bench, raising
from virtual_device.connection.transport import Failure


def came_back(bench: Bench, code: str) -> str:
    """The version before is in force, and the device was started with it; when it is up the job has
    failed.
    """
    assert bench.device.restarts[-1].model is OLD.model
    assert bench.in_force == "1.0.0"
    assert bench.report.ends == []
    bench.up()
    ((end, found, reason),) = bench.report.ends
    assert (end, found) == ("failed", code)
    assert bench.device.facts == {}
    assert not [timer for timer in bench.device.timers if timer.call]
    return reason


def test_a_version_that_does_not_start(bench: Bench) -> None:
    bench.run()
    bench.up(Failure("telemetry was refused: NOT_AUTHORIZED", refused=True))
    assert "NOT_AUTHORIZED" in came_back(bench, "NOT_UP")


def test_a_version_that_does_not_come_up_in_time(bench: Bench) -> None:
    bench.run()
    bench.device.timers[-1].fire()
    assert "within 60 s" in came_back(bench, "NOT_UP")
    # and if it comes up later after all, that is too late
    bench.device.restarts[0].started(None)
    assert bench.in_force == "1.0.0"


def test_a_version_that_fails_its_own_test(bench: Bench) -> None:
    content = json.dumps({**IMAGE, "selfTest": {"volts": {"max": 3}, "status": {}}}).encode()
    bench.server.content = content
    bench.run(size=len(content), sha256=sha256(content).hexdigest())
    bench.up()
    assert (
        came_back(bench, "SELF_TEST_FAILED")
        == "volts is 3.3, out of its bounds; status is missing in the telemetry"
    )


def test_a_model_that_can_not_make_telemetry(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    with monkeypatch.context() as patch:
        patch.setattr(
            "virtual_device.telemetry.telemetry.generate", raising(ArithmeticError("boom"))
        )
        bench.up()
    assert "boom" in came_back(bench, "SELF_TEST_FAILED")


def test_a_disk_that_is_full_when_it_counts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", raising(OSError(28, "No space left on device")))
        bench.up()
    assert "No space left" in came_back(bench, "NOT_STORED")


def test_going_back_that_does_not_come_up_is_reported_all_the_same(bench: Bench) -> None:
    bench.run()
    bench.up(Failure("no", refused=True))
    bench.device.timers[-1].fire()
    assert bench.report.ends == [("failed", "NOT_UP", "no")]
    # and not twice
    bench.up()


def test_a_download_whose_job_is_gone(bench: Bench) -> None:
    operation = bench.begin()
    operation.cancel()
    bench.download()
    assert (bench.report.ends, bench.device.restarts, bench.in_force) == ([], [], "1.0.0")
    assert not [timer for timer in bench.device.timers if timer.call]


def test_a_trial_whose_job_is_gone(bench: Bench) -> None:
    operation = bench.run()
    operation.cancel()
    assert bench.device.restarts[-1].model is OLD.model
    bench.up()
    assert (bench.report.ends, bench.in_force) == ([], "1.0.0")


def test_a_job_that_is_gone_while_the_device_goes_back(bench: Bench) -> None:
    operation = bench.run()
    bench.up(Failure("no", refused=True))
    operation.cancel()
    bench.up()
    assert (bench.report.ends, bench.in_force) == ([], "1.0.0")


def test_a_crash_in_a_trial_is_a_trial_that_failed(bench: Bench) -> None:
    # Given a device that goes off in the middle of a trial
    bench.run()
    bench.switch_on()
    # When it gets the job again
    bench.begin(details={"step": "starting"})
    # Then the job has failed, and that is told once
    assert bench.report.ends[0][:2] == ("failed", "NOT_CONFIRMED")
    assert bench.device.works == []
    assert bench.in_force == "1.0.0"
    # and the same job, started for another attempt, is another attempt
    bench.run()
    bench.up()
    assert bench.in_force == "2.0.0"


@pytest.mark.parametrize(("details", "job_id"), [({}, "job-1"), ({"step": "starting"}, "job-2")])
def test_another_execution_is_not_blamed(
    bench: Bench, details: dict[str, str], job_id: str
) -> None:
    bench.run()
    bench.switch_on()
    bench.run(details=details, job_id=job_id)
    bench.up()
    assert bench.report.ends == [("succeeded",)]


@pytest.mark.thorough
@pytest.mark.parametrize("outcome", [None, Failure("no", refused=True)])
@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_write_leaves_exactly_one_version(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at: int, when: str, outcome: Failure | None
) -> None:
    # Given a process that dies at the n-th change of its file, just before or just after it
    class Died(BaseException):
        pass

    writes = 0
    replace = Path.replace

    def dying(path: Path, target: Path) -> Path:
        nonlocal writes
        writes += 1
        if writes == at and when == "before":
            raise Died
        done = replace(path, target)
        if writes == at:
            raise Died
        return done

    monkeypatch.setattr(Path, "replace", dying)
    # When it updates itself, and, after the crash, is started again and gets the job again
    told: dict[str, str] = {}
    for _ in range(3):
        try:
            bench.switch_on()
            bench.begin(details=told)
            told = {"step": "downloading"}
            if bench.device.works:
                bench.download()
            while not bench.report.ends:
                bench.up(outcome if len(bench.device.restarts) == 1 else None)
            break
        except Died:
            assert bench.report.ends == []
    # Then the job has ended, and what was said is so: one version is in force, on disk and in the
    # device
    ((end, *_),) = bench.report.ends
    assert bench.in_force == ("2.0.0" if end == "succeeded" else "1.0.0")
    assert bench.device.firmware.slots.trial is None
    if outcome is not None:
        assert end == "failed"
