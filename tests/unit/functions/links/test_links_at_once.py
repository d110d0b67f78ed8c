"""A link is made or ended while something else changes what certificates have: in every order the
end is right.
"""

from collections.abc import Callable
from typing import Any

import pytest

from common.errors import DeviceBusy, TransientError
from provisioning import attach_policy
from quarantine import (
    claim_quarantine,
    drop_connection,
    isolate_device,
    mark_shadow,
    settle_quarantine,
)
from tests.unit.built import built
from tests.unit.confining import purpose_of
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.interleaving import orders
from tests.unit.linking import House, as_text
from tests.unit.stack import QUARANTINE, RELEASE, RESTART
from tests.unit.world import World

pytestmark = pytest.mark.thorough

# What the two know of each other: the row, which certificates have the policy, and the policy.
CALLS = frozenset(
    {
        "GetItem",
        "UpdateItem",
        "ListAttachedPolicies",
        "ListTargetsForPolicy",
        "AttachPolicy",
        "CreatePolicy",
        "DeletePolicy",
    }
)
ASK_AGAIN = (DeviceBusy, TransientError)


@pytest.fixture
def house(
    world: World, functions: MemoryFunctions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> House:
    """A switch `wall` that drives `lamp`, and a bulb `spot`, all online."""
    monkeypatch.setattr("links.rows._later", lambda seconds: as_text(clock.seconds + seconds))
    house = House(world, clock.sleep)
    for name, device_type in (("wall", "switch"), ("lamp", "bulb"), ("spot", "bulb")):
        house.device(name, device_type)
        update(house, name, "REMOVE task_token")
    house.link("wall", "lamp")
    return house


def update(house: House, name: str, expression: str, **values: Any) -> None:
    """Into the row, and nothing else of it is touched."""
    filled: Any = (
        {"ExpressionAttributeValues": {f":{key}": value for key, value in values.items()}}
        if values
        else {}
    )
    house.world.catalog.table.update_item(
        Key={"thing_name": name}, UpdateExpression=expression, **filled
    )


class Restart:
    """The part of a restart that changes certificates; `finish` is the rest of it, in good
    order.
    """

    def __init__(self, house: House) -> None:
        self.house = house
        self.arn = ""

    def run(self) -> None:
        update(self.house, "wall", "SET restarting = :me", me=RESTART)
        self.arn = self.house.world.iot.create_keys_and_certificate(setAsActive=True)[
            "certificateArn"
        ]
        update(self.house, "wall", "SET next_certificate_arn = :arn", arn=self.arn)
        event = {
            "thingName": "wall",
            "certificateArn": self.arn,
            "execution": "e",
            "existing": True,
        }
        built(attach_policy)(event, self.house.world.context)

    def finish(self) -> None:
        iot, old = self.house.world.iot, self.house.world.row("wall")["certificate_arn"]
        del iot.certificates[old]
        iot.things["wall"].principals.discard(old)
        update(
            self.house,
            "wall",
            "SET certificate_arn = :arn REMOVE next_certificate_arn, restarting",
            arn=self.arn,
        )


def workflow(house: House, execution: str, *states: Any, **asked: Any) -> Callable[[], None]:
    """These states of a quarantine or a release of the switch, one after the other."""
    event = {"thingName": "wall", "execution": execution, "input": {"thingName": "wall", **asked}}

    def run() -> None:
        for module in states:
            purpose = purpose_of(module, execution)
            built(module)({**event, "purpose": purpose}, house.world.context)

    return run


def check(house: House, order: str, *bulbs: str) -> None:
    """The links are these, and no certificate has more or less; an unused policy is gone, or AWS
    IoT's to delete.
    """
    iot = house.world.iot
    policy = house.policy("wall")
    assert house.links("wall") == set(bulbs), order
    assert house.rights("wall") == {f"$aws/things/{bulb}/shadow/update" for bulb in bulbs}, order
    assert house.desired("wall") == sorted(bulbs), order
    if not bulbs and policy is not None:
        assert iot.slowness.detach_policy, order
        assert iot.list_targets_for_policy(policy)["targets"] == [], order
    for bulb in ("lamp", "spot"):
        assert ("wall" in house.world.row(bulb).get("linked_from", ())) == (bulb in bulbs), order


def test_a_link_that_ends_during_a_restart(house: House, function_clients: list[Any]) -> None:
    """While AWS IoT does not delete the policy yet, so that it can be attached again."""
    house.world.iot.slowness.detach_policy = 300.0
    restore, restart, seen = house.memory(), Restart(house), 0
    for outcome in orders(
        function_clients, restart.run, lambda: house.unlink("wall", "lamp"), CALLS
    ):
        assert outcome.errors == (None, None), outcome
        restart.finish()
        check(house, outcome.order)
        restore()
        seen += 1
    assert seen > 60


def test_a_link_that_is_made_during_a_restart(house: House, function_clients: list[Any]) -> None:
    house.unlink("wall", "lamp")
    restore, restart, made = house.memory(), Restart(house), 0
    for outcome in orders(function_clients, restart.run, lambda: house.link("wall", "spot"), CALLS):
        assert outcome.errors[0] is None, outcome
        restart.finish()
        if outcome.errors[1] is None:
            made += 1
        else:  # It came too late, and was told to come again.
            assert isinstance(outcome.errors[1], ASK_AGAIN), outcome
            house.link("wall", "spot")
        check(house, outcome.order, "spot")
        restore()
    assert made > 20


def test_a_link_that_ends_during_a_release(house: House, function_clients: list[Any]) -> None:
    confine = (claim_quarantine, isolate_device, mark_shadow, drop_connection, settle_quarantine)
    workflow(house, QUARANTINE, *confine, reason="flickers")()
    workflow(house, RELEASE, claim_quarantine)()
    restore, seen = house.memory(), 0
    readmit = workflow(house, RELEASE, isolate_device)
    for outcome in orders(function_clients, readmit, lambda: house.unlink("wall", "lamp"), CALLS):
        assert outcome.errors == (None, None), outcome
        workflow(house, RELEASE, mark_shadow, settle_quarantine)()
        check(house, outcome.order)
        assert house.world.row("wall")["status"] == "ONLINE"
        restore()
        seen += 1
    assert seen > 60


def test_a_link_that_is_made_while_a_quarantine_begins(
    house: House, function_clients: list[Any]
) -> None:
    """It has its say: then it counts when the switch is let out."""
    restore, made = house.memory(), 0
    confine = workflow(house, QUARANTINE, claim_quarantine, isolate_device, reason="flickers")
    for outcome in orders(function_clients, confine, lambda: house.link("wall", "spot"), CALLS):
        assert outcome.errors[0] is None, outcome
        linked = outcome.errors[1] is None
        assert linked or isinstance(outcome.errors[1], ASK_AGAIN), outcome
        made += linked
        certificate = house.world.iot.certificates[house.world.row("wall")["certificate_arn"]]
        assert certificate.policies == {"playground-quarantine"}, outcome.order
        workflow(house, QUARANTINE, mark_shadow, settle_quarantine)()
        workflow(house, RELEASE, claim_quarantine, isolate_device, settle_quarantine)()
        if not linked:
            house.link("wall", "spot")
        check(house, outcome.order, "lamp", "spot")
        restore()
    assert made > 20


def test_every_order_is_tried() -> None:
    """Of two that have no calls to be held up in, one goes after the other, in both orders."""
    went: list[str] = []
    found = [
        outcome.errors
        for outcome in orders([], lambda: went.append("a"), lambda: went.append("b"), CALLS)
    ]
    assert went == ["a", "b", "b", "a"]
    assert found == [(None, None)] * 2
