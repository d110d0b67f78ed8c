"""A function that outlives its execution, while that is undone: in every order the device is
whole.
"""

from collections.abc import Callable
from typing import Any

import pytest

from common.errors import QuarantineLost
from quarantine import renew_identity
from tests.unit.confining import (
    NEXT,
    Confinement,
    is_confined,
    is_free,
    quarantine,
    release,
)
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.interleaving import orders
from tests.unit.restarting import THING, World
from tests.unit.stack import OTHER_QUARANTINE, QUARANTINE, RELEASE

pytestmark = pytest.mark.thorough

# What the two know of each other, and what they leave.
CALLS = frozenset(
    {
        "GetItem",
        "UpdateItem",
        "AttachPolicy",
        "DetachPolicy",
        "AddThingToThingGroup",
        "RemoveThingFromThingGroup",
        "UpdateThingShadow",
        "CreateJob",
        "DeleteJob",
    }
)
Check = Callable[[World], None]


def _every_order(
    begun: Confinement, late: Callable[[], object], clients: list[Any], check: Check
) -> int:
    """The function and the undoing after an abort, in every order; gives how many there were."""
    restore, seen = begun.world.memory(), 0
    for outcome in orders(clients, late, begun.die, CALLS):
        assert outcome.errors[0] is None or isinstance(outcome.errors[0], QuarantineLost), outcome
        assert outcome.errors[1] is None, outcome
        check(begun.world)
        restore()
        seen += 1
    return seen


def _free(world: World) -> None:
    is_free(world, world.row["certificate_arn"])


def _either(free_with: str) -> Check:
    """The last word may have been said before the undoing began."""

    def check(world: World) -> None:
        if world.row["status"] == "QUARANTINED":
            is_confined(world)
        else:
            is_free(world, free_with)

    return check


@pytest.mark.parametrize("state", ["claim", "isolate", "shadow"])
def test_a_state_of_a_quarantine_that_is_undone(
    lamp: World, topics: MemoryTopics, function_clients: list[Any], state: str
) -> None:
    # given
    begun = quarantine(lamp, topics)
    before = begun.states[: begun.states.index(state)]
    for name in before:
        begun.step(name)
    # then
    seen = _every_order(begun, getattr(begun, f"_{state}"), function_clients, _free)
    assert seen > 3


def test_the_last_word_of_a_quarantine_that_is_undone(
    lamp: World, topics: MemoryTopics, function_clients: list[Any]
) -> None:
    # given
    begun = quarantine(lamp, topics).run("drop")
    # then
    seen = _every_order(
        begun, begun._settle, function_clients, _either(lamp.row["certificate_arn"])
    )
    assert seen > 3


def test_a_claim_of_a_release_that_is_undone(
    lamp: World, topics: MemoryTopics, function_clients: list[Any]
) -> None:
    # given
    quarantine(lamp, topics).run()
    begun = release(lamp, topics)
    # then
    assert _every_order(begun, begun._claim, function_clients, is_confined) > 3


def test_a_job_that_is_made_after_its_release_was_undone(
    lamp: World, topics: MemoryTopics, function_clients: list[Any]
) -> None:
    # given
    quarantine(lamp, topics).run()
    begun = release(lamp, topics).run("claim")
    claim = begun.data["claim"]
    asked = {"certificateId": claim["certificateId"], "force": claim["force"]}

    def late() -> None:
        lamp.call(renew_identity, thingName=THING, execution=RELEASE, **asked)

    def check(world: World) -> None:
        is_confined(world)
        assert not world.iot.jobs

    # then
    assert _every_order(begun, late, function_clients, check) > 3


@pytest.mark.parametrize(
    ("state", "check"),
    [("readmit", is_confined), ("shadow", is_confined), ("settle", _either(NEXT))],
)
def test_a_state_of_a_release_that_is_undone(
    lamp: World, topics: MemoryTopics, function_clients: list[Any], state: str, check: Check
) -> None:
    # given
    quarantine(lamp, topics).run()
    begun = release(lamp, topics)
    for name in begun.states[: begun.states.index(state)]:
        begun.step(name)
    # then
    assert _every_order(begun, getattr(begun, f"_{state}"), function_clients, check) > 3


def test_two_who_undo_the_same_quarantine(
    lamp: World, topics: MemoryTopics, function_clients: list[Any]
) -> None:
    # given: the state that undoes it is at work, and the execution is aborted
    begun = quarantine(lamp, topics).run("drop")
    # then
    assert _every_order(begun, begun.undo, function_clients, _free) > 3


def test_a_device_is_confined_anew_while_its_quarantine_is_undone_twice(
    lamp: World, topics: MemoryTopics
) -> None:
    # given
    begun = quarantine(lamp, topics).run("drop")
    assert begun.die()
    # when another one has it
    other = quarantine(lamp, topics, OTHER_QUARANTINE).run()
    # then what is late of the first one does nothing
    for name in ("claim", "isolate", "shadow", "drop"):
        with pytest.raises(QuarantineLost):
            getattr(begun, f"_{name}")()
    assert not begun.undo()
    is_confined(lamp)
    assert lamp.row["quarantined_by"] == other.arn


def test_so_many_may_be_undone(lamp: World, topics: MemoryTopics) -> None:
    # when
    for number in range(30):
        assert not quarantine(lamp, topics, f"{QUARANTINE}-{number}").undo()
    # then the row remembers those who may still write, not all there ever were
    assert f"{QUARANTINE}-29" in lamp.row["undone"]
    assert len(lamp.row["undone"]) <= 8
