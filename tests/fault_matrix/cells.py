"""The cells: every call that a function makes in a life without faults, with every fault."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from tests.fault_matrix.calls import Call
from tests.fault_matrix.proxy import Record
from tests.fault_matrix.remains import NOTHING, WHOLE
from tests.fault_matrix.rules import IN_TABLE, Fault, Rule
from tests.fault_matrix.stage import SETTLED_LIMIT, Stage

# Of tests/mocks.py: the last state fails, so there is as much to undo as there can be.
UNDONE = "RecordStatusFails"
# Seconds after which what a failed execution has left is looked at no more.
FAILED_LIMIT = 5.0


class Phase(Enum):
    """What is under way when the fault strikes."""

    PROVISIONING = "provisioning"
    COMPENSATION = "provisioning that is undone"
    DEPROVISIONING = "deprovisioning"


@dataclass(frozen=True)
class Place:
    """A call of a state's function: the `occurrence`-th of its name in one invocation."""

    phase: Phase
    state: str
    call: str
    occurrence: int
    changes: bool

    def __str__(self) -> str:
        again = f" ({self.occurrence + 1})" if self.occurrence else ""
        return f"{self.state}, {self.call}{again}"


@dataclass(frozen=True)
class Cell:
    """A place and what goes wrong there."""

    place: Place
    fault: Fault

    def __str__(self) -> str:
        return f"{self.place.phase.value}: {self.place}: {self.fault.value}"


@dataclass(frozen=True)
class Finding:
    """What became of a cell."""

    cell: Cell
    end: str
    """Of the execution that the fault struck: its status, and the error's name."""
    thing: str
    verdict: str
    """What there was when it had ended."""
    finally_left: str
    """What there was in the end, when a whole device had been removed; `nothing`, or it is a leak."""
    hits: int
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether the fault struck. A second call of one name may be one that is not always made."""
        return self.hits > 0

    @property
    def wrong(self) -> str:
        """Why this is not as it should be; empty when it is."""
        if not self.hits and not self.cell.place.occurrence:
            return "the fault never struck"
        if self.finally_left != NOTHING:
            return self.finally_left
        if not self.reached:
            return ""
        passing = self.cell.fault in (Fault.THROTTLED_TWICE, Fault.TIME_OUT_AFTER)
        if passing and self.cell.place.phase is not Phase.COMPENSATION and "SUCCEEDED" not in self.end:
            return f"ended {self.end}, though the fault did pass"
        return ""


def places(stage: Stage) -> list[Place]:
    """Every call of every function, from two lives without faults."""
    stage.provision("life-1")
    stage.deprovision("life-1")
    stage.provision("life-2", UNDONE)
    stage.settled("life-2", [NOTHING])
    made = [r for r in stage.proxy.of("life-1") if r.call.function not in ("CleanUp", "")]
    removed = [r for r in stage.proxy.of("life-1") if r.call.function == "CleanUp"]
    undone = [r for r in stage.proxy.of("life-2") if r.call.function == "CleanUp"]
    return [
        *_places(Phase.PROVISIONING, made),
        *_places(Phase.COMPENSATION, undone),
        *_places(Phase.DEPROVISIONING, removed),
    ]


def _places(phase: Phase, records: Sequence[Record]) -> list[Place]:
    found: dict[Place, None] = {}
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        call: Call = record.call
        number = counts.get((call.invocation, call.name), 0)
        counts[call.invocation, call.name] = number + 1
        found[Place(phase, call.function, call.name, number, call.changes)] = None
    return sorted(found, key=lambda place: _order(place, records))


def _order(place: Place, records: Sequence[Record]) -> int:
    """States in the order in which they were entered, the calls of one together."""
    return next(i for i, record in enumerate(records) if record.call.function == place.state)


def all_cells(found: Sequence[Place]) -> list[Cell]:
    """Every place with every fault."""
    return [Cell(place, fault) for place in found for fault in IN_TABLE]


def some_cells(found: Sequence[Place], seed: int) -> list[Cell]:
    """For each state and fault one call that changes something, drawn by the seed."""
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    states = dict.fromkeys((place.phase, place.state) for place in found)
    return [
        Cell(draw.choice([p for p in found if (p.phase, p.state) == state and p.changes]), fault)
        for state in states
        for fault in IN_TABLE
    ]


def try_cell(stage: Stage, cell: Cell, thing: str) -> Finding:
    """Live the life, with the fault; then remove what there is, and see that nothing stays."""
    begun = time.monotonic()
    place = cell.place
    rule = Rule(cell.fault, thing, place.state, place.call, place.occurrence)
    if place.phase is Phase.DEPROVISIONING:
        stage.provision(thing)
    with stage.proxy.rule(rule):
        if place.phase is Phase.DEPROVISIONING:
            end = stage.deprovision(thing)
        else:
            end = stage.provision(thing, UNDONE if place.phase is Phase.COMPENSATION else "")
    done = end.status == "SUCCEEDED"
    wanted = WHOLE if done and place.phase is Phase.PROVISIONING else NOTHING
    # Where CleanUp itself failed for good, it is for the sweep, after all cells, to end it.
    verdict = stage.settled(thing, [wanted], SETTLED_LIMIT if done else FAILED_LIMIT)
    last = verdict
    if verdict == WHOLE:
        stage.deprovision(thing)
        last = stage.settled(thing, [NOTHING])
    said = f"{end.status} {end.error}".strip()
    return Finding(cell, said, thing, verdict, last, rule.hits, time.monotonic() - begun)


def numbered(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    """Each cell with the thing name that it uses."""
    for number, cell in enumerate(cells):
        yield cell, f"cell-{number}"
