"""Moving devices that run to another image: one by one, up to the first that does not come up."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import (
    DeviceBusy,
    ImageChanged,
    InvalidInput,
    NoDeviceImage,
    RollUnderWay,
    ThingNotFound,
    TransientError,
)
from common.executions import Executions
from devices.catalog import Catalog
from rolling import next_device, progress
from rolling.lock import RollLock
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.rolling import Fleet, Roll
from tests.unit.stack import IMAGE_TAG, OTHER_ROLL, ROLL, TABLE, TURNS

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

NAMES = ("a", "b", "c")


@pytest.fixture
def fleet(
    catalog: Catalog, turns: "Table", ecr: MemoryEcr, workflows: MemoryWorkflows, context: Any
) -> Fleet:
    """Three devices with the first image."""
    found = Fleet(catalog, turns, ecr, workflows, context)
    for name in NAMES:
        found.add(name)
    return found


def test_devices_are_moved_one_after_the_other(fleet: Fleet) -> None:
    # given
    second = fleet.ecr.push("second", IMAGE_TAG)
    roll = Roll(fleet)
    # when
    assert roll.run() == ""
    # then
    assert fleet.restarted == [(name, second, True) for name in NAMES]
    assert fleet.images() == dict.fromkeys(NAMES, second)
    assert (roll.progress["rolled"], roll.progress["skipped"], roll.progress["remaining"]) == (
        3,
        0,
        0,
    )


def test_where_all_run_the_image_nothing_is_done(fleet: Fleet) -> None:
    roll = Roll(fleet)
    assert roll.run() == ""
    assert fleet.restarted == []
    assert roll.progress["rolled"] == 0


def test_only_those_that_were_named_are_moved(fleet: Fleet) -> None:
    # given
    second = fleet.ecr.push("second", IMAGE_TAG)
    # when
    Roll(fleet, {"thingNames": ["c", "b", "c"]}).run()
    # then
    assert [name for name, _image, _once in fleet.restarted] == ["b", "c"]
    assert fleet.row("a")["image_digest"] != second


def test_what_does_not_run_or_is_in_other_hands_is_left_alone(fleet: Fleet) -> None:
    # given
    fleet.add("deleted", status="TERMINATED", task_arn=None)
    fleet.add("deleting", deprovisioning="arn")
    fleet.add("failed", status="OFFLINE", task_arn=None)
    fleet.add("given-up", status="FAILED", given_up_at="now")
    fleet.add("isolated", status="QUARANTINED")
    fleet.add("provisioning", status="PROVISIONING", task_token="t")
    fleet.add("restarting", restarting="arn")
    fleet.ecr.push("second", IMAGE_TAG)
    roll = Roll(fleet)
    # when
    assert roll.run() == ""
    # then
    assert [name for name, _image, _once in fleet.restarted] == list(NAMES)
    assert roll.progress["skipped"] == 1  # the one that is being restarted


def test_a_device_whose_image_nobody_knows_is_moved_too(fleet: Fleet) -> None:
    # given: made before images were recorded
    fleet.add("old", image_digest=None)
    # when
    Roll(fleet).run()
    # then
    assert [name for name, _image, _once in fleet.restarted] == ["old"]


def test_the_first_that_does_not_come_up_goes_back_and_ends_the_roll(fleet: Fleet) -> None:
    # given
    first, second = fleet.current, fleet.ecr.push("second", IMAGE_TAG)
    fleet.broken = {second}
    # when
    cause = Roll(fleet).run()
    # then
    assert fleet.restarted == [("a", second, True), ("a", first, False)]
    assert fleet.images() == dict.fromkeys(NAMES, first)
    assert fleet.row("a")["status"] == "ONLINE"
    assert fleet.current == first
    assert cause == (
        f"a did not come up with {second} (restart failed: TaskStopped: exit code 2); no "
        "device was moved before it, "
        f"none after it. It runs {first} again, and so will new tasks."
    )
    # and a roll after it has nothing to do
    fleet.workflows.ended(ROLL, "FAILED")
    assert Roll(fleet, arn=OTHER_ROLL).run() == ""
    assert len(fleet.restarted) == 2


def test_those_that_were_moved_before_it_stay(fleet: Fleet) -> None:
    # given: the image comes up on all but one
    first, second = fleet.current, fleet.ecr.push("second", IMAGE_TAG)
    fleet.meanwhile["b"] = lambda: fleet.broken.add(second)
    # when
    cause = Roll(fleet).run()
    # then
    assert fleet.images() == {"a": second, "b": first, "c": first}
    assert "b did not come up" in cause
    assert "1 device was moved before it" in cause


def test_without_an_earlier_image_the_device_is_told_to_be_without_a_task(fleet: Fleet) -> None:
    # given
    first, second = fleet.current, fleet.ecr.push("second", IMAGE_TAG)
    fleet.broken = {second}
    del fleet.ecr.manifests[first]  # the repository keeps the latest ones only
    # when
    cause = Roll(fleet).run()
    # then
    assert len(fleet.restarted) == 1
    assert fleet.current == second
    assert cause.endswith("No earlier image is known, so the device has no task now.")


def test_a_device_that_comes_back_with_no_image_is_told_of(fleet: Fleet) -> None:
    # given
    first, second = fleet.current, fleet.ecr.push("second", IMAGE_TAG)
    fleet.broken = {first, second}
    # when
    cause = Roll(fleet).run()
    # then
    assert cause.endswith(
        f"New tasks run {first} again; the device did not come back with it either."
    )
    assert fleet.row("a")["status"] == "FAILED"
    assert fleet.current == first


@pytest.mark.parametrize("gone", [True, False])
def test_a_device_that_is_taken_away_meanwhile_is_passed_over(fleet: Fleet, *, gone: bool) -> None:
    # given: it is being deleted, or put into quarantine, just before its turn
    second = fleet.ecr.push("second", IMAGE_TAG)
    change = {"deprovisioning": "arn"} if gone else {"status": "QUARANTINED"}
    fleet.meanwhile["b"] = lambda: fleet.set("b", **change)
    roll = Roll(fleet)
    # when
    assert roll.run() == ""
    # then
    assert fleet.restarted == [("a", second, True), ("c", second, True)]
    assert (roll.progress["rolled"], roll.progress["skipped"]) == (2, 1)
    assert fleet.current == second


def test_a_named_device_whose_row_is_not_found_is_not_passed_over(fleet: Fleet) -> None:
    """An answer that was cut reads like one without a row; a deleted device's row stays."""
    # given
    second = fleet.ecr.push("second", IMAGE_TAG)
    roll = Roll(fleet, {"thingNames": ["a", "b"]})
    assert roll.next()["thingName"] == "a"
    assert fleet.restart("a", once=True)
    # when
    with (
        faults.answered(CLIENTS.resource("dynamodb").meta.client, "GetItem", {}),
        pytest.raises(TransientError, match="row of b"),
    ):
        roll.next()
    # then
    assert fleet.restarted == [("a", second, True)]
    assert roll.next()["thingName"] == "b"


