"""One device, provisioned on a warm local cloud: from StartExecution to SUCCEEDED, which means that
it is online.

Each run stands beside a round of the same raw calls made one by one (floor.py), so that noise hits
both.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.figures import Spread
from benchmarks.floor import EMPTY_TASKS, Timings, floor
from benchmarks.progress import counted
from playground.devices.executions import history
from playground.devices.task_names import task_id_of
from playground.devices.workflows import DEPROVISION, PROVISION
from playground.home.paths import Paths
from playground.local.log_files import device_log
from tests.census import census
from tests.playground_cloud import Cloud, wait_for

WARM_UP = 2
POLL_SECONDS = 0.05
"""As often as the `playground` command looks. The end is taken from the execution's stopDate, not
from this look.
"""

DEPROVISIONED_LIMIT = 30.0


@dataclass(frozen=True)
class Mark:
    """A part of the run: when it begins after StartExecution and how long it takes, medians in
    seconds.
    """

    what: str
    begins: float
    lasts: float


@dataclass(frozen=True)
class Provisioning:
    """Seconds. `parts` are the floor's, `beside` was measured too but is not part of the sum."""

    total: Spread
    parts: Mapping[str, Spread]
    beside: Mapping[str, Spread]
    timeline: Sequence[Mark]
    left_behind: Mapping[str, Sequence[str]]

    @property
    def floor(self) -> float:
        """The sum of the parts' medians."""
        return sum(part.median for part in self.parts.values())


@dataclass
class Runs:
    """Provisions and deprovisions, and remembers the times."""

    cloud: Cloud
    totals: list[float] = field(default_factory=list)
    marks: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sfn = self.cloud.client("stepfunctions")

    def run(self, *, remember: bool) -> None:
        """One device, made and removed."""
        begun = time.time()
        end = self._execute(PROVISION, {})
        output = json.loads(end["output"])
        assert self.cloud.row(output["thingName"])["status"] == "ONLINE"
        if remember:
            self.totals.append(end["stopDate"].timestamp() - begun)
            self._remember(begun, end, task_id_of(output["taskArn"]))
        self._execute(DEPROVISION, {"thingName": output["thingName"]})
        wait_for(
            "the device's process to end",
            lambda: not list(self.cloud.paths.running.iterdir()),
            DEPROVISIONED_LIMIT,
        )

    def _execute(self, output_name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        machine = self.cloud.home.output(output_name)
        arn = self._sfn.start_execution(stateMachineArn=machine, input=json.dumps(given))[
            "executionArn"
        ]
        while True:
            end: Mapping[str, Any] = self._sfn.describe_execution(executionArn=arn)
            if end["status"] != "RUNNING":
                assert end["status"] == "SUCCEEDED", end
                return end
            time.sleep(POLL_SECONDS)

    def _remember(self, begun: float, end: Mapping[str, Any], task_id: str) -> None:
        states = _states(history(self._sfn, end["executionArn"]))
        self._mark("the emulator, before the first state", begun, begun, states["CreateThing"][0])
        for name, (entered, left) in states.items():
            self._mark(name, begun, entered, left)
        spawned, connected = (
            _spawned(self.cloud.paths, task_id),
            _connected(self.cloud.paths, task_id),
        )
        self._mark("the device: process, identity, connection", begun, spawned, connected)
        self._mark(
            "connected to SUCCEEDED: presence, token", begun, connected, end["stopDate"].timestamp()
        )

    def _mark(self, what: str, begun: float, since: float, until: float) -> None:
        self.marks.setdefault(what, []).append((since - begun, until - since))


def measure(cloud: Cloud, runs: int) -> Provisioning:
    """So many devices, one after the other, each beside a round of the floor's calls."""
    before = census(cloud)
    rounds: list[Timings] = []
    made = Runs(cloud)
    with floor(cloud) as calls:
        for number in counted(
            f"provisioning: {WARM_UP} runs to warm up, {runs} that count", WARM_UP + runs
        ):
            timings = calls.round()
            made.run(remember=number >= WARM_UP)
            if number >= WARM_UP:
                rounds.append(timings)
    after = census(cloud)
    spreads = {what: Spread.of([timings[what] for timings in rounds]) for what in rounds[0]}
    beside = {EMPTY_TASKS: spreads.pop(EMPTY_TASKS)}
    return Provisioning(
        total=Spread.of(made.totals),
        parts=spreads,
        beside=beside,
        timeline=[_median_mark(what, marks) for what, marks in made.marks.items()],
        left_behind={
            name: sorted(found - before[name])
            for name, found in after.items()
            if found - before[name]
        },
    )


def _median_mark(what: str, marks: Sequence[tuple[float, float]]) -> Mark:
    return Mark(
        what,
        Spread.of([begins for begins, _ in marks]).median,
        Spread.of([lasts for _, lasts in marks]).median,
    )


def _states(events: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[float, float]]:
    """When each Task and Parallel state was entered and left."""
    entered: dict[str, float] = {}
    states: dict[str, tuple[float, float]] = {}
    for event in events:
        at = event["timestamp"].timestamp()
        if event["type"] in ("TaskStateEntered", "ParallelStateEntered"):
            entered[event["stateEnteredEventDetails"]["name"]] = at
        elif event["type"] in ("TaskStateExited", "ParallelStateExited"):
            name = event["stateExitedEventDetails"]["name"]
            states[name] = (entered[name], at)
    return states


def _spawned(paths: Paths, task_id: str) -> float:
    """When the task agent started the device, by its log."""
    found = re.search(
        rf"^(\S+ \S+),(\d+) INFO start task {task_id}", (paths.logs / "agent.log").read_text(), re.M
    )
    assert found is not None
    return (
        datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").astimezone().timestamp()
        + int(found[2]) / 1000
    )


def _connected(paths: Paths, task_id: str) -> float:
    """When the device had its CONNACK, by its log."""
    lines = [json.loads(line) for line in device_log(paths, task_id).read_text().splitlines()]
    return datetime.fromisoformat(
        next(line["time"] for line in lines if line["message"] == "connected")
    ).timestamp()
