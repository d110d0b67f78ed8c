"""What the local cloud writes does not grow for ever."""

import os
import resource
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from playground.base import descriptors
from playground.base.processes import ProcessId, birth
from playground.devices.devices import Devices
from playground.errors import CapacityError, StackError
from playground.home.paths import Paths
from playground.home.state import LocalState
from playground.images.local_builds import BuildResult, load, result_file, save
from playground.local import capacity, log_files, shipping, stack, temporary
from playground.local.log_files import device_log, prune, turn_over
from playground.local.shipping import LogShipper
from playground.local.stack import Toolbox
from playground.messages.listen_leftovers import _forget_expired

FORGETFUL = """#!{python}
import os, sys, tempfile
for _ in range(39):
    tempfile.mkdtemp()
print(tempfile.gettempdir())
sys.exit({code})
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path)
    found.make()
    return found


def sam(tmp_path: Path, code: int) -> Toolbox:
    """A SAM CLI that forgets 39 folders, as `sam deploy` does."""
    program = tmp_path / "sam"
    program.write_text(FORGETFUL.format(python=sys.executable, code=code))
    program.chmod(0o700)
    return Toolbox(program, tmp_path, "python3.11")


@pytest.mark.processes
@pytest.mark.parametrize("code", [0, 1])
def test_what_sam_forgets_goes_with_it(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    users = tmp_path / "users"
    users.mkdir()
    monkeypatch.setenv("TMPDIR", str(users))
    said: list[str] = []
    try:
        stack.run_sam(paths, LocalState(), sam(tmp_path, code), ["deploy"], said.append)
    except StackError:
        assert code
    assert said[0].startswith(f"{paths.tmp}/sam-")
    assert list(paths.tmp.iterdir()) == []
    assert list(users.iterdir()) == []


def test_of_what_was_killed_nothing_stays(paths: Paths) -> None:
    for name in (
        "ministack-lambda-CreateThing-abc",
        "sam-abc",
        "lambda-packages",
        "of something else",
    ):
        (paths.tmp / name / "code").mkdir(parents=True)
    temporary.clear(paths)
    assert {path.name for path in paths.tmp.iterdir()} == {"lambda-packages", "of something else"}


def test_a_log_that_is_too_long_begins_anew(paths: Paths) -> None:
    # given somebody who has it open
    log = paths.logs / "agent.log"
    with log.open("a", buffering=1) as file:
        file.write("x" * 100 + "\n")
        assert not turn_over(log, most=101)
        # when
        assert turn_over(log, most=100)
        # then he goes on where it begins now
        file.write("later\n")
    assert log.read_text() == "later\n"
    assert (paths.logs / "agent.log.1").read_text() == "x" * 100 + "\n"
    assert not turn_over(paths.logs / "nobody's.log")


def test_nothing_that_was_not_shipped_is_cut_off(paths: Paths) -> None:
    log = paths.logs / "device-a.log"
    log.write_text("x" * 100)
    assert not turn_over(log, most=10, read=99)
    assert log.stat().st_size == 100
    assert turn_over(log, most=10, read=100)


def test_every_line_of_a_device_that_talks_much_is_shipped(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(log_files, "MOST_BYTES", 1_000)
    monkeypatch.setattr(turn_over, "__defaults__", (1_000, None))
    arrived: list[str] = []

    class Logs:
        def create_log_stream(self, **_: Any) -> None:
            pass

        def put_log_events(self, logEvents: list[Any], **_: Any) -> None:  # noqa: N803
            arrived.extend(event["message"] for event in logEvents)

    shipper = LogShipper(Logs(), "group", paths)  # type: ignore[arg-type]
    shipper.watch("t")
    # when
    with device_log(paths, "t").open("a", buffering=1) as file:
        for number in range(500):
            file.write(f"line {number}\n")
            if number % 7 == 0:
                shipper.ship()
    shipper.ship()
    # then
    assert arrived == [f"line {number}" for number in range(500)]
    assert device_log(paths, "t").stat().st_size <= 1_100


def test_a_log_that_can_not_be_opened_is_not_over(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a device that has ended with words that nobody has shipped
    arrived: list[str] = []

    class Logs:
        def create_log_stream(self, **_: Any) -> None:
            pass

        def put_log_events(self, logEvents: list[Any], **_: Any) -> None:  # noqa: N803
            arrived.extend(event["message"] for event in logEvents)

    shipper = LogShipper(Logs(), "group", paths)  # type: ignore[arg-type]
    shipper.watch("t")
    device_log(paths, "t").write_text("last words\n")
    shipper.forget("t")

    def fail(*_: Any) -> None:
        raise OSError(24, "Too many open files")

    # when there is no descriptor
    with monkeypatch.context() as patch:
        patch.setattr(shipping, "_next_piece", fail)
        assert shipper.ship() == 0
    # then they wait
    assert arrived == []
    while shipper.ship():
        pass
    assert arrived == ["last words"]


def test_the_newest_logs_of_devices_that_are_gone_stay(paths: Paths) -> None:
    for number in range(6):
        for suffix in ("", ".1"):
            log = paths.logs / f"device-t{number}.log{suffix}"
            log.write_text("")
            os.utime(log, (number, number))
    (paths.logs / "agent.log").write_text("")
    prune(paths, {"t0"}, kept=2)
    left = {file.name for file in paths.logs.iterdir()}
    assert left == {"agent.log"} | {
        f"device-t{number}.log{end}" for number in (0, 4, 5) for end in ("", ".1")
    }


@pytest.mark.parametrize("text", ["", '{"status": "SUCC', "[]", '{"other": 1}'])
def test_a_result_that_is_damaged_is_none(paths: Paths, text: str) -> None:
    """A power cut leaves an empty file; the agent would end at it at every start."""
    result_file(paths, "v").write_text(text)
    assert load(paths, "v") is None
    save(paths, "v", BuildResult("SUCCEEDED", "s"))
    assert load(paths, "v") == BuildResult("SUCCEEDED", "s")


def test_the_limit_of_open_files_is_raised_to_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, new: limits.append(new))
    assert descriptors.raise_limit() == 4096
    assert limits[-1] == (4096, 4096)
    assert descriptors.raise_limit() == 4096
    assert len(limits) == 2


@dataclass
class Rows:
    """A local home with so many devices in its catalog."""

    count: int
    kind: str = "local"


def room(
    monkeypatch: pytest.MonkeyPatch,
    paths: Paths,
    limit: int | None,
    there: int,
    count: int,
    kind: str,
) -> None:
    monkeypatch.setattr(capacity, "_limit", lambda _paths: limit)
    rows = [{"status": "ONLINE"}] * there + [{"status": "TERMINATED"}]
    monkeypatch.setattr(Devices, "rows", lambda _self: rows)
    capacity.require_room(paths, Rows(there, kind), count)  # type: ignore[arg-type]


def test_devices_that_the_emulator_has_no_descriptors_for_are_refused(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    room(monkeypatch, paths, 1024, 500, 124, "local")
    with pytest.raises(
        CapacityError,
        match="625 devices need 1025 file descriptors, and the emulator may have 1024",
    ):
        room(monkeypatch, paths, 1024, 500, 125, "local")
    room(monkeypatch, paths, 1024, 0, 5000, "aws")
    room(monkeypatch, paths, None, 0, 5000, "local")


def test_the_limit_is_the_running_emulators(paths: Paths) -> None:
    LocalState(emulator=ProcessId(os.getpid(), birth(os.getpid()) or "")).save(paths)
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert capacity._limit(paths) in {soft, None}


def test_records_of_listeners_go_when_their_time_is_over(paths: Paths) -> None:
    # given
    paths.listening.mkdir()
    old, new = (f"iot-playground-listen-2026010{day}T000000Z-0a1b2c3d" for day in (1, 3))
    for name in (old, new, "something else"):
        (paths.listening / name).write_text("{}")
    # when
    _forget_expired(paths, datetime(2026, 1, 2, tzinfo=UTC))
    # then
    assert {file.name for file in paths.listening.iterdir()} == {new, "something else"}


def test_logs_of_devices_that_are_there_stay(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "__defaults__", (0,))
    for name in ("watched", "not yet watched", "gone"):
        device_log(paths, name).write_text("")
    (paths.devices / "not yet watched").mkdir()
    shipper = LogShipper(None, "group", paths)  # type: ignore[arg-type]
    shipper.watch("watched")
    shipper.tidy()
    assert {file.name for file in paths.logs.iterdir()} == {
        "device-watched.log",
        "device-not yet watched.log",
    }
