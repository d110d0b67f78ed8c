"""The cells: every call that a function makes in a life without faults, with every fault."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from proofs.fault_matrix.calls import Call
from proofs.fault_matrix.phases import (
    COURSES,
    ON_HOSTS,
    OTHER_WAYS,
    RESTARTING,
    RESTARTS,
    ROLLS,
    SAMPLED,
    UNDOINGS,
    UNDONE,
    Phase,
)
from proofs.fault_matrix.proxy import Record
from proofs.fault_matrix.remains import DEVICES, NOTHING, STOPPED
from proofs.fault_matrix.rules import IN_TABLE, Fault, Rule
from proofs.fault_matrix.stage import Stage

# The answer to a state that waits for the device: its own function's only where the device is
# faster.
MAY_BE_MADE = frozenset({"stepfunctions:SendTaskSuccess"})
# Of a device that is to have a seat: only where no host has room, which another device may have
# left.
OF_A_NEW_HOST = frozenset({"stepfunctions:StartExecution", "dynamodb:UpdateItem"})
# Faults that pass: the execution must come through.
PASSING = (Fault.THROTTLED_TWICE, Fault.TIME_OUT_AFTER)
# Seconds after which what a failed execution has left is looked at no more.
FAILED_LIMIT = 5.0


@dataclass(frozen=True)
class Place:
    """A call of a state's function: the `occurrence`-th of its name in one invocation.

    `later`: how often the state is entered before, where that makes a difference.
    """

    phase: Phase
    state: str
    call: str
    occurrence: int
    changes: bool
    later: int = 0

    @property
    def entered(self) -> str:
        """The state's name, and which time it is."""
        return f"{self.state}, entered again" if self.later else self.state

    @property
    def may_be_missing(self) -> bool:
        """Whether a life without faults may have no such call: a second one of its name, for
        example.
        """
        finds_room = (
            self.phase in ON_HOSTS and self.state == "StartTask" and self.call in OF_A_NEW_HOST
        )
        answers = self.call in MAY_BE_MADE and self.state != "Presence"
        return self.occurrence > 0 or answers or finds_room

    def __str__(self) -> str:
        again = f" ({self.occurrence + 1})" if self.occurrence else ""
        return f"{self.entered}, {self.call}{again}"


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
    """What there was in the end, when a whole device had been removed; `nothing`, or it is a
    leak.
    """
    right: Sequence[str]
    """The verdicts that are right for this end."""
    hits: int
    seconds: float
    came_through: bool

    @property
    def reached(self) -> bool:
        """Whether the fault struck. A second call of one name may be one that is not always
        made.
        """
        return self.hits > 0

    @property
    def wrong(self) -> str:
        """Why this is not as it should be; empty when it is."""
        if not self.hits and not self.cell.place.may_be_missing:
            return "the fault never struck"
        if self.finally_left != NOTHING:
            return self.finally_left
        if not self.reached:
            return ""
        # Where CleanUp was struck something may have been left to the sweep; a device that stays is
        # not to be left so. `swept` alone: the device was removed with what the sweep had left of
        # another cell's.
        verdict = self.verdict.removesuffix(", swept")
        in_turn = COURSES[self.cell.place.phase].in_turn and verdict != "swept"
        judged = verdict in (*DEVICES, NOTHING) or in_turn
        unlike = self.end == "SUCCEEDED" and not self.came_through
        if unlike or (judged and verdict not in self.right):
            return f"ended {self.end} and left: {self.verdict}"
        if (
            self.cell.fault in PASSING
            and self.cell.place.phase not in UNDOINGS
            and not self.came_through
        ):
            return f"ended {self.end}, though the fault did pass"
        return ""


def places(stage: Stage, phases: Sequence[Phase] = SAMPLED) -> list[Place]:
    """Every call of every function, from lives without faults: two, and one for the phases that are
    not sampled.
    """
    stage.provision("life-1")
    stage.deprovision("life-1")
    stage.provision("life-2", UNDONE)
    stage.settled("life-2", [NOTHING])
    made = [r for r in stage.proxy.of("life-1") if r.call.function not in ("CleanUp", "")]
    removed = [r for r in stage.proxy.of("life-1") if r.call.function == "CleanUp"]
    undone = [r for r in stage.proxy.of("life-2") if r.call.function == "CleanUp"]
    found = [
        *_places(Phase.PROVISIONING, made),
        *_places(Phase.COMPENSATION, undone),
        *_places(Phase.DEPROVISIONING, removed),
    ]
    apart = (*SAMPLED, *RESTARTS, *ROLLS, *ON_HOSTS, *OTHER_WAYS)
    others = [phase for phase in phases if phase not in apart]
    if others:
        found += _more_places(stage, others, found)
    found += _restarts(stage) if Phase.RESTART in phases else []
    found += _hosted(stage, found) if Phase.HOSTED in phases else []
    found += _other_ways(stage, found) if Phase.CLAIMED in phases else []
    return [*found, *_rolls(stage)] if Phase.ROLL in phases else found


