"""Links: a switch gets the right to its bulbs' lights and to nothing else, and loses it with the
link.
"""

import json

import pytest

from common.errors import DeviceBusy, InvalidInput, ThingNotFound
from tests.unit.linking import House, topic
from tests.unit.stack import TOPICS

pytestmark = pytest.mark.thorough


def test_a_link_lets_the_switch_change_this_light_alone(house: House) -> None:
    # when
    assert house.link("wall", "lamp") == ["lamp"]
    # then
    house.check("wall", "lamp")
    assert house.policy("wall") == "playground-links-wall"
    (document,) = house.world.iot.documents.values()
    assert json.loads(document) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "iot:Publish", "Resource": [f"{TOPICS}{topic('lamp')}"]}
        ],
    }
    assert house.rights("lamp") == house.rights("spot") == set()


def test_a_link_that_is_there_already_changes_nothing(house: House) -> None:
    # given
    house.link("wall", "lamp")
    versions = dict(house.world.iot.versions)
    # when
    assert house.link("wall", "lamp") == ["lamp"]
    # then
    house.check("wall", "lamp")
    assert house.world.iot.versions == versions


def test_links_come_and_go_one_by_one_and_the_last_takes_the_policy_along(house: House) -> None:
    house.link("wall", "spot")
    assert house.link("wall", "lamp") == ["lamp", "spot"]
    house.check("wall", "lamp", "spot")
    assert house.unlink("wall", "spot") == ["lamp"]
    house.check("wall", "lamp")
    assert "linked_from" not in house.world.row("spot")
    assert house.unlink("wall", "lamp") == []
    house.check("wall")
    assert house.world.iot.policies == {"playground-device", "playground-quarantine"}
    assert house.unlink("wall", "lamp") == []
    house.check("wall")


def test_a_policy_keeps_no_more_versions_than_aws_iot_does(house: House) -> None:
    for _ in range(4):
        house.link("wall", "lamp")
        house.link("wall", "spot")
        house.unlink("wall", "lamp")
        house.check("wall", "spot")
    assert len(house.world.iot.versions["playground-links-wall"]) == 5


def test_a_certificate_that_is_to_succeed_gets_the_right_too(house: House) -> None:
    # given
    arn = house.world.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    house.write("wall", next_certificate_arn=arn)
    # when
    house.link("wall", "lamp")
    # then
    assert house.world.iot.may_publish(arn) == {topic("lamp")}
    # when
    house.unlink("wall", "lamp")
    # then
    assert house.world.iot.may_publish(arn) == set()


def test_what_the_shadow_was_told_by_hand_does_not_stay(house: House) -> None:
    # given
    house.world.shadows.desired["wall"]["links"] = ["spot"]
    # when
    house.link("wall", "lamp")
    # then
    house.check("wall", "lamp")


@pytest.mark.parametrize(
    ("switch", "target", "refusal", "says"),
    [
        ("lamp", "spot", InvalidInput, "thingName: must be a switch: lamp is a bulb"),
        ("wall", "door", InvalidInput, "target: must be a bulb: door is a switch"),
        ("nobody", "lamp", ThingNotFound, "thingName: the catalog knows no device nobody"),
        ("wall", "nobody", ThingNotFound, "target: the catalog knows no device nobody"),
        ("wall", "wall", InvalidInput, "target: must not be the switch itself"),
        ("wall", "update", InvalidInput, "target: 'update' is a level of"),
        ("a b", "lamp", InvalidInput, "thingName: must match"),
    ],
)
def test_what_can_not_be_linked_is_refused(
    house: House, switch: str, target: str, refusal: type[Exception], says: str
) -> None:
    # given
    house.device("door", "switch")
    rows = house.world.catalog.table.scan()["Items"]
    # when
    with pytest.raises(refusal, match=f"^{says}"):
        house.link(switch, target)
    # then
    assert house.world.catalog.table.scan()["Items"] == rows
    assert house.world.iot.policies == {"playground-device", "playground-quarantine"}


@pytest.mark.parametrize("device", ["wall", "lamp"])
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"deprovisioning": "arn"}, DeviceBusy),
        ({"restarting": "arn"}, DeviceBusy),
        ({"status": "PROVISIONING"}, DeviceBusy),
        ({"status": "QUARANTINED"}, DeviceBusy),
        ({"status": "FAILED", "given_up_at": "then"}, DeviceBusy),
        ({"status": "FAILED"}, ThingNotFound),
        ({"status": "TERMINATED"}, ThingNotFound),
    ],
)
def test_only_devices_that_are_there_are_linked(
    house: House, device: str, change: dict[str, str], refusal: type[Exception]
) -> None:
    # given
    house.write(device, **change)
    # when
    with pytest.raises(refusal, match=device):
        house.link("wall", "lamp")
    # then
    assert house.rights("wall") == house.links("wall") == set()
    assert house.world.iot.policies == {"playground-device", "playground-quarantine"}


@pytest.mark.parametrize(
    "change",
    [{"restarting": "arn"}, {"status": "QUARANTINED"}, {"status": "FAILED", "given_up_at": "x"}],
)
def test_a_link_ends_whatever_state_the_switch_is_in(house: House, change: dict[str, str]) -> None:
    # given
    house.link("wall", "lamp")
    house.write("wall", **change)
    # when
    house.unlink("wall", "lamp")
    # then
    house.check("wall")


def test_a_name_that_fits_no_policy_is_linked_all_the_same(house: House) -> None:
    # given
    name = "house:1:" + "x" * 120
    house.device(name, "switch")
    # when
    house.link(name, "lamp")
    # then
    house.check(name, "lamp")


def test_a_switch_has_ten_links_at_most(house: House) -> None:
    # given
    names = {f"lamp-{number}" for number in range(10)}
    house.write("wall", links=names)
    # when
    with pytest.raises(InvalidInput, match="target: too many links: a switch has at most 10"):
        house.link("wall", "lamp")
    # then
    assert house.links("wall") == names
    assert "linked_from" not in house.world.row("lamp")


def test_the_names_of_the_links_have_512_bytes_at_most(house: House) -> None:
    # given
    names = [f"{letter * 128}" for letter in "abcd"]
    for name in names:
        house.device(name, "bulb")
    for name in names[:3]:
        house.link("wall", name)
    # when
    with pytest.raises(InvalidInput, match="at most 512 bytes as JSON, not 525"):
        house.link("wall", names[3])
    # then
    house.check("wall", *names[:3])
