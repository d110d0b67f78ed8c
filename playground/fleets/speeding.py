"""A fleet in fast motion: its devices' own clocks of telemetry, and the stages of its file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from common.fleet_stages import Act, Action, Stage
from common.fleet_wish import FleetWish, Group
from common.jsonvalues import Json, is_integer
from playground.devices.devices import Devices
from playground.errors import FleetError, UsageError
from playground.fleets.fleets import AT_ONCE, Change, awaited, change

SPEED = "speed"
"""The setting."""

FASTEST = 1000
"""What it takes (docs/contracts.md)."""

MOST_A_SECOND = 300
"""Messages of a run. One takes 1.3 to 1.9 ms of the local cloud (docs/evidence/benchmarks.md,
"Fleet"), and with its envelope up to 1 KB of the 512 KB a second of one connection on AWS.
"""

PATIENCE = 30.0
"""Seconds for the devices' answers."""

USUAL_INTERVAL = 60.0
"""Seconds between two messages of a device that nobody has told anything."""


def faster(wish: FleetWish, speed: int) -> FleetWish:
    """The same with stages that take so many times less. A device that stays away does so for a
    second at least: the command takes whole ones. Stops are of the real time.
    """
    if speed == 1:
        return wish
    return replace(wish, stages=tuple(_faster(stage, speed) for stage in wish.stages))


def _faster(stage: Stage, speed: int) -> Stage:
    def sooner(action: Action) -> Action:
        value = action.value
        if action.act is Act.OFFLINE and isinstance(value, int):
            value = max(round(value / speed), 1)
        return replace(action, value=value, over=action.over / speed)

    actions = tuple(sooner(action) for action in stage.actions)
    return replace(stage, seconds=stage.seconds / speed, actions=actions)


def sets_speed(wish: FleetWish) -> bool:
    """Whether one of the file's own actions does."""
    actions = [action for stage in wish.stages for action in stage.actions]
    return any(isinstance(action.value, dict) and SPEED in action.value for action in actions)


def require_speed(
    wish: FleetWish, groups: Mapping[str, Sequence[str]], times: Mapping[str, float], speed: int
) -> None:
    """Raises UsageError when the devices would send too many messages, or the file's own actions
    set the speed. `times` is the setting `time` of each device that takes part.
    """
    if speed == 1:
        return
    if sets_speed(wish):
        raise UsageError(f"An action of the file sets {SPEED}: run it without --{SPEED}.")
    rate = messages_a_second(wish, groups, times)
    if rate * speed > MOST_A_SECOND:
        most = int(MOST_A_SECOND / rate)
        largest = f"--{SPEED} {most} is the most" if most > 1 else f"run it without --{SPEED}"
        raise UsageError(
            f"At {speed} times the speed the devices would send {rate * speed:,.0f} messages a "
            f"second; a run takes at most {MOST_A_SECOND}: {largest}."
        )


def messages_a_second(
    wish: FleetWish, groups: Mapping[str, Sequence[str]], times: Mapping[str, float]
) -> float:
    """What all devices send together at most, at speed 1: each by the shortest interval that it has
    now, or that an action gives it.
    """
    return sum(
        _messages_a_second(group, min([times[name], *_wished(wish, group)]))
        for group in wish.groups
        for name in groups[group.name]
        if name in times
    )


def _wished(wish: FleetWish, group: Group) -> Iterator[float]:
    for action in [action for stage in wish.stages for action in stage.actions]:
        if isinstance(action.value, dict) and group.name in action.groups:
            yield from _interval(action.value.get("time"))


def _interval(value: Json) -> Iterator[float]:
    """The value, if it is one that a device takes."""
    if isinstance(value, int | float) and is_integer(value) and value >= 1:
        yield float(value)


def _messages_a_second(group: Group, time: float) -> float:
    model: Mapping[str, Any] = group.asked.get("model") or {}
    messages: Sequence[Mapping[str, Any]] = model.get("messages") or [{}]
    return sum(1 / (message.get("every") or time) for message in messages)


def times_of(devices: Devices, names: Sequence[str]) -> dict[str, float]:
    """The setting `time` of each device, as it reports it."""

    def time(name: str) -> float:
        reported = devices.shadow(name).get("state", {}).get("reported", {})
        return next(_interval(reported.get("time")), USUAL_INTERVAL)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(zip(names, pool.map(time, names), strict=True))


@contextmanager
def at_speed(
    devices: Devices, names: Sequence[str], speed: int, tell: Callable[[str], None]
) -> Iterator[None]:
    """Their clocks run so fast inside, and as fast as time afterwards, whatever happens. Raises
    FleetError when one does not take the speed; `tell` is told what could not be done afterwards.
    """
    if speed == 1:
        yield
        return
    try:
        _require_taken(change(devices, names, {SPEED: speed}, PATIENCE, lambda _: None))
        yield
    finally:
        _set_back(devices, names, tell)


def _require_taken(changed: Change) -> None:
    for name, reason in changed.rejected.items():
        raise FleetError(f"{name} does not take the speed: {reason}.")
    if changed.pending:
        told = f"{changed.pending[0]} has not taken the speed within {PATIENCE:g} s"
        raise FleetError(f"{told}, of {len(changed.pending)} that have not.")


def _set_back(devices: Devices, names: Sequence[str], tell: Callable[[str], None]) -> None:
    """Remove the wish. What becomes of one is nothing to the others."""
    began: dict[str, float] = {}

    def remove(name: str) -> str | None:
        try:
            devices.desire(name, {SPEED: None})
        except Exception as error:  # noqa: BLE001 - told, for each device
            return f"{name} may still be fast: {error}"
        began[name] = 0.0
        return None

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        faults = [fault for fault in pool.map(remove, names) if fault]
    for fault in faults[:1]:
        more = f" So may {len(faults) - 1} more." if len(faults) > 1 else ""
        tell(f"{fault}.{more}")
    late = awaited(devices, began, {SPEED: None}, PATIENCE, lambda _: None).pending
    if late:
        tell(f"{len(late)} devices have not answered; they are as fast as time when they do.")
