"""A switch in quarantine has no right to its bulbs; let out it has what its links are then."""

from typing import Any

import pytest

from common.errors import DeviceBusy
from provisioning import attach_policy
from quarantine import (
    claim_quarantine,
    drop_connection,
    isolate_device,
    mark_shadow,
    settle_quarantine,
    undo_quarantine,
)
from tests.unit.built import built
from tests.unit.confining import purpose_of
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.linking import House, as_text
from tests.unit.stack import QUARANTINE, RELEASE
from tests.unit.world import World

pytestmark = pytest.mark.thorough

SWITCH, POLICY = "wall", "playground-links-wall"
CONFINE: tuple[Any, ...] = (
    claim_quarantine,
    isolate_device,
    mark_shadow,
    drop_connection,
    settle_quarantine,
)
RELEASED: tuple[Any, ...] = (isolate_device, mark_shadow, settle_quarantine)


@pytest.fixture
def house(
    world: World, functions: MemoryFunctions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> House:
    """A switch that drives `lamp`, and a bulb `spot`, all online."""
    monkeypatch.setattr("links.rows._later", lambda seconds: as_text(clock.seconds + seconds))
    house = House(world, clock.sleep)
    for name, device_type in ((SWITCH, "switch"), ("lamp", "bulb"), ("spot", "bulb")):
        house.device(name, device_type)
    row = house.world.row(SWITCH)
    del row["task_token"]
    world.catalog.table.put_item(Item=row)
    house.link(SWITCH, "lamp")
    return house


def run(house: House, states: tuple[Any, ...], execution: str, **asked: Any) -> None:
    for module in states:
        event = {
            "purpose": purpose_of(module, execution),
            "thingName": SWITCH,
            "execution": execution,
            "input": {"thingName": SWITCH, **asked},
        }
        built(module)(event, house.world.context)


def confine(house: House) -> None:
    run(house, CONFINE, QUARANTINE, reason="flickers")


def let_out(house: House) -> None:
    """With another certificate, which came under the quarantine policy."""
    run(house, (claim_quarantine,), RELEASE)
    renew(house)
    run(house, RELEASED, RELEASE)


def renew(house: House) -> str:
    """As a restart does it; gives the ARN."""
    iot, old = house.world.iot, house.world.row(SWITCH)["certificate_arn"]
    made = iot.create_keys_and_certificate(setAsActive=True)
    arn: str = made["certificateArn"]
    event = {"thingName": SWITCH, "certificateArn": arn, "execution": "e", "existing": True}
    built(attach_policy)(event, house.world.context)
    del iot.certificates[old]
    iot.things[SWITCH].principals.discard(old)
    house.write(SWITCH, certificate_arn=arn, certificate_id=made["certificateId"])
    return arn


def policies(house: House) -> set[str]:
    """Of the switch's certificate."""
    return set(house.world.iot.certificates[house.world.row(SWITCH)["certificate_arn"]].policies)


def test_a_switch_loses_the_right_in_quarantine_and_has_it_again_afterwards(house: House) -> None:
    # when
    confine(house)
    # then
    assert policies(house) == {"playground-quarantine"}
    assert house.links(SWITCH) == {"lamp"}
    # when
    let_out(house)
    # then
    assert policies(house) == {"playground-device", POLICY}
    house.check(SWITCH, "lamp")


def test_a_link_that_ended_in_quarantine_is_not_given_back(house: House) -> None:
    # given
    confine(house)
    # when
    assert house.unlink(SWITCH, "lamp") == []
    let_out(house)
    # then
    assert policies(house) == {"playground-device"}
    house.check(SWITCH)


def test_of_two_links_the_one_that_is_left_is_given_back(house: House) -> None:
    # given
    house.link(SWITCH, "spot")
    confine(house)
    # when
    assert house.unlink(SWITCH, "lamp") == ["spot"]
    # then
    assert policies(house) == {"playground-quarantine"}
    # when
    let_out(house)
    # then
    house.check(SWITCH, "spot")


def test_no_link_is_made_in_quarantine(house: House) -> None:
    # given
    confine(house)
    # then
    with pytest.raises(DeviceBusy, match="thingName: wall is QUARANTINED"):
        house.link(SWITCH, "spot")
    assert policies(house) == {"playground-quarantine"}


def test_what_mends_a_policy_leaves_a_switch_in_quarantine_without_it(house: House) -> None:
    # given: somebody has changed it by hand
    confine(house)
    house.world.iot.documents[POLICY] = '{"Statement": []}'
    # when
    assert house.ask("mend", SWITCH) == ["lamp"]
    # then
    assert policies(house) == {"playground-quarantine"}
    # when
    let_out(house)
    # then
    house.check(SWITCH, "lamp")


def test_a_quarantine_that_is_undone_gives_the_right_back(house: House) -> None:
    # given
    run(house, CONFINE[:2], QUARANTINE, reason="flickers")
    assert policies(house) == {"playground-quarantine"}
    # when
    run(house, (undo_quarantine,), QUARANTINE, reason="flickers")
    # then
    assert policies(house) == {"playground-device", POLICY}
    house.check(SWITCH, "lamp")


def test_what_another_switch_has_is_not_given_back(house: House) -> None:
    """Somebody has attached the policy of another one's links by hand."""
    # given
    house.world.iot.create_policy("playground-links-other", '{"Statement": []}')
    house.world.iot.attach_policy(
        "playground-links-other", house.world.row(SWITCH)["certificate_arn"]
    )
    # when
    confine(house)
    let_out(house)
    # then
    assert policies(house) == {"playground-device", POLICY}
