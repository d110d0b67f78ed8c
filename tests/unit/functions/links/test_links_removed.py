"""Links of devices that are deleted or restarted, and what the sweep does about their policies."""

import pytest

from common.errors import DetachmentPending, DeviceBusy
from provisioning import attach_policy, clean_up
from tests.unit.built import CLIENTS, built
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.functions.links.meanwhile import before_call
from tests.unit.linking import House, topic

pytestmark = pytest.mark.thorough


def test_a_bulb_that_is_deleted_is_linked_no_more(house: House) -> None:
    # given
    house.device("door", "switch")
    for switch in ("wall", "door"):
        house.link(switch, "lamp")
    house.link("wall", "spot")
    # when
    house.delete("lamp")
    # then
    house.check("wall", "spot")
    house.check("door")
    row = house.world.row("lamp")
    assert row["status"] == "TERMINATED"
    assert not row.keys() & {"links", "linked_from", "linking"}


def test_a_switch_that_is_deleted_leaves_no_policy(house: House) -> None:
    # given
    house.link("wall", "lamp")
    house.link("wall", "spot")
    # when
    house.delete("wall")
    # then
    assert house.world.iot.policies == {"playground-device", "playground-quarantine"}
    assert "wall" not in house.world.shadows.desired
    assert not house.world.row("wall").keys() & {"links", "linked_from", "linking"}
    assert all("linked_from" not in house.world.row(bulb) for bulb in ("lamp", "spot"))


def test_devices_without_links_are_deleted_without_a_look(
    house: House, functions: MemoryFunctions
) -> None:
    house.delete("lamp")
    assert functions.asked == []


@pytest.mark.parametrize("reused", ["wall", "lamp"])
def test_a_new_device_of_the_name_inherits_nothing(house: House, reused: str) -> None:
    # given
    house.link("wall", "lamp")
    house.delete(reused)
    # when
    house.device(reused, "switch" if reused == "wall" else "bulb")
    # then
    house.check("wall")
    assert "linked_from" not in house.world.row("lamp")
    # when
    house.link("wall", "lamp")
    # then
    house.check("wall", "lamp")


def test_a_policy_that_aws_iot_does_not_delete_yet_gives_nobody_a_right(house: House) -> None:
    # given
    house.link("wall", "lamp")
    house.world.iot.slowness.detach_policy = 300.0
    # when
    house.delete("wall")
    # then
    assert house.world.row("wall")["status"] == "TERMINATED"
    assert house.policy("wall") is not None
    # when: another device of that name, which gets a new certificate some day
    house.device("wall", "switch")
    arn = house.world.row("wall")["certificate_arn"]
    built(attach_policy)(
        {"thingName": "wall", "certificateArn": arn, "existing": True}, house.world.context
    )
    # then
    assert house.rights("wall") == set()
    # when
    with pytest.raises(DetachmentPending, match="can't be deleted yet"):
        house.ask("mend", "wall")
    house.link("wall", "spot")
    # then
    house.check("wall", "spot")


@pytest.mark.parametrize("linked", [True, False])
def test_a_restarted_switch_keeps_its_links(house: House, linked: bool) -> None:  # noqa: FBT001
    # given
    if linked:
        house.link("wall", "lamp")
    arn = house.world.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    # when
    built(attach_policy)(
        {"thingName": "wall", "certificateArn": arn, "existing": True}, house.world.context
    )
    # then
    assert house.world.iot.may_publish(arn) == ({topic("lamp")} if linked else set())
    assert "playground-device" in house.world.iot.certificates[arn].policies


def test_a_removal_that_begins_meanwhile_is_told(house: House) -> None:
    # when
    with (
        before_call(
            CLIENTS.client("iot"),
            "CreatePolicy",
            lambda: house.write("wall", deprovisioning="arn"),
        ),
        pytest.raises(DeviceBusy, match="thingName: wall is being removed"),
    ):
        house.link("wall", "lamp")
    # then
    assert house.desired("wall") == []


@pytest.mark.parametrize("kind", ["wall", "house:1"])
def test_the_sweep_removes_a_policy_that_aws_iot_would_not_delete(house: House, kind: str) -> None:
    # given
    if kind != "wall":
        house.device(kind, "switch")
    house.link(kind, "lamp")
    house.world.iot.slowness.detach_policy = 300.0
    house.unlink(kind, "lamp")
    policy = house.policy(kind)
    assert policy is not None
    # then
    assert house.sweep() == [("policy", policy, "failed")]
    assert house.rights(kind) == set()
    # when
    house.pause(300)
    # then
    assert house.sweep(dryRun=True) == [("policy", policy, "found")]
    assert house.sweep() == [("policy", policy, "removed")]
    assert house.sweep() == []
    assert house.world.iot.policies == {"playground-device", "playground-quarantine"}


def test_the_sweep_leaves_policies_in_use_and_those_of_others(house: House) -> None:
    # given
    house.link("wall", "lamp")
    house.world.iot.create_policy("playground-links-somebody", "{}")
    house.world.iot.create_policy("theirs", "{}")
    # when
    assert house.sweep() == [("policy", "playground-links-somebody", "ambiguous")]
    # then
    house.check("wall", "lamp")
    assert house.world.iot.policies == {
        "playground-device",
        "playground-quarantine",
        "playground-links-wall",
        "playground-links-somebody",
        "theirs",
    }


def test_a_link_that_is_made_while_the_sweep_finds_its_policy_stays(house: House) -> None:
    # given: what the sweep has found, and a new link since
    house.link("wall", "lamp")
    # when
    answer = built(clean_up)(
        {"leftover": {"thingName": "wall", "links": True}}, house.world.context
    )
    # then
    assert answer["undone"] is False
    house.check("wall", "lamp")


def test_a_policy_that_was_changed_by_hand_is_mended(house: House) -> None:
    # given
    house.link("wall", "lamp")
    house.world.iot.documents["playground-links-wall"] = house.world.iot.documents[
        "playground-links-wall"
    ].replace(topic("lamp"), topic("spot"))
    # when
    assert house.ask("mend", "wall") == ["lamp"]
    # then
    house.check("wall", "lamp")
    assert house.ask("mend", "nobody") == []
