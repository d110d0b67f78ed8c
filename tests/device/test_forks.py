"""A device that is a copy of a loaded process connects, lives and leaves as one that was
started.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.home.paths import Paths
from playground.local.forks import PR_SET_CHILD_SUBREAPER, Copied, Forks
from playground.local.log_files import device_log
from playground.local.runner import Runner
from tests.device.broker import Broker
from tests.device.cloud import Cloud
from tests.device.process import PACKAGE_ROOT, Workbench

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="copies are made on Linux alone"
)


@pytest.fixture
def runner(tmp_path: Path, broker: Broker) -> Iterator[Runner]:
    paths = Paths(directory=tmp_path / "home")
    paths.make()
    base = {"IOT_CA_FILE": str(broker.ca_file), "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    forks = Forks(base)
    forks.prepare(PACKAGE_ROOT)
    found = Runner(paths, base, forks=forks)
    yield found
    found.stop_all()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def start(runner: Runner, bench: Workbench, thing: str) -> Copied:
    runner.start(thing, {"CONFIG_FILE_URL": bench.config(thing).as_uri()}, PACKAGE_ROOT)
    process = runner._processes[thing]
    assert isinstance(process, Copied)
    return process


def wait_for(runner: Runner, thing: str, text: str) -> None:
    log, deadline = device_log(runner.paths, thing), time.monotonic() + 40
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def test_copies_connect_each_as_itself_and_leave(
    runner: Runner, bench: Workbench, cloud: Cloud
) -> None:
    # when
    processes = {thing: start(runner, bench, thing) for thing in ("lamp", "bell")}
    # then
    for thing in processes:
        wait_for(runner, thing, '"connected"')
        assert f'"thingName": "{thing}"' in device_log(runner.paths, thing).read_text()
    # and
    for thing, process in processes.items():
        runner.signal(thing, signal.SIGTERM)
        assert process.wait() == 0
        assert '"leaving"' in device_log(runner.paths, thing).read_text()
    assert sorted(runner.reap()) == ["bell", "lamp"]


def test_a_copy_that_was_killed_is_replaced_by_one_with_its_identity(
    runner: Runner, bench: Workbench, cloud: Cloud
) -> None:
    process = start(runner, bench, "lamp")
    wait_for(runner, "lamp", '"connected"')
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    runner.reap()
    (bench.configs / "lamp.json").unlink()
    device_log(runner.paths, "lamp").unlink()
    runner.start("lamp", {"CONFIG_FILE_URL": "file:///gone"}, PACKAGE_ROOT)
    assert isinstance(runner._processes["lamp"], Copied)
    wait_for(runner, "lamp", '"connected"')


def test_copies_do_not_share_their_random_numbers(runner: Runner, bench: Workbench) -> None:
    """The TLS library is in the memory that they are copies of, with whatever it has made at its
    import.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(40)
        hellos = set()
        for thing in ("lamp", "bell"):
            path = bench.config(thing)
            path.write_text(
                json.dumps(json.loads(path.read_text()) | {"port": server.getsockname()[1]})
            )
            runner.start(thing, {"CONFIG_FILE_URL": path.as_uri()}, PACKAGE_ROOT)
            assert isinstance(runner._processes[thing], Copied)
            connection, _address = server.accept()
            with connection:
                hello = b""
                while len(hello) < 43:
                    hello += connection.recv(4096)
            assert (
                hello[0] == 22
            )  # RFC 8446, 5.1 and 4.1.2: a handshake record; the random is at 11
            hellos.add(hello[11:43])
            runner.signal(thing, signal.SIGKILL)
    assert len(hellos) == 2
