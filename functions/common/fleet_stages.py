"""What a fleet file may say of its stages and stops (docs/contracts.md, "Fleet file").

The workflows only keep them; who carries them out is the command. Standard library only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from common.checking import checked_object, number, whole
from common.errors import InvalidInput
from common.jsonvalues import Json, told

OF_A_STAGE = ("name", "seconds", "actions")
OF_A_STOP = ("measure", "above", "for")
MOST_STAGES = 50
MOST_ACTIONS = 20
MOST_STOPS = 20
HIGHEST = 1e12
"""Of what a stop may be above."""

LONGEST = 86_400
"""Seconds: of a stage, of what a device may stay away, of how long a condition has to hold."""


class Act(StrEnum):
    """What is done with devices."""

    DESIRED = "desired"
    """Members of `desired` are written into the shadow of each."""
    RECONNECT = "reconnect"
    """Each drops its connection and connects again: `clean` with a goodbye, `abrupt` without."""
    OFFLINE = "offline"
    """Each stays away for so many seconds."""


class Measure(StrEnum):
    """What a stop looks at."""

    SECONDS = "seconds"
    """Since the first stage began."""
    MESSAGES = "messages"
    """That were heard since then."""
    DOLLARS = "dollars"
    """What the fleet has cost on AWS since it was made, or would have."""
    CHANGE_P95 = "change_p95"
    """Seconds within which 95 % of the stage's changes were answered; one that waits counts with
    its age.
    """
    LOST_SHARE = "lost_share"
    """Of the stage's messages, by their sequence numbers: 0 to 1."""
    REJECTED_SHARE = "rejected_share"
    """Of the stage's answers to changes: 0 to 1."""
    OFFLINE_SHARE = "offline_share"
    """Of the devices, now: 0 to 1."""


@dataclass(frozen=True)
class Action:
    """`share` of the devices of these groups, chosen by the seed, do it within `over` seconds."""

    act: Act
    value: Json
    groups: tuple[str, ...]
    share: float
    over: float


@dataclass(frozen=True)
class Stage:
    """Its actions begin with it, side by side."""

    name: str
    seconds: float
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Stop:
    """Ends the run when the measure has been above the limit for so many seconds."""

    measure: Measure
    above: float
    lasting: float


def stages_of(asked: Any, groups: Sequence[str]) -> tuple[Stage, ...]:
    """From `[{name, seconds, actions?}]`; raises InvalidInput with the path of the field."""
    found = tuple(
        _stage(f"stages[{at}]", stage, groups)
        for at, stage in enumerate(_array("stages", asked, MOST_STAGES))
    )
    _check_names([stage.name for stage in found])
    return found


def stops_of(asked: Any) -> tuple[Stop, ...]:
    """From `[{measure, above, for?}]`; raises InvalidInput with the path of the field."""
    return tuple(
        _stop(f"stops[{at}]", stop) for at, stop in enumerate(_array("stops", asked, MOST_STOPS))
    )


def _stage(path: str, asked: Any, groups: Sequence[str]) -> Stage:
    stage = checked_object(path, asked, OF_A_STAGE)
    name = stage.get("name")
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 40:
        raise InvalidInput(f"{path}.name", f"must be a text of 1 to 40 letters, got {told(name)}")
    seconds = number(f"{path}.seconds", stage.get("seconds"), 1, LONGEST)
    actions = _array(f"{path}.actions", stage.get("actions", []), MOST_ACTIONS)
    return Stage(
        name,
        seconds,
        tuple(
            _action(f"{path}.actions[{at}]", action, seconds, groups)
            for at, action in enumerate(actions)
        ),
    )


def _action(path: str, asked: Any, longest: float, groups: Sequence[str]) -> Action:
    action = checked_object(path, asked, (*Act, "groups", "share", "over"))
    acts = [act for act in Act if act in action]
    if len(acts) != 1:
        raise InvalidInput(path, f"must have exactly one of {', '.join(Act)}")
    return Action(
        acts[0],
        _value(f"{path}.{acts[0]}", acts[0], action[acts[0]]),
        _groups(f"{path}.groups", action.get("groups"), groups),
        number(f"{path}.share", action.get("share", 1), 0, 1),
        number(f"{path}.over", action.get("over", 0), 0, longest),
    )


def _value(path: str, act: Act, value: Any) -> Json:
    match act:
        case Act.DESIRED:
            if not isinstance(value, dict) or not value:
                raise InvalidInput(path, f"must be an object of settings, got {told(value)}")
        case Act.RECONNECT:
            if value not in ("abrupt", "clean"):
                raise InvalidInput(path, f'must be "abrupt" or "clean", got {told(value)}')
        case Act.OFFLINE:
            return whole(path, value, 1, LONGEST)
    checked: Json = value
    return checked


def _groups(path: str, value: Any, known: Sequence[str]) -> tuple[str, ...]:
    if value is None:
        return tuple(known)
    found = _array(path, value, len(known))
    for at, name in enumerate(found):
        if name not in known:
            raise InvalidInput(
                f"{path}[{at}]", f"must be a group, one of {', '.join(known)}, got {told(name)}"
            )
    return tuple(dict.fromkeys(found))


def _stop(path: str, asked: Any) -> Stop:
    stop: Mapping[str, Any] = checked_object(path, asked, OF_A_STOP)
    measure = stop.get("measure")
    if measure not in tuple(Measure):
        rule = f"must be one of {', '.join(Measure)}, got {told(measure)}"
        raise InvalidInput(f"{path}.measure", rule)
    return Stop(
        Measure(measure),
        number(f"{path}.above", stop.get("above"), 0, HIGHEST),
        number(f"{path}.for", stop.get("for", 0), 0, LONGEST),
    )


def _array(path: str, value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidInput(path, f"must be an array of at most {most}, got {told(value)}")
    return value


def _check_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            raise InvalidInput(f"stages[{at}].name", f"is taken: {name} is another stage's")
        seen.add(name)
