"""The emulator's execution history in the form that AWS gives it.

The emulator chains no events, and within a Parallel state it tells neither which state was entered nor which
one was left. What it leaves out is filled in from the definition: branches go through their tasks in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from playground.history import FAILURES, task_names

Event = Mapping[str, Any]


@dataclass
class Lane:
    """One branch: the tasks it has yet to finish, the last event in it, and what the first of its tasks is at."""

    names: list[str]
    last: int
    phase: str = "idle"


@dataclass
class Chain:
    """Events as AWS numbers and links them."""

    events: list[Event] = field(default_factory=list)

    def add(self, event: Event, previous: int) -> int:
        """Append an event after the one with the number `previous`; gives its own number."""
        number = len(self.events) + 1
        self.events.append({**event, "id": number, "previousEventId": previous})
        return number

    def state(self, kind: str, name: str, at: Any, previous: int) -> int:
        """Append that a Task state was entered or left."""
        details = "stateEnteredEventDetails" if kind == "TaskStateEntered" else "stateExitedEventDetails"
        return self.add({"type": kind, "timestamp": at, details: {"name": name}}, previous)


def as_on_aws(
    events: Sequence[Event], definition: Mapping[str, Any], given: Mapping[str, Any] = MappingProxyType({})
) -> list[Event]:
    """The same history, linked, with the Task states of branches. One level of Parallel states is understood.

    `given`: the execution's input, which tells the way that a branch takes.
    """
    chain, lanes, last = Chain(), list[Lane](), 0
    for event in events:
        kind = event["type"]
        if lanes and kind == "ParallelStateExited":
            for lane in lanes:
                if lane.phase == "failed":
                    chain.state("TaskStateExited", lane.names[0], event["timestamp"], lane.last)
            lanes = []
        if lanes and kind.startswith("Task"):
            _in_lane(chain, lanes, event)
            continue
        last = chain.add(event, last)
        if kind == "ParallelStateEntered":
            state = definition["States"][event["stateEnteredEventDetails"]["name"]]
            lanes = [Lane(task_names(branch, given), last) for branch in state["Branches"]]
    return chain.events


def _in_lane(chain: Chain, lanes: Sequence[Lane], event: Event) -> None:
    scheduled = event["type"].endswith("Scheduled")
    lane = _scheduling(lanes, len(chain.events)) if scheduled else _in_flight(lanes)
    if lane is None:
        return
    at = event["timestamp"]
    if scheduled and lane.phase == "idle":
        lane.last = chain.state("TaskStateEntered", lane.names[0], at, lane.last)
    lane.last = chain.add(event, lane.last)
    if scheduled:
        lane.phase = "in flight"
    elif event["type"].endswith(FAILURES):
        lane.phase = "failed"
    else:
        lane.last = chain.state("TaskStateExited", lane.names.pop(0), at, lane.last)
        lane.phase = "idle"


def _scheduling(lanes: Sequence[Lane], latest: int) -> Lane | None:
    """Whose task is scheduled: the branch that has just finished one, then one that has failed, then one at rest."""
    ready = [lane for lane in lanes if lane.phase == "idle" and lane.names]
    just = [lane for lane in ready if lane.last == latest]
    failed = [lane for lane in lanes if lane.phase == "failed"]
    # Before anything has ended, every branch is at its first task.
    return next(iter([*just, *failed, *ready]), None)


def _in_flight(lanes: Sequence[Lane]) -> Lane | None:
    """Whose task has ended: of those under way, the one that began first."""
    under_way = [lane for lane in lanes if lane.phase == "in flight"]
    return min(under_way, key=lambda lane: lane.last, default=None)
