"""Many devices at once: every execution is started in one go, and the clock runs until the last
device is online.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.figures import Spread
from benchmarks.floor import EMPTY_TASKS, floor
from benchmarks.progress import say
from playground.devices.workflows import DEPROVISION, PROVISION
from playground.home.state import LocalState
from tests.census import census
from tests.playground_cloud import Cloud

FLOOR_ROUNDS = 5
STARTED_AT_A_TIME = 16
REMOVED_AT_A_TIME = 8
LOOK_SECONDS = 1.0
LIMIT = 600.0

KINDS = ("emulator", "functions", "agent", "devices")


@dataclass(frozen=True)
class Load:
    """Times in seconds, memory in MiB."""

    devices: int
    online: int
    failed: Mapping[str, int]
    """How many executions failed, by error."""
    started: float
    """Until the last execution was started."""
    total: float
    """Until the last one had ended."""
    each: Spread
    """From an execution's own start to its own end, waiting for its turn included."""
    floor: float
    """What one device cannot do without, each call by itself: the sum of the medians."""
    retried: int
    """Attempts of a state that failed and were tried again."""
    memory: Mapping[str, float]
    """Most that the processes of each kind held, resident."""
    processes: Mapping[str, int]
    """Most of each kind."""
    left_behind: Mapping[str, Sequence[str]]

    @property
    def per_second(self) -> float:
        """Devices that came online, over the whole time."""
        return self.online / self.total


@dataclass
class Memory:
    """Looks at the processes of one local cloud, and remembers the most."""

    cloud: Cloud
    most: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))
    processes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def look(self) -> None:
        """Once."""
        state = LocalState.load(self.cloud.paths)
        assert state.emulator is not None
        assert state.agent is not None
        for name, root in (("emulator", state.emulator.pid), ("agent", state.agent.pid)):
            process = psutil.Process(root)
            self._note(name, [process])
            self._note(
                "functions" if name == "emulator" else "devices", process.children(recursive=True)
            )

    def _note(self, kind: str, processes: Sequence[psutil.Process]) -> None:
        resident = sum(_resident(process) for process in processes) / 2**20
        self.most[kind] = max(self.most[kind], resident)
        self.processes[kind] = max(self.processes[kind], len(processes))


def _resident(process: psutil.Process) -> int:
    try:
        found: int = process.memory_info().rss
    except psutil.Error:
        return 0
    return found


@contextmanager
def watched(cloud: Cloud) -> Iterator[Memory]:
    """Look once a second, in a thread of its own."""
    memory, ended = Memory(cloud), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            memory.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def measure(cloud: Cloud, devices: int) -> Load:
    """So many devices at once; then all of them removed, and every service counted."""
    say(f"load: the floor, then {devices} devices at once")
    with floor(cloud) as calls:
        rounds = [calls.round() for _ in range(FLOOR_ROUNDS)]
    lowest = sum(
        Spread.of([one[what] for one in rounds]).median for what in rounds[0] if what != EMPTY_TASKS
    )
    before = census(cloud)
    names = [f"load-{number}" for number in range(devices)]
    with watched(cloud) as memory:
        begun = time.time()
        arns = _start_all(cloud, names)
        started = time.time() - begun
        ends = _wait(cloud, arns, "online")
    times = [end["stopDate"].timestamp() - end["startDate"].timestamp() for end in ends]
    total = max(end["stopDate"].timestamp() for end in ends) - begun
    failed: dict[str, int] = {}
    for end in ends:
        if end["status"] != "SUCCEEDED":
            failed[end.get("error", "")] = failed.get(end.get("error", ""), 0) + 1
    retried = sum(_failed_attempts(cloud, arn) for arn in arns)
    say(f"load: removing {devices} devices")
    _remove(cloud, names)
    after = census(cloud)
    return Load(
        devices,
        devices - sum(failed.values()),
        failed,
        started,
        total,
        Spread.of(times),
        lowest,
        retried,
        memory.most,
        memory.processes,
        {
            kind: sorted(found - before[kind])
            for kind, found in after.items()
            if found - before[kind]
        },
    )


def _start_all(cloud: Cloud, names: Sequence[str]) -> list[str]:
    with ThreadPoolExecutor(STARTED_AT_A_TIME) as pool:
        return list(pool.map(lambda name: cloud.start(PROVISION, {"thingName": name}), names))


def _wait(cloud: Cloud, arns: Sequence[str], what: str) -> list[Mapping[str, Any]]:
    sfn = cloud.client("stepfunctions")
    waiting, ends = list(arns), {}
    deadline = time.monotonic() + LIMIT
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(waiting)} of {len(arns)} not {what} after {LIMIT:.0f} s")
        time.sleep(LOOK_SECONDS)
        # The oldest first: while it runs, there is no need to ask for the others.
        while (
            waiting
            and (end := sfn.describe_execution(executionArn=waiting[0]))["status"] != "RUNNING"
        ):
            ends[waiting.pop(0)] = end
    return [ends[arn] for arn in arns]


def _failed_attempts(cloud: Cloud, arn: str) -> int:
    pages = (
        cloud.client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=arn)
    )
    return sum(event["type"] == "TaskFailed" for page in pages for event in page["events"])


def _remove(cloud: Cloud, names: Sequence[str]) -> None:
    def one(name: str) -> None:
        ended = cloud.finished(cloud.start(DEPROVISION, {"thingName": name}), LIMIT)
        assert ended.status == "SUCCEEDED", ended

    with ThreadPoolExecutor(REMOVED_AT_A_TIME) as pool:
        list(pool.map(one, names))
