"""Links: interrupted anywhere, and changed by two at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import DeviceBusy, ThingNotFound, TransientError
from tests.unit.doubles import faults
from tests.unit.linking import House

pytestmark = pytest.mark.thorough
ERRORS = (TransientError, DeviceBusy, ThingNotFound, ClientError, faults.Killed)


def attempt(act: Callable[[], object]) -> bool:
    """Whether it worked."""
    try:
        act()
    except ERRORS:
        return False
    return True


@pytest.mark.parametrize("how", ["answer lost", "killed before"])
@pytest.mark.parametrize(
    "case", ["link", "link one more", "unlink", "unlink the last", "delete bulb", "delete switch"]
)
def test_an_interruption_anywhere_leaves_no_right_without_a_link_and_a_repetition_completes(
    house: House, function_clients: list[Any], case: str, how: str
) -> None:
    act, given, left = {
        "link": (lambda: house.link("wall", "lamp"), [], ["lamp"]),
        "link one more": (lambda: house.link("wall", "lamp"), ["spot"], ["lamp", "spot"]),
        "unlink": (lambda: house.unlink("wall", "lamp"), ["lamp", "spot"], ["spot"]),
        "unlink the last": (lambda: house.unlink("wall", "lamp"), ["lamp"], []),
        "delete bulb": (lambda: house.delete("lamp"), ["lamp", "spot"], ["spot"]),
        "delete switch": (lambda: house.delete("wall"), ["lamp", "spot"], []),
    }[case]
    for bulb in given:
        house.link("wall", bulb)
    restore = house.memory()
    for at in range(1, 100):
        # given
        restore()
        with faults.interrupted(function_clients, at, how) as interruption:
            attempt(act)
        if not interruption.operation:
            assert at > 8
            return
        # then
        house.check_at_any_moment("wall")
        # when: whoever was killed is out of the way
        house.pause(60)
        for _ in range(2):
            if attempt(act):
                break
        # then
        if case == "delete switch":
            assert house.world.iot.policies == {"playground-device", "playground-quarantine"}, (
                interruption
            )
            assert "wall" not in house.world.shadows.desired, interruption
        else:
            house.check("wall", *left)


@pytest.mark.parametrize(
    "other", ["link", "unlink", "delete bulb", "delete other bulb", "delete switch"]
)
def test_of_two_at_once_neither_undoes_the_other(
    house: House, function_clients: list[Any], other: str
) -> None:
    """Something else happens before any call of a link: it succeeds then, or is told to come
    again.
    """
    act: Callable[[], object] = {
        "link": lambda: house.link("wall", "spot"),
        "unlink": lambda: house.unlink("wall", "spot"),
        "delete bulb": lambda: house.delete("lamp"),
        "delete other bulb": lambda: house.delete("spot"),
        "delete switch": lambda: house.delete("wall"),
    }[other]
    if other != "link":
        house.link("wall", "spot")
    restore = house.memory()
    for at in range(1, 100):
        restore()
        done: list[bool] = []
        with at_call(function_clients, at, lambda done=done: done.append(attempt(act))):  # type: ignore[misc]
            linked = attempt(lambda: house.link("wall", "lamp"))
        if not done:
            assert at > 8
            return
        house.check_at_any_moment("wall")
        # when: both are told until it is done
        house.pause(60)
        if not done[0]:
            act()
        if not linked:
            with suppress(ThingNotFound):
                house.link("wall", "lamp")
        # then
        if other == "delete switch":
            assert house.world.iot.policies == {"playground-device", "playground-quarantine"}, at
            assert "wall" not in house.world.shadows.desired, at
        else:
            lamp = [] if other == "delete bulb" else ["lamp"]
            house.check("wall", *lamp, *(["spot"] if other in ("link", "delete bulb") else []))


@contextmanager
def at_call(clients: list[Any], at: int, act: Callable[[], object]) -> Iterator[None]:
    """Within the block, `act` happens before the n-th call; its own calls do not count."""
    calls = 0

    def before(**_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            act()

    for client in clients:
        client.meta.events.register_first("before-call", before)
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", before)


def test_whoever_was_killed_is_waited_for(house: House, function_clients: list[Any]) -> None:
    # given
    with faults.interrupted(function_clients, 6, "killed before"), pytest.raises(faults.Killed):
        house.link("wall", "lamp")
    # when
    with pytest.raises(DeviceBusy, match="somebody else changes the links of wall"):
        house.link("wall", "spot")
    house.pause(40)
    house.link("wall", "spot")
    # then
    house.check("wall", "lamp", "spot")
