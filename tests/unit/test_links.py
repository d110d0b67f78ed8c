"""Links: a switch gets the right to its bulbs' lights and to nothing else, and loses it with the link."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import DetachmentPending, DeviceBusy, InvalidInput, ThingNotFound, TransientError
from links import link_devices
from provisioning import attach_policy, clean_up
from tests.unit.doubles import faults
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.linking import House, as_text, topic
from tests.unit.stack import TOPICS
from tests.unit.world import World

pytestmark = pytest.mark.thorough

ERRORS = (TransientError, DeviceBusy, ThingNotFound, ClientError, faults.Killed)


@pytest.fixture
def house(world: World, functions: MemoryFunctions, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> House:
    """A switch `wall` and two bulbs, `lamp` and `spot`, all online. Time goes by only when somebody waits."""
    monkeypatch.setattr("links.rows._later", lambda seconds: as_text(clock.seconds + seconds))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    house = House(world, clock.sleep)
    for name, device_type in (("wall", "switch"), ("lamp", "bulb"), ("spot", "bulb")):
        house.device(name, device_type)
    return house


def test_a_link_lets_the_switch_change_this_light_alone(house: House) -> None:
    # when
    assert house.link("wall", "lamp") == ["lamp"]
    # then
    house.check("wall", "lamp")
    assert house.policy("wall") == "playground-links-wall"
    (document,) = house.world.iot.documents.values()
    assert json.loads(document) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": [f"{TOPICS}{topic('lamp')}"]}],
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
    "change", [{"restarting": "arn"}, {"status": "QUARANTINED"}, {"status": "FAILED", "given_up_at": "x"}]
)
def test_a_link_ends_whatever_state_the_switch_is_in(house: House, change: dict[str, str]) -> None:
    # given
    house.link("wall", "lamp")
    house.write("wall", **change)
    # when
    house.unlink("wall", "lamp")
    # then
    house.check("wall")


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


def test_devices_without_links_are_deleted_without_a_look(house: House, functions: MemoryFunctions) -> None:
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
    attach_policy.handler({"thingName": "wall", "certificateArn": arn, "existing": True}, house.world.context)
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
    attach_policy.handler({"thingName": "wall", "certificateArn": arn, "existing": True}, house.world.context)
    # then
    assert house.world.iot.may_publish(arn) == ({topic("lamp")} if linked else set())
    assert "playground-device" in house.world.iot.certificates[arn].policies


def test_a_removal_that_begins_meanwhile_is_told(house: House) -> None:
    # when
    with (
        before_call(link_devices.iot_client, "CreatePolicy", lambda: house.write("wall", deprovisioning="arn")),
        pytest.raises(DeviceBusy, match="thingName: wall is being removed"),
    ):
        house.link("wall", "lamp")
    # then
    assert house.desired("wall") == []


@contextmanager
def before_call(client: Any, operation: str, act: Callable[[], object]) -> Iterator[None]:
    """Within the block, `act` happens once, before the first such call."""
    name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    acted: list[bool] = []

    def first(**_: Any) -> None:
        if not acted:
            acted.append(True)
            act()

    client.meta.events.register_first(name, first)
    try:
        yield
        assert acted, operation
    finally:
        client.meta.events.unregister(name, first)


def attempt(act: Callable[[], object]) -> bool:
    """Whether it worked."""
    try:
        act()
    except ERRORS:
        return False
    return True


@pytest.mark.parametrize("how", ["answer lost", "killed before"])
@pytest.mark.parametrize("case", ["link", "link one more", "unlink", "unlink the last", "delete bulb", "delete switch"])
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
            assert house.world.iot.policies == {"playground-device", "playground-quarantine"}, interruption
            assert "wall" not in house.world.shadows.desired, interruption
        else:
            house.check("wall", *left)


@pytest.mark.parametrize("other", ["link", "unlink", "delete bulb", "delete other bulb", "delete switch"])
def test_of_two_at_once_neither_undoes_the_other(house: House, function_clients: list[Any], other: str) -> None:
    """Something else happens before any call of a link: it succeeds then, or is told to come again."""
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
    answer = clean_up.handler({"leftover": {"thingName": "wall", "links": True}}, house.world.context)
    # then
    assert answer["undone"] is False
    house.check("wall", "lamp")


def test_a_policy_that_was_changed_by_hand_is_mended(house: House) -> None:
    # given
    house.link("wall", "lamp")
    house.world.iot.documents["playground-links-wall"] = house.world.iot.documents["playground-links-wall"].replace(
        topic("lamp"), topic("spot")
    )
    # when
    assert house.ask("mend", "wall") == ["lamp"]
    # then
    house.check("wall", "lamp")
    assert house.ask("mend", "nobody") == []
