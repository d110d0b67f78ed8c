"""What the functions cost on the laptop: the first device after `up`, and the memory of their
workers when each has run once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from benchmarks.hosting import cpu_seconds
from benchmarks.progress import say
from playground.home.state import LocalState
from playground.local import worker_server
from playground.local.worker_forks import PROGRAM
from tests.playground_cloud import Cloud

MIB = 2**20


@dataclass(frozen=True)
class Functions:
    """Of a cloud that has done nothing yet. Seconds of `playground create`, the first and the
    second; then, when each function has run once, the workers' memory (MiB, PSS; RSS where the
    system does not tell) and CPU (seconds).
    """

    first: float
    second: float
    workers: int
    memory: float
    cpu: float
    servers: float
    """MiB of the processes that workers are copies of; 0 where there are none."""


def measure(cloud: Cloud) -> Functions:
    """Call it before anything else. Most functions refuse the event, `{}`; their worker stays."""
    say("functions: the first device")
    first, second = _create(cloud), _create(cloud)
    say("functions: each once")
    client = cloud.client("lambda")
    for name in cloud.functions.values():
        client.invoke(FunctionName=name, Payload=b"{}")
    state = LocalState.load(cloud.paths)
    assert state.emulator is not None
    workers = _children(state.emulator.pid, PROGRAM)
    return Functions(
        first,
        second,
        len(workers),
        _memory(workers),
        sum(cpu_seconds(worker.pid) for worker in workers),
        _memory(_children(state.emulator.pid, worker_server.__name__)),
    )


def _children(pid: int, named: str) -> list[psutil.Process]:
    """Those of the process with this in their command line."""
    children = psutil.Process(pid).children()
    return [child for child in children if named in " ".join(child.cmdline())]


def _create(cloud: Cloud) -> float:
    begun = time.perf_counter()
    cloud.playground("create", timeout=240)
    return time.perf_counter() - begun


def _memory(processes: Sequence[psutil.Process]) -> float:
    found = [process.memory_full_info() for process in processes]
    return float(sum(getattr(one, "pss", one.rss) for one in found)) / MIB
