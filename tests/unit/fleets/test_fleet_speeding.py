"""A fleet in fast motion: what is scaled, what is refused, and that the clocks are set back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from common.fleet_wish import FleetWish
from playground.devices.devices import Devices
from playground.errors import FleetError, UsageError
from playground.fleets import speeding
from playground.fleets.hearing import Hearing
from playground.fleets.run import Run
from playground.fleets.speeding import MOST_A_SECOND, at_speed, faster, require_speed, times_of
from playground.show import fleets as views
from tests.unit.fleets.test_fleet_hearing import LAMP, telemetry
from tests.unit.fleets.test_fleet_run import STARTED, run_of

NAMES = ["lamp-1", "lamp-2", "lamp-3"]


def wish_of(*actions: Any, count: int = 3, **group: Any) -> FleetWish:
    lamps = {"name": "lamp", "count": count, "deviceType": "bulb", **group}
    stages = [{"name": "day", "seconds": 3600, "actions": list(actions)}]
    return FleetWish.of({"name": "office", "groups": [lamps], "stages": stages})


def checked(wish: FleetWish, speed: int, time: float = 60) -> None:
    (group,) = wish.groups
    names = list(group.names())
    require_speed(wish, {"lamp": names}, dict.fromkeys(names, time), speed)


@dataclass
class Shadows:
    """Devices that answer at once, but for those that are `silent` or have an `old` image; nobody
    can write into those that are `gone`.
    """

    silent: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    desired: dict[str, dict[str, Any]] = field(default_factory=dict)
    home: Any = field(default_factory=lambda: SimpleNamespace(poll=0.001))

    def desire(self, name: str, wanted: Mapping[str, Any]) -> None:
        if name in self.gone:
            raise OSError("no such thing")
        found = {**self.desired.get(name, {}), **wanted}
        self.desired[name] = {key: value for key, value in found.items() if value is not None}

    def shadow(self, name: str) -> dict[str, Any]:
        desired = self.desired.get(name, {})
        reported = {} if name in self.silent else dict(desired)
        if name in self.old and desired:
            reported = {"rejected": {"speed": {"value": 60, "reason": "is not a setting"}}}
        return {"state": {"desired": desired, "reported": reported}}

    @property
    def devices(self) -> Devices:
        return cast("Devices", self)


@pytest.fixture
def told() -> list[str]:
    return []


def test_stages_take_so_many_times_less() -> None:
    # given
    wish = wish_of({"offline": 600, "over": 120}, {"offline": 20}, {"desired": {"time": 5}})
    # when
    (stage,) = faster(wish, 60).stages
    # then
    away, shortest, changed = stage.actions
    assert stage.seconds == 60
    assert (away.value, away.over) == (10, 2)
    assert shortest.value == 1  # the command takes whole seconds
    assert changed.value == {"time": 5}
    assert faster(wish, 1) == wish


def test_a_run_of_too_many_messages_is_refused_and_says_what_goes() -> None:
    # 200 devices with a message a minute
    checked(wish_of(count=200), 90)
    with pytest.raises(UsageError) as refused:
        checked(wish_of(count=200), 91)
    assert "303 messages a second; a run takes at most 300: --speed 90 is the most" in str(
        refused.value
    )
    with pytest.raises(UsageError, match="run it without --speed"):
        checked(wish_of(count=200), 2, time=1)
    # without it nothing is refused
    checked(wish_of(count=400), 1, time=1)


@pytest.mark.parametrize(
    ("wish", "most"),
    [
        (wish_of({"desired": {"time": 6}}, {"desired": {"time": 30}}, count=100), 18),
        (wish_of({"desired": {"time": "soon"}}, {"desired": {"time": 0}}, count=100), 180),
        (wish_of({"desired": {"time": 6}, "groups": []}, count=100), 180),
        (
            wish_of(
                count=100,
                model={"messages": [{"every": 20, "telemetry": {}}, {"telemetry": {}}]},
            ),
            45,
        ),
    ],
)
def test_the_shortest_interval_counts_that_a_device_will_have(wish: FleetWish, most: int) -> None:
    checked(wish, most)
    with pytest.raises(UsageError, match=f"--speed {most} is the most"):
        checked(wish, most + 1)


def test_devices_that_do_not_take_part_send_nothing() -> None:
    require_speed(wish_of(count=5000), {"lamp": NAMES}, {NAMES[0]: 1.0}, MOST_A_SECOND)


def test_a_file_that_sets_the_speed_itself_is_run_without_the_flag() -> None:
    wish = wish_of({"desired": {"speed": 5}})
    checked(wish, 1)
    with pytest.raises(UsageError, match="An action of the file sets speed"):
        checked(wish, 2)


def test_the_interval_is_the_one_that_the_device_reports() -> None:
    shadows = Shadows(desired={"lamp-1": {"time": 5}, "lamp-2": {"time": "x"}})
    assert times_of(shadows.devices, NAMES) == {"lamp-1": 5, "lamp-2": 60, "lamp-3": 60}


def test_the_clocks_are_fast_within_and_set_back_afterwards(told: list[str]) -> None:
    # given
    shadows = Shadows(desired={"lamp-1": {"time": 5}})
    # when
    with at_speed(shadows.devices, NAMES, 60, told.append):
        within = [shadows.desired[name]["speed"] for name in NAMES]
    # then
    assert within == [60, 60, 60]
    assert shadows.desired == {"lamp-1": {"time": 5}, "lamp-2": {}, "lamp-3": {}}
    assert told == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, FleetError])
def test_the_clocks_are_set_back_whatever_ends_the_run(
    error: type[BaseException], told: list[str]
) -> None:
    shadows = Shadows()
    with pytest.raises(error), at_speed(shadows.devices, NAMES, 60, told.append):
        raise error
    assert shadows.desired == {name: {} for name in NAMES}


def test_one_that_can_not_be_set_back_is_told_and_keeps_no_other(told: list[str]) -> None:
    # given
    shadows = Shadows()
    # when
    with at_speed(shadows.devices, NAMES, 60, told.append):
        shadows.gone = ("lamp-1",)
    # then
    assert told == ["lamp-1 may still be fast: no such thing."]
    assert (shadows.desired["lamp-2"], shadows.desired["lamp-3"]) == ({}, {})


def test_a_run_does_not_begin_with_a_device_that_does_not_know_the_setting(
    told: list[str],
) -> None:
    shadows = Shadows(old=("lamp-2",))
    with (
        pytest.raises(FleetError, match="lamp-2 does not take the speed: speed: is not a setting"),
        at_speed(shadows.devices, NAMES, 60, told.append),
    ):
        pytest.fail("it has begun")
    assert shadows.desired == {name: {} for name in NAMES}


def test_a_run_does_not_begin_before_all_have_answered(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speeding, "PATIENCE", 0.05)
    shadows = Shadows(silent=("lamp-3",))
    with (
        pytest.raises(FleetError, match="lamp-3 has not taken the speed"),
        at_speed(shadows.devices, NAMES, 60, told.append),
    ):
        pytest.fail("it has begun")
    assert shadows.desired == {name: {} for name in NAMES}


def test_at_the_speed_of_time_nothing_is_written(told: list[str]) -> None:
    shadows = Shadows()
    with at_speed(shadows.devices, NAMES, 1, told.append):
        pass
    assert shadows.desired == {}


@pytest.mark.parametrize(("timed", "told_of"), [(True, 2), (False, 0)])
def test_no_delay_is_told_of_clocks_that_are_fast(*, timed: bool, told_of: int) -> None:
    # given
    hearing = Hearing({LAMP}, {LAMP}, timed=timed)
    # when
    for number in (1, 2):
        hearing.take(telemetry(number))
    # then
    assert (hearing.tally.heard, len(hearing.tally.delays)) == (2, told_of)
    assert len(hearing.tally.jitters) == max(told_of - 1, 0)


def test_a_report_says_its_speed_if_it_has_one() -> None:
    # given
    usual = run_of("office")
    fast = Run("office", 3, 2, STARTED, speed=60, cost=usual.cost)
    # then
    assert "speed" not in views._head(usual.data())
    assert views._head(fast.data())["speed"] == "60 times"
    older = {key: value for key, value in usual.data().items() if key != "speed"}
    assert views._head(older) == views._head(usual.data())
