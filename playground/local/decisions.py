"""What the task agent does next, as a pure function of the tasks that ECS wants and the processes
that run.

Times are seconds of a monotonic clock.
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

# The device's way to say that starting it again will not help.
GONE_FOR_GOOD = 2


class Phase(Enum):
    """Where a device process stands."""

    RUNNING = "running"
    EXITED = "exited"
    STOPPING = "stopping"
    KILLED = "killed"
    GIVEN_UP = "failed for good"


class Verb(Enum):
    """What to do with a task."""

    START = "start"
    STOP = "stop"
    KILL = "kill"
    GIVE_UP = "give up"
    FORGET = "forget"


@dataclass(frozen=True)
class Slot:
    """One task's process: its phase, since when, and after an exit its code, the exits in a row and
    the delay.
    """

    phase: Phase
    since: float
    exit_code: int | None = None
    failures: int = 0
    delay: float = 0.0


@dataclass(frozen=True)
class Action:
    """One thing to do for one task."""

    verb: Verb
    task_id: str
    reason: str = ""


@dataclass(frozen=True)
class Rules:
    """Limits: seconds, and the number of exits within a minute of each start after which a task has
    failed for good.
    """

    stop_limit: float = 10.0
    short_run: float = 60.0
    most_failures: int = 8
    first_delay: float = 0.5
    longest_delay: float = 30.0
    give_up_again: float = 5.0
    goodbye: float = 2.0
    """What all devices together have when the local cloud goes down: two hundred take this machine
    half a minute.
    """


def backoff(failures: int, rules: Rules, rng: random.Random) -> float:
    """Seconds to wait before start number `failures + 1`: exponential, with full jitter."""
    ceiling: float = min(rules.longest_delay, rules.first_delay * 2 ** max(0, failures - 1))
    return rng.uniform(0, ceiling)


def exited(slot: Slot, code: int, now: float, rules: Rules, rng: random.Random) -> Slot:
    """The slot after its process ended by itself: short runs count up, a long one starts the count
    anew.
    """
    failures = slot.failures + 1 if now - slot.since < rules.short_run else 1
    return Slot(Phase.EXITED, now, code, failures, backoff(failures, rules, rng))


def decide(
    wanted: Collection[str], slots: Mapping[str, Slot], now: float, rules: Rules
) -> list[Action]:
    """Actions that bring the processes to what ECS wants; an empty list when there is nothing to
    do.
    """
    actions = [Action(Verb.START, task_id) for task_id in wanted if task_id not in slots]
    for task_id, slot in slots.items():
        action = (
            _for_wanted(task_id, slot, now, rules)
            if task_id in wanted
            else _for_unwanted(task_id, slot, now, rules)
        )
        if action is not None:
            actions.append(action)
    return actions


def _for_wanted(task_id: str, slot: Slot, now: float, rules: Rules) -> Action | None:
    waited = now - slot.since
    if slot.phase is Phase.EXITED:
        if slot.exit_code == GONE_FOR_GOOD:
            return Action(Verb.GIVE_UP, task_id, "the device ended for good (exit code 2)")
        if slot.failures >= rules.most_failures:
            return Action(
                Verb.GIVE_UP,
                task_id,
                f"the device failed {slot.failures} times in a row ({slot.exit_code})",
            )
        if waited >= slot.delay:
            return Action(Verb.START, task_id)
    if slot.phase is Phase.GIVEN_UP and waited >= rules.give_up_again:
        return Action(Verb.GIVE_UP, task_id, "the device ended for good")
    return None


def _for_unwanted(task_id: str, slot: Slot, now: float, rules: Rules) -> Action | None:
    if slot.phase is Phase.RUNNING:
        return Action(Verb.STOP, task_id)
    if slot.phase is Phase.STOPPING:
        return Action(Verb.KILL, task_id) if now - slot.since >= rules.stop_limit else None
    return Action(Verb.FORGET, task_id) if slot.phase in (Phase.EXITED, Phase.GIVEN_UP) else None