def test_at_the_beginning_each_named_device_is_read_once(fleet: Fleet) -> None:
    """Of two answers, the second might not name a device that the first one did."""
    # given
    fleet.ecr.push("second", IMAGE_TAG)
    events = CLIENTS.resource("dynamodb").meta.client.meta.events
    name, asked = "provide-client-params.dynamodb.GetItem", []

    def count(params: Any, **_: Any) -> None:
        if params["TableName"] == TABLE:
            asked.append(params["Key"])

    events.register(name, count)
    # when
    request = {"input": {"thingNames": ["a", "b"]}, "roll": ROLL, "progress": {}}
    try:
        built(next_device)(request, fleet.context)
    finally:
        events.unregister(name, count)
    # then
    assert asked == [{"thing_name": "a"}, {"thing_name": "b"}]


def test_a_device_whose_row_is_not_found_is_not_taken_for_one_that_needs_nothing(
    fleet: Fleet,
) -> None:
    # given: it has no task any more, and the tag stands for an image that does not come up
    first, second = fleet.current, fleet.ecr.push("second", IMAGE_TAG)
    fleet.broken = {second}
    roll = Roll(fleet)
    roll.next()
    assert not fleet.restart("a", once=True)
    # when
    with (
        faults.answered(CLIENTS.resource("dynamodb").meta.client, "GetItem", {}),
        pytest.raises(TransientError, match="row of a"),
    ):
        roll.put_back()
    # then
    assert roll.put_back()["verdict"] == "RESTORE"
    assert fleet.current == first


