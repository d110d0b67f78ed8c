"""Devices that are copies of a loaded process: no difference to those that are started anew."""

import ctypes
import json
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.home.paths import Paths
from playground.local.decisions import Phase
from playground.local.fork_server import READY
from playground.local.forks import (
    MOST_SERVERS,
    PR_SET_CHILD_SUBREAPER,
    ROOM_BYTES,
    Copied,
    Forks,
    Process,
)
from playground.local.log_files import device_log
from playground.local.runner import COMMAND, Runner

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="copies are made on Linux alone"
    ),
]

BASE = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
LOOK = """
    import gc, json, os, resource, signal, sys, threading
    from virtual_device import later

    json.dump({
        "arguments": [sys.argv, sys.orig_argv, __name__, __package__, sys.path, str(sys.flags)],
        "environment": sorted(os.environ.items()),
        "directory": os.getcwd(),
        "group": os.getpgid(0) == os.getpgid(os.getppid()),
        "session": os.getsid(0) == os.getsid(os.getppid()),
        "parent": os.getppid(),
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "wakeup": signal.set_wakeup_fd(-1),
        "limits": [resource.getrlimit(number) for number in range(10)],
        "mask": os.umask(0o22),
        "files": sorted(os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)),
        "others": sorted(number for number in os.listdir("/proc/self/fd") if int(number) > 2)[:-1],
        "streams": [sys.stdout.encoding, sys.stdout.errors, sys.stdout.write_through,
        sys.stdout.line_buffering],
        "threads": threading.active_count(),
        "collected": gc.isenabled(),
        "later": later.__name__,
    }, sys.stdout)
"""


def image(folder: Path, main: str, package: str = "") -> Path:
    """An image whose device does this."""
    home = folder / "virtual_device"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(textwrap.dedent(package))
    (home / "later.py").write_text("")
    (home / "__main__.py").write_text(textwrap.dedent(main))
    return folder


@pytest.fixture(autouse=True)
def _orphans() -> Iterator[None]:
    """What ends as an orphan after the test is again nobody's."""
    yield
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "root", tmp_path / "home")
    found.make()
    return found


@pytest.fixture
def forks() -> Iterator[Forks]:
    found = Forks(BASE)
    yield found
    found.close()


@pytest.fixture
def runner(paths: Paths, forks: Forks) -> Iterator[Runner]:
    found = Runner(paths, BASE, forks=forks)
    yield found
    found.stop_all()


def started(runner: Runner, task_id: str, program: Path, **environment: str) -> Process:
    runner.start(task_id, environment, program)
    return runner._processes[task_id]


def ended(runner: Runner, task_id: str) -> str:
    """What a device has said that ends by itself."""
    runner._processes[task_id].wait()
    assert runner.reap() == [task_id]
    return device_log(runner.paths, task_id).read_text()


def waiting_for(file: Path, text: str) -> None:
    while text not in file.read_text():
        os.sched_yield()


def test_a_copy_is_as_a_process_that_was_started(
    runner: Runner, forks: Forks, tmp_path: Path
) -> None:
    # given
    program = image(tmp_path / "image", LOOK)
    found: dict[str, Any] = {}
    # when: the first is started anew, for nothing is loaded yet
    for task_id in ("anew", "copy"):
        process = started(
            runner, task_id, program, CONFIG_FILE_URL="file:///x", IMAGE_DIGEST="sha256:0"
        )
        assert isinstance(process, Copied) is (task_id == "copy")
        text = (
            ended(runner, task_id)
            .replace(f"/{task_id}", "/ID")
            .replace(f"device-{task_id}", "device-ID")
        )
        found[task_id] = json.loads(text)
    # then
    assert found["copy"] == found["anew"]
    assert found["copy"]["parent"] == os.getpid()
    assert found["copy"]["directory"] == str(program)
    assert found["copy"]["others"] == []


def test_a_copy_is_shown_as_the_device_that_it_is(
    runner: Runner, forks: Forks, tmp_path: Path
) -> None:
    program = image(tmp_path / "image", "import signal; print('here', flush=True); signal.pause()")
    forks.prepare(program)
    process = started(runner, "t1", program, CONFIG_FILE_URL="file:///x")
    assert isinstance(process, Copied)
    waiting_for(device_log(runner.paths, "t1"), "here")
    seen = psutil.Process(process.pid)
    assert [part for part in seen.cmdline() if part] == list(COMMAND)
    expected = {
        "CONFIG_FILE_URL": "file:///x",
        "PYTHONPATH": str(program),
        "STATE_DIR": str(runner.paths.devices / "t1"),
    }
    assert seen.environ() == BASE | expected
    assert seen.ppid() == os.getpid()
    # and it is stopped as any other
    runner.signal("t1", signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    assert runner.reap() == ["t1"]
    assert runner.slots["t1"].phase is Phase.EXITED
    process.send_signal(signal.SIGKILL)  # nobody's by now


@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        ("import sys; sys.exit(2)", 2, ""),
        ("import atexit; atexit.register(print, 'bye')", 0, "bye"),
        ("raise OSError('broken')", 1, "OSError: broken"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        (
            "import threading; threading.Thread(target=lambda: print('waited for')).start()",
            0,
            "waited for",
        ),
    ],
)
def test_how_it_ends(
    runner: Runner, forks: Forks, tmp_path: Path, main: str, code: int, said: str
) -> None:
    program = image(tmp_path / "image", main)
    forks.prepare(program)
    assert isinstance(started(runner, "t1", program), Copied)
    assert said in ended(runner, "t1")
    assert runner.slots["t1"].exit_code == code