def _rolls(stage: Stage) -> list[Place]:
    """Those of a device that is rolled, and one that is put back."""
    thing, there = "life-5", NOTHING
    found: list[Place] = []
    with stage.rolls.possible():
        # The first roll of a stack finds no lock that another has left.
        for phase in (Phase.ROLL, *ROLLS):
            stage.prepare(phase, thing, there)
            begun = len(stage.proxy.of(thing))
            end = stage.ended(stage.start(phase, thing))
            assert stage.came_through(phase, thing, end), end
            there = stage.settled(thing, [COURSES[phase].done])
            states = {"PutBack"} if phase is Phase.ROLL_PUT_BACK else COURSES[phase].states
            records = [r for r in stage.proxy.of(thing)[begun:] if r.call.function in states]
            # Again, the places of the roll replace those of the first.
            found = [place for place in found if place.phase is not phase]
            found += _places(phase, records)
        stage.deprovision(thing)
        stage.settled(thing, [NOTHING])
    return found


def _restarts(stage: Stage) -> list[Place]:
    """Those of a device that is restarted, stopped, and restarted in vain."""
    thing, found, there = "life-4", [], NOTHING
    for phase in RESTARTS:
        stage.prepare(phase, thing, there)
        begun = len(stage.proxy.of(thing))
        stage.ended(stage.start(phase, thing))
        there = stage.settled(thing, [COURSES[phase].done])
        undoing = phase in UNDOINGS
        states = {name for name in COURSES[phase].states if name.startswith("Undo") == undoing}
        found += _places(
            phase, [r for r in stage.proxy.of(thing)[begun:] if r.call.function in states]
        )
    stage.deprovision(thing)
    stage.settled(thing, [NOTHING])
    return found


def _hosted(stage: Stage, known: Sequence[Place]) -> list[Place]:
    """Those that a device with a seat on a host has besides."""
    thing, found, there = "life-6", [], NOTHING
    for phase, like in ON_HOSTS.items():
        stage.prepare(phase, thing, there)
        begun = len(stage.proxy.of(thing))
        stage.ended(stage.start(phase, thing))
        there = stage.settled(thing, [COURSES[phase].done])
        assert there == COURSES[phase].done, there
        undoing = phase in (*UNDOINGS, Phase.HOSTED_DEPROVISIONING)
        states = {
            name
            for name in COURSES[phase].states
            if name.startswith(("Undo", "CleanUp")) == undoing
        }
        same = {(p.state, p.call, p.occurrence) for p in known if p.phase in like}
        records = [r for r in stage.proxy.of(thing)[begun:] if r.call.function in states]
        found += [p for p in _places(phase, records) if (p.state, p.call, p.occurrence) not in same]
    return found


def _other_ways(stage: Stage, known: Sequence[Place]) -> list[Place]:
    """Those that devices which come by another way have besides."""
    like = (Phase.PROVISIONING, Phase.OWN_KEY, Phase.COMPENSATION)
    same = {(p.state, p.call, p.occurrence) for p in known if p.phase in like}
    found: list[Place] = []
    for phase in OTHER_WAYS:
        thing = f"life-{phase.name.lower().replace('_', '-')}"
        stage.ended(stage.start(phase, thing))
        there = stage.settled(thing, [COURSES[phase].done])
        assert there == COURSES[phase].done, there
        records = [r for r in stage.proxy.of(thing) if r.call.function]
        new = [p for p in _places(phase, records) if (p.state, p.call, p.occurrence) not in same]
        same |= {(p.state, p.call, p.occurrence) for p in new}
        found += new
        if there != NOTHING:
            stage.deprovision(thing)
            stage.settled(thing, [NOTHING])
    return found


def _more_places(stage: Stage, phases: Sequence[Phase], known: Sequence[Place]) -> list[Place]:
    """Those of one device that goes through these phases, one after the other."""
    thing, found = "life-3", []
    for phase in phases:
        begun = len(stage.proxy.of(thing))
        end = stage.ended(stage.start(phase, thing))
        assert end.status == "SUCCEEDED", end
        stage.settled(thing, [COURSES[phase].done])
        states = COURSES[phase].states
        found += _places(
            phase, [r for r in stage.proxy.of(thing)[begun:] if r.call.function in states]
        )
    stage.deprovision(thing)
    stage.settled(thing, [NOTHING])
    # What its states have in common with those of a device whose key AWS makes is tried there.
    same = {(p.state, p.call, p.occurrence) for p in known if p.phase is Phase.PROVISIONING}
    return [
        p
        for p in found
        if p.phase is not Phase.OWN_KEY or (p.state, p.call, p.occurrence) not in same
    ]