def test_a_push_during_a_roll_ends_it(fleet: Fleet) -> None:
    # given
    fleet.ecr.push("second", IMAGE_TAG)
    fleet.meanwhile["a"] = lambda: fleet.ecr.tags.update({IMAGE_TAG: fleet.ecr.push("third")})
    # when
    with pytest.raises(ImageChanged):
        Roll(fleet).run()
    # then
    assert [name for name, _image, _once in fleet.restarted] == ["a"]


def test_an_image_that_was_pushed_since_is_not_taken_back(fleet: Fleet) -> None:
    # given: somebody mends it before the roll notices that it is broken
    second = fleet.ecr.push("second", IMAGE_TAG)
    fleet.broken = {second}
    roll = Roll(fleet)
    roll.next()
    assert not fleet.restart("a", once=True)
    third = fleet.ecr.push("third", IMAGE_TAG)
    # when
    assert roll.put_back()["verdict"] == "RESTORE"
    # then
    assert fleet.current == third


def test_there_is_one_roll_at_a_time(fleet: Fleet) -> None:
    # given
    fleet.ecr.push("second", IMAGE_TAG)
    Roll(fleet).next()
    fleet.workflows.runs(ROLL)
    # when
    with pytest.raises(RollUnderWay, match=ROLL):
        Roll(fleet, arn=OTHER_ROLL).next()
    # and when Step Functions does not know it yet
    fleet.workflows.executions.pop(ROLL)
    with pytest.raises(RollUnderWay, match=ROLL):
        Roll(fleet, arn=OTHER_ROLL).next()
    # and when the first has ended, however it did
    fleet.workflows.ended(ROLL, "ABORTED")
    # then
    assert Roll(fleet, arn=OTHER_ROLL).next()["thingName"] == "a"


def test_of_two_that_find_the_lock_free_one_has_it(fleet: Fleet, turns: "Table") -> None:
    # given: both have seen the same dead holder
    fleet.ecr.push("second", IMAGE_TAG)
    lock = RollLock(turns, Executions(CLIENTS.client("stepfunctions")))
    lock.take("arn:dead")
    fleet.workflows.ended("arn:dead", "FAILED")
    key = {"queue": {"S": "roll"}}
    seen = CLIENTS.client("dynamodb").get_item(TableName=TURNS, Key=key)
    lock.take(ROLL)
    # when
    with (
        faults.answered(turns.meta.client, "GetItem", seen),
        pytest.raises(RollUnderWay, match="faster"),
    ):
        lock.take(OTHER_ROLL)


def test_without_an_image_there_is_nothing_to_move_to(fleet: Fleet) -> None:
    fleet.ecr.tags.clear()
    with pytest.raises(NoDeviceImage, match="playground push"):
        Roll(fleet).next()


@pytest.mark.parametrize(
    ("asked", "error", "text"),
    [
        ([], InvalidInput, "input: must be a JSON object"),
        ({"names": []}, InvalidInput, "names: is not a field"),
        ({"thingNames": []}, InvalidInput, "thingNames: must be a list of 1 to 1000"),
        ({"thingNames": "a"}, InvalidInput, "thingNames: must be a list"),
        ({"thingNames": ["a", "no spaces"]}, InvalidInput, r"thingNames\[1\]: must match"),
        ({"thingNames": ["a", "nobody"]}, ThingNotFound, "there is no device nobody"),
        ({"thingNames": ["busy"]}, DeviceBusy, "busy is ONLINE and can't be moved now"),
        ({"thingNames": ["isolated"]}, DeviceBusy, "isolated is QUARANTINED"),
    ],
)
def test_bad_input_changes_nothing(
    fleet: Fleet, asked: Any, error: type[Exception], text: str
) -> None:
    # given
    fleet.ecr.push("second", IMAGE_TAG)
    fleet.add("busy", restarting="arn")
    fleet.add("isolated", status="QUARANTINED")
    before = fleet.catalog.table.scan()["Items"]
    # when
    with pytest.raises(error, match=text):
        built(next_device)({"input": asked, "roll": ROLL, "progress": {}}, fleet.context)
    # then
    assert fleet.catalog.table.scan()["Items"] == before


