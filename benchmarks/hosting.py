"""What a hosted device costs: memory, threads, idle CPU, time to connect and to follow, beside a
bare awscrt client.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psutil

from benchmarks.clients import Kind, Server, running, write_config
from benchmarks.progress import say
from tests.device.broker import Broker
from tests.device.pki import CertificateAuthority
from tests.device.process import DeviceProcess

NO_MESSAGES = 86_400
"""The longest `time` there is: no telemetry falls into the idle seconds."""

SETTLING_SECONDS = 3.0
BROKER_SETTINGS = {
    "log_type": "error",
    "max_queued_messages": "0",  # no limit: the shadow service is one client that hears from all
    "max_inflight_messages": "0",
}


@dataclass(frozen=True)
class Hosting:
    """One process with so many clients. Seconds; `idle_us` is microseconds of CPU per second and
    client.
    """

    client: Kind
    clients: int
    rss_kib: float
    each_kib: float
    threads: int
    idle_us: float
    connected: float
    """From the start of the process to the last CONNACK."""
    ready: float
    """From the start of the process to the last first report: subscribed, shadow read, answered."""
    converged: float
    """From a change of every shadow to the last report of it."""


def measure(counts: Sequence[int], idle_seconds: float) -> list[Hosting]:
    """Both kinds at each number of clients, one after the other, each with a broker and a process
    of its own.

    Memory for each is what a process with more clients has more than one with a single client.
    """
    authority = CertificateAuthority()
    results: list[Hosting] = []
    alone: dict[Kind, float] = {}
    kinds: tuple[Kind, Kind] = ("bare client", "device")
    for count in counts:
        for kind in kinds:
            say(f"hosting: {count} x {kind}")
            with tempfile.TemporaryDirectory(prefix="playground-bench-") as folder:
                result = _one(kind, count, authority, Path(folder), idle_seconds)
            if count == 1:
                alone[kind] = result.rss_kib
            elif kind in alone:
                result = replace(result, each_kib=(result.rss_kib - alone[kind]) / (count - 1))
            results.append(result)
    return results


def _one(
    kind: Kind, count: int, authority: CertificateAuthority, folder: Path, idle_seconds: float
) -> Hosting:
    with own_broker(folder, authority) as broker, shadow_service(folder, broker) as service:
        server = Server(broker.host, broker.port, broker.ca_file)
        for number in range(count):
            thing = f"bench-{number}"
            write_config(folder / "configs", thing, authority.device(thing), server)
        begun = time.time()
        with running(kind, folder / "configs", server, folder) as process:
            ready = ask(service, "first", count)[-1] - begun
            changed, *reported = ask(service, "change", {"time": NO_MESSAGES})
            time.sleep(SETTLING_SECONDS)
            idle = _idle_cpu(process.process.pid, idle_seconds)
            seen = psutil.Process(process.process.pid)
            rss = seen.memory_info().rss / 1024
            return Hosting(
                client=kind,
                clients=count,
                rss_kib=rss,
                each_kib=rss / count,
                threads=seen.num_threads(),
                idle_us=idle / count * 1e6,
                connected=_last_connected(process) - begun,
                ready=ready,
                converged=reported[-1] - changed,
            )


@contextlib.contextmanager
def own_broker(folder: Path, authority: CertificateAuthority) -> Iterator[Broker]:
    """It forgets nothing that a client is slow to take."""
    broker = Broker(folder, authority, BROKER_SETTINGS)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextlib.contextmanager
def shadow_service(folder: Path, broker: Broker) -> "Iterator[subprocess.Popen[str]]":
    """A process of benchmarks.shadow_service, which is connected."""
    pair = broker.authority.device("service")
    (folder / "service.pem").write_text(pair.certificate)
    (folder / "service.key").write_text(pair.private_key)
    command = [
        sys.executable,
        "-m",
        "benchmarks.shadow_service",
        broker.host,
        str(broker.port),
        str(folder),
    ]
    service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        _answer(service.stdout)
        yield service
    finally:
        service.kill()
        service.communicate()


def ask(service: "subprocess.Popen[str]", command: str, argument: Any) -> list[float]:
    """Have the shadow service do something, and wait for its answer."""
    assert service.stdin is not None
    print(json.dumps([command, argument]), file=service.stdin, flush=True)
    return _answer(service.stdout)


def _answer(stream: IO[str] | None) -> list[float]:
    line = stream.readline() if stream else ""
    if not line:
        raise RuntimeError("the shadow service has ended; see above")
    answer: list[float] = json.loads(line)
    return answer


def _idle_cpu(pid: int, seconds: float) -> float:
    """Seconds of CPU that a process uses in a second."""
    before, begun = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - begun)


def cpu_seconds(pid: int) -> float:
    """From the scheduler's own books in nanoseconds where there are such (Linux), else in ticks of
    10 ms.
    """
    books = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
    if books:
        return sum(int(book.read_text().split()[0]) for book in books) / 1e9
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _last_connected(process: DeviceProcess) -> float:
    return max(_unix(line["time"]) for line in process.log() if line["message"] == "connected")


def _unix(value: str | float) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value
