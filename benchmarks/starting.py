"""What the start of a device on the laptop costs, in time and memory: as a copy of a loaded
process, and anew.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from benchmarks.clients import Server, write_config
from benchmarks.figures import Spread
from benchmarks.hosting import cpu_seconds
from benchmarks.progress import say
from playground.home.paths import Paths
from playground.local.forks import Forks
from playground.local.log_files import device_log
from playground.local.runner import Runner
from tests.device.broker import Broker
from tests.device.pki import CertificateAuthority
from tests.device.process import PACKAGE_ROOT

LIMIT = 60.0
SETTLING_SECONDS = 1.0


@dataclass(frozen=True)
class Starting:
    """So many devices, one after the other. Seconds from the agent's decision to the connection,
    MiB for each.
    """

    way: str
    devices: int
    called: Spread
    """How long the agent itself is held."""
    connected: Spread
    cpu: Spread
    """Of the device's process until then, which tells more than the time on a machine that others
    use too.
    """
    memory: float
    """What each has for itself, and its part of what it shares (PSS); RSS where the system does not
    tell.
    """
    server: float


def measure(devices: int) -> list[Starting]:
    """Both ways, each with a broker of its own. Where there are no copies the first one is left
    out.
    """
    forks = Forks({})
    ways = ["copy", "anew"] if forks.possible else ["anew"]
    results = []
    for way in ways:
        say(f"starting: {devices} x {way}")
        with tempfile.TemporaryDirectory(prefix="playground-bench-") as folder:
            results.append(_one(way, devices, Path(folder)))
    return results


def _one(way: str, devices: int, folder: Path) -> Starting:
    authority = CertificateAuthority()
    (folder / "broker").mkdir()
    broker = Broker(folder / "broker", authority)
    broker.start()
    paths = Paths(directory=folder / "home")
    paths.make()
    base = {"IOT_CA_FILE": str(broker.ca_file), "PYTHONUNBUFFERED": "1"}
    runner = Runner(paths, base, forks=Forks(base) if way == "copy" else None)
    server = Server(broker.host, broker.port, broker.ca_file)
    called, connected, cpu = [], [], []
    try:
        with _loaded(runner) as pid_of_server:
            for number in range(devices):
                thing = f"bench-{number}"
                config = write_config(folder / "configs", thing, authority.device(thing), server)
                begun, decided = time.time(), time.perf_counter()
                runner.start(thing, {"CONFIG_FILE_URL": config.as_uri()}, PACKAGE_ROOT)
                called.append(time.perf_counter() - decided)
                connected.append(_connected(paths, thing) - begun)
                cpu.append(cpu_seconds(runner._processes[thing].pid))
            time.sleep(SETTLING_SECONDS)
            memory = [_memory(process.pid) for process in runner._processes.values()]
            of_server = _memory(pid_of_server()) if way == "copy" else 0.0
    finally:
        runner.stop_all()
        broker.stop()
    return Starting(
        way,
        devices,
        called=Spread.of(called),
        connected=Spread.of(connected),
        cpu=Spread.of(cpu),
        memory=sum(memory) / len(memory) / 2**20,
        server=of_server / 2**20,
    )


@contextlib.contextmanager
def _loaded(runner: Runner) -> Iterator[Callable[[], int]]:
    """With the modules in memory, as they are when an agent has run for a second."""
    forks = runner.forks
    if forks is None:
        yield lambda: 0
        return
    runner.prepare(PACKAGE_ROOT)
    server = forks._servers[PACKAGE_ROOT]
    server.wait_ready()
    yield lambda: server.process.pid


def _connected(paths: Paths, thing: str) -> float:
    """When the device has said that it is connected, by its own clock: it is up to a millisecond
    early.
    """
    file, deadline = device_log(paths, thing), time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        for line in file.read_text().splitlines():
            if '"connected"' in line:
                return datetime.fromisoformat(line.split('"')[3]).timestamp()
        time.sleep(0.005)
    raise RuntimeError(f"{thing} did not connect:\n{file.read_text()}")


def _memory(pid: int) -> float:
    found = psutil.Process(pid).memory_full_info()
    return float(getattr(found, "pss", found.rss))