def test_one_execution_moves_so_many_and_says_how_many_are_left(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    fleet.ecr.push("second", IMAGE_TAG)
    monkeypatch.setattr(next_device, "MOST_DEVICES", 2)
    assert progress.MOST_DEVICES == 1000
    roll = Roll(fleet)
    # when
    roll.run()
    # then
    assert (roll.progress["rolled"], roll.progress["remaining"]) == (2, 1)


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
def test_putting_back_that_is_interrupted_is_completed_by_its_repetition(
    fleet: Fleet, function_clients: list[Any], how: str
) -> None:
    # given
    first, second = fleet.current, fleet.ecr.push("second", IMAGE_TAG)
    fleet.broken = {second}
    roll = Roll(fleet)
    roll.next()
    assert not fleet.restart("a", once=True)
    # when it fails at its first call, at its second, and so on
    for at in range(1, 10):
        with faults.interrupted(function_clients, at, how) as interruption:
            try:
                roll.put_back()
            except (TransientError, faults.Killed):
                continue
        if not interruption.operation:
            break
    # then
    assert roll.progress["verdict"] == "RESTORE"
    assert fleet.current == first


STATUSES = ("ONLINE", "OFFLINE", "FAILED", "TERMINATED", "QUARANTINED", "PROVISIONING")


@pytest.mark.thorough
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    devices=st.dictionaries(
        st.text("abcdXYZ-_:09", min_size=1, max_size=4),
        st.tuples(st.sampled_from(STATUSES), st.booleans(), st.booleans()),
        max_size=8,
    ),
    breaks_at=st.integers(0, 9),
)
def test_whatever_the_fleet_a_roll_leaves_each_device_with_an_image_that_works(
    fleet: Fleet, devices: dict[str, tuple[str, bool, bool]], breaks_at: int
) -> None:
    # given any devices, and an image that stops working after so many
    for item in fleet.catalog.table.scan()["Items"]:
        fleet.catalog.table.delete_item(Key={"thing_name": item["thing_name"]})
    fleet.restarted.clear()
    fleet.broken.clear()
    fleet.ecr.push("first", IMAGE_TAG)
    first = fleet.current
    for name, (status, has_task, is_busy) in devices.items():
        busy = {"restarting": "arn"} if is_busy else {}
        fleet.add(name, status=status, **busy, **({} if has_task else {"task_arn": None}))
    second = fleet.ecr.push("second", IMAGE_TAG)
    movable = sorted(
        n for n, (status, task, busy) in devices.items() if status[0] == "O" and task and not busy
    )
    if breaks_at < len(movable):
        fleet.meanwhile = {movable[breaks_at]: lambda: fleet.broken.add(second)}
    # when
    cause = Roll(fleet).run()
    # then
    stopped = breaks_at < len(movable)
    moved = movable[:breaks_at] if stopped else movable
    assert bool(cause) == stopped
    assert {name for name, image in fleet.images().items() if image == second} == set(moved)
    assert fleet.current == (first if stopped else second)
    assert all(
        fleet.row(name)["image_digest"] not in fleet.broken or name in moved for name in movable
    )
    assert all(fleet.row(name)["status"] == "ONLINE" for name in moved)
    once = [name for name, image, _once in fleet.restarted if image == second]
    assert once == movable[: breaks_at + 1]  # in order, each once, none after the first that fails