def test_copies_do_not_share_their_chances(runner: Runner, forks: Forks, tmp_path: Path) -> None:
    main = "import random, uuid; print(random.random(), uuid.uuid4())"
    program = image(tmp_path / "image", main, package="import random")
    forks.prepare(program)
    said = []
    for task_id in ("t1", "t2"):
        assert isinstance(started(runner, task_id, program), Copied)
        said += ended(runner, task_id).split()
    assert len(set(said)) == 4


@pytest.mark.parametrize(
    "package",
    [
        "raise RuntimeError('no')",
        "import sys; sys.exit(3)",
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import os; os._exit(0)",
    ],
)
def test_an_image_that_can_not_be_loaded_is_not_tried_again(
    runner: Runner, forks: Forks, tmp_path: Path, package: str, caplog: pytest.LogCaptureFixture
) -> None:
    program = image(tmp_path / "image", "", package)
    forks.prepare(program)
    for task_id in ("t1", "t2"):
        assert not isinstance(started(runner, task_id, program), Copied)
        ended(runner, task_id)
    assert not forks._servers
    assert len([line for line in caplog.messages if "one by one" in line]) == 1


@pytest.mark.parametrize(
    ("package", "variables", "copied"),
    [
        ("import os; os.environ.get('STATE_DIR')", {}, False),
        ("import os; 'MARK' in os.environ", {"MARK": "1"}, False),
        ("import os; 'MARK' in os.environ", {}, True),
        ("import os; dict(os.environ)", {}, False),
        ("", {"MARK": "1"}, True),
        ("", {"PYTHONHASHSEED": "1"}, False),
        ("", {"TZ": "Europe/Berlin"}, False),
        ("", {"MARK": "x" * ROOM_BYTES}, False),
    ],
)
def test_what_was_loaded_in_another_environment_is_not_copied(
    runner: Runner,
    forks: Forks,
    tmp_path: Path,
    package: str,
    variables: dict[str, str],
    *,
    copied: bool,
) -> None:
    main = "import os; print(os.environ.get('MARK', ''))"
    program = image(tmp_path / "image", main, package)
    forks.prepare(program)
    assert isinstance(started(runner, "t1", program, **variables), Copied) is copied
    assert ended(runner, "t1").strip() == variables.get("MARK", "")


def test_after_the_end_of_the_server_there_is_another_one(
    runner: Runner, forks: Forks, tmp_path: Path
) -> None:
    # given
    program = image(tmp_path / "image", "import signal; signal.pause()")
    forks.prepare(program)
    before = started(runner, "t1", program)
    server = forks._servers[program].process
    # when
    server.kill()
    server.wait()
    # then: the devices are still there, the next one is started anew, and the one after that is a
    # copy
    assert isinstance(before, Copied)
    assert before.poll() is None
    assert not isinstance(started(runner, "t2", program), Copied)
    assert isinstance(started(runner, "t3", program), Copied)


def test_a_copy_that_nobody_waits_for_ends_and_has_done_nothing(
    forks: Forks, tmp_path: Path
) -> None:
    """As when the agent is killed, or has lost patience, before it knows which process it is."""
    program = image(tmp_path / "image", "open('done', 'w')")
    forks.prepare(program)
    server = forks._servers[program]
    assert server.channel.recv(100) == READY
    gate, opens = os.pipe()
    request = json.dumps({"command": list(COMMAND), "environment": BASE}).encode()
    socket.send_fds(server.channel, [request], [2, gate])
    pid = json.loads(server.channel.recv(1000))["pid"]
    os.close(gate)
    os.close(opens)
    assert Copied(pid).wait() == 1
    assert not (program / "done").exists()


def test_the_server_ends_with_the_agent_and_its_devices_stay(
    runner: Runner, forks: Forks, tmp_path: Path
) -> None:
    program = image(tmp_path / "image", "import signal; signal.pause()")
    forks.prepare(program)
    process = started(runner, "t1", program)
    server = forks._servers.pop(program)
    server.channel.close()
    assert server.process.wait(10) == 0
    assert isinstance(process, Copied)
    assert process.poll() is None


def test_the_image_that_was_not_used_for_longest_is_not_held(
    runner: Runner, forks: Forks, tmp_path: Path
) -> None:
    images = [image(tmp_path / str(number), "") for number in range(MOST_SERVERS + 1)]
    for program in images[:-1]:
        forks.prepare(program)
    started(runner, "t1", images[0])
    forks.prepare(images[-1])
    assert set(forks._servers) == {images[0], images[-1]}
    ended(runner, "t1")


def test_what_is_no_image_is_never_copied(runner: Runner, forks: Forks) -> None:
    """device/ may change at any time."""
    image(runner.paths.root / "device", "")
    runner.start("t1", {})
    assert not isinstance(runner._processes["t1"], Copied)
    assert not forks._servers
    ended(runner, "t1")


def test_where_there_are_no_copies_all_are_started_anew(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.local.forks.sys.platform", "darwin")
    forks = Forks(BASE)
    program = image(tmp_path / "image", "print('here')")
    runner = Runner(paths, BASE, forks=forks)
    runner.prepare(program)
    assert not forks._servers
    assert not isinstance(started(runner, "t1", program), Copied)
    assert ended(runner, "t1") == "here\n"