def _places(phase: Phase, records: Sequence[Record]) -> list[Place]:
    found: dict[Place, None] = {}
    counts: dict[tuple[str, str], int] = {}
    entered: dict[str, list[str]] = {}
    for record in records:
        call: Call = record.call
        number = counts.get((call.invocation, call.name), 0)
        counts[call.invocation, call.name] = number + 1
        times = entered.setdefault(call.function, [])
        times += [] if call.invocation in times else [call.invocation]
        again = call.function in COURSES[phase].entered_again
        later = times.index(call.invocation) if again else 0
        found[Place(phase, call.function, call.name, number, call.changes, later)] = None
    return sorted(found, key=lambda place: _order(place, records))


def _order(place: Place, records: Sequence[Record]) -> int:
    """States in the order in which they were entered, the calls of one together."""
    return next(i for i, record in enumerate(records) if record.call.function == place.state)


def all_cells(found: Sequence[Place]) -> list[Cell]:
    """Every place with every fault."""
    return [Cell(place, fault) for place in found for fault in IN_TABLE]


def some_cells(found: Sequence[Place], seed: int) -> list[Cell]:
    """For each state half of the faults, each in one call that changes something; both drawn by the
    seed.

    The faults are dealt out like cards, and shuffled again when all are dealt: so each strikes one
    state of every pair, and the last pair, CleanUp of a device half made and of a whole one, is
    struck by all.
    """
    faults = _dealt(random.Random(seed))  # noqa: S311 - a sample, no secret
    changes: dict[tuple[str, str], list[Place]] = {}
    for place in sorted((p for p in found if p.changes), key=_by_phase):
        changes.setdefault((place.phase.value, place.state), []).append(place)
    return [
        # What is drawn for one state does not depend on how many calls the others make.
        Cell(random.Random(f"{seed} {state} {fault}").choice(calls), fault)  # noqa: S311
        for state, calls in changes.items()
        for fault in islice(faults, len(IN_TABLE) // 2)
    ]


def _by_phase(place: Place) -> tuple[int, str]:
    """An order that is always the same: branches of a workflow take turns in any."""
    return list(Phase).index(place.phase), str(place)


def _dealt(draw: random.Random) -> Iterator[Fault]:
    while True:
        yield from draw.sample(IN_TABLE, len(IN_TABLE))


def try_cells(stage: Stage, cells: Sequence[Cell], thing: str) -> Iterator[Finding]:
    """Live the life, with the fault, a cell after the other; then remove what there is, and see
    that nothing stays.
    """
    found: list[Finding] = []
    there = NOTHING
    for cell in cells:
        begun = time.monotonic()
        stage.prepare(cell.place.phase, thing, there)
        finding = _try(stage, cell, thing)
        there = finding.verdict
        found.append(replace(finding, seconds=time.monotonic() - begun))
    last = there
    if there in DEVICES:
        stage.deprovision(thing)
        last = stage.settled(thing, [NOTHING])
    yield from (replace(finding, finally_left=last) for finding in found)


def _try(stage: Stage, cell: Cell, thing: str) -> Finding:
    place, course = cell.place, COURSES[cell.place.phase]
    rule = Rule(cell.fault, thing, place.state, place.call, place.occurrence, place.later)
    with stage.proxy.rule(rule):
        end = stage.ended(stage.start(place.phase, thing))
    done = stage.came_through(place.phase, thing, end)
    right = [course.done] if done else course.failed
    # Where CleanUp itself failed for good, it is for the sweep, after all cells, to end it.
    verdict = stage.settled(
        thing, right, course.patience if done or NOTHING not in right else FAILED_LIMIT
    )
    if verdict == STOPPED and place.phase not in (*RESTARTING, *ROLLS):
        # Not a device whose restart was given up: one that a CleanUp which failed has begun to
        # remove, and has gone offline since. It is for the sweep, like all that is half removed.
        verdict = f"LEFT {stage.look(thing)} (half removed)"
    said = f"{end.status} {end.error}".strip()
    return Finding(cell, said, thing, verdict, verdict, right, rule.hits, 0.0, done)


def grouped(cells: Sequence[Cell]) -> list[list[Cell]]:
    """What one device goes through: a cell, or where the course has them in turn all cells of a
    place; of a state, where one cell comes after the other anyway.

    Faults that pass come last: what they strike comes through, and the device is not any more what
    it was.
    """
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(_device_of(cell), []).append(cell)
    return [sorted(group, key=lambda cell: cell.fault in PASSING) for group in groups.values()]


def _device_of(cell: Cell) -> object:
    place = cell.place
    if place.phase in ROLLS:
        return place.phase, place.entered
    return place if COURSES[place.phase].in_turn else cell
