"""CleanUp: everything that one execution made goes, and nothing else; from any half-made state, any
number of times.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.clients import S3_CONFIG
from common.errors import InvalidInput, ThingNotFound, TransientError
from common.identifiers import made_up_name
from provisioning import attach_policy, clean_up, create_thing, start_task
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import Thing
from tests.unit.stack import EXECUTION, OTHER_EXECUTION, REMOVAL
from tests.unit.world import NOTHING, STAGES, World

CleanUp = Callable[[], dict[str, Any]]


@pytest.fixture
def compensate(world: World) -> CleanUp:
    """The provisioning of `lamp` undoes itself."""
    event = {"input": {"thingName": "lamp", "deviceType": "bulb"}, "execution": EXECUTION}
    return lambda: built(clean_up)(event, world.context)


@pytest.fixture
def deprovision(world: World) -> CleanUp:
    """Somebody removes `lamp`."""
    return lambda: built(clean_up)(
        {"input": {"thingName": "lamp"}, "deprovisioning": REMOVAL}, world.context
    )


@pytest.mark.thorough
@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_device_half_made_is_removed_from_every_stage(
    world: World, compensate: CleanUp, stage: str
) -> None:
    # given
    world.provision("lamp", until=stage)
    # when
    answer = compensate()
    # then
    assert answer == {"thingName": "lamp", "status": "FAILED", "undone": True}
    assert world.remains() == NOTHING
    row = world.row("lamp")
    assert (row["status"], row["execution_arn"]) == ("FAILED", EXECUTION)
    assert not row.keys() & {"task_token", "identity_pending", "ip"}


@pytest.mark.thorough
@pytest.mark.parametrize("stage", STAGES[1:])
def test_deprovisioning_removes_a_device_from_every_stage(
    world: World, deprovision: CleanUp, stage: str
) -> None:
    # given
    world.provision("lamp", until=stage)
    # when
    answer = deprovision()
    # then
    assert answer == {"thingName": "lamp", "status": "TERMINATED", "undone": True}
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == "TERMINATED"


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("stage", ["certificate", "status"])
def test_a_removal_interrupted_anywhere_is_completed_by_the_next(
    world: World, function_clients: list[Any], stage: str, how: str
) -> None:
    at = 0
    while True:
        # given: a new execution each time, for one that was undone may make nothing any more
        at += 1
        execution = f"{EXECUTION}-{at}"
        event = {"input": {"thingName": "lamp", "deviceType": "bulb"}, "execution": execution}

        def compensate(event: Any = event) -> Any:
            return built(clean_up)(event, world.context)

        world.provision("lamp", execution, until=stage)
        with faults.interrupted(function_clients, at, how) as interruption:
            try:
                compensate()
            except (TransientError, faults.Killed):
                pass
            else:
                break
        # when
        compensate()
        # then
        assert world.remains() == NOTHING, f"interrupted at call {at}"
        assert world.row("lamp")["status"] == "FAILED"
        # ECS remembers the token of a stopped task: a new attempt gets a new one.
        world.ecs.tasks.clear()
    assert interruption.calls >= 9


@pytest.mark.parametrize("by", ["compensate", "deprovision"])
def test_the_time_of_a_device_goes_with_it(
    world: World, compensate: CleanUp, deprovision: CleanUp, by: str
) -> None:
    # given
    world.provision("lamp")
    world.catalog.update("lamp", EXECUTION, expires_at="2226-01-02T03:04:05.678Z")
    # when
    {"compensate": compensate, "deprovision": deprovision}[by]()
    # then
    assert world.row("lamp")["status"] in ("FAILED", "TERMINATED")
    assert "expires_at" not in world.row("lamp")


def test_other_devices_stay(world: World, compensate: CleanUp) -> None:
    # given
    world.provision("other", OTHER_EXECUTION, until="task")
    before = world.remains()
    world.provision("lamp")
    # when
    compensate()
    # then
    assert world.remains() == before
    assert world.row("other")["status"] == "PROVISIONING"


def test_somebody_elses_thing_of_the_same_name_stays(world: World, compensate: CleanUp) -> None:
    # given
    world.provision("lamp", until="claim")
    arn = world.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    world.iot.things["lamp"] = Thing(attributes={"owner": "accounting"}, principals={arn})
    world.shadows.desired["lamp"] = {"colour": "red"}
    before = world.remains()
    # when
    compensate()
    # then
    assert world.remains() == before
    assert world.row("lamp")["status"] == "FAILED"


def test_a_device_of_another_execution_stays(world: World, compensate: CleanUp) -> None:
    # given
    world.provision("lamp", OTHER_EXECUTION)
    before, row = world.remains(), world.row("lamp")
    # when
    answer = compensate()
    # then
    assert answer["undone"] is False
    assert world.remains() == before
    assert world.row("lamp") == row


def test_an_execution_that_made_nothing_leaves_no_row(world: World, compensate: CleanUp) -> None:
    # when
    answer = compensate()
    # then
    assert answer == {"thingName": "lamp", "status": "FAILED", "undone": False}
    assert world.row("lamp") == {}


def test_a_made_up_name_is_found_again(world: World) -> None:
    # given
    name = built(create_thing)({"input": {}, "execution": EXECUTION}, world.context)["thingName"]
    # when
    answer = built(clean_up)({"input": {}, "execution": EXECUTION}, world.context)
    # then
    assert answer == {"thingName": made_up_name(EXECUTION), "status": "FAILED", "undone": True}
    assert name == answer["thingName"]
    assert world.remains() == NOTHING


@pytest.mark.parametrize("asked", [[], None, "lamp", {"thingName": "update"}, {"thingName": 7}])
def test_an_execution_that_was_refused_has_nothing_to_undo(world: World, asked: Any) -> None:
    # when
    answer = built(clean_up)({"input": asked, "execution": EXECUTION}, world.context)
    # then
    assert answer["undone"] is False
    assert world.catalog.table.scan()["Count"] == 0


def test_to_remove_a_device_twice_is_no_error(world: World, deprovision: CleanUp) -> None:
    # given
    world.provision("lamp")
    deprovision()
    row = world.row("lamp")
    # when
    answer = deprovision()
    # then
    assert answer == {"thingName": "lamp", "status": "TERMINATED", "undone": False}
    assert world.row("lamp") == row


def test_a_device_that_was_never_there_is_an_error(world: World, deprovision: CleanUp) -> None:
    # when
    with pytest.raises(ThingNotFound, match="lamp"):
        deprovision()
    # then
    assert world.row("lamp") == {}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "input"),
        ([], "input"),
        (None, "input"),
        ({"thingName": "lamp", "force": True}, "input"),
        ({"thingName": "update"}, "thingName"),
        ({"thingName": "a b"}, "thingName"),
        ({"thingName": None}, "thingName"),
    ],
)
def test_deprovisioning_refuses_bad_input(world: World, asked: Any, field: str) -> None:
    # when
    with pytest.raises(InvalidInput) as refusal:
        built(clean_up)({"input": asked, "deprovisioning": REMOVAL}, world.context)
    # then
    assert str(refusal.value).startswith(f"{field}: ")


def test_certificates_attached_by_hand_go_with_the_device(
    world: World, deprovision: CleanUp
) -> None:
    # given
    world.provision("lamp")
    arn = world.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    built(attach_policy)({"thingName": "lamp", "certificateArn": arn}, world.context)
    # when
    deprovision()
    # then
    assert world.remains() == NOTHING


def test_a_device_deprovisioned_while_it_is_made_leaves_nothing_behind(
    world: World, compensate: CleanUp, deprovision: CleanUp
) -> None:
    # given: the workflow does not know, and goes on
    world.provision("lamp", until="config")
    deprovision()
    built(start_task)({"thingName": "lamp", "execution": EXECUTION}, world.context)
    # when: the device never comes
    compensate()
    # then
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == "TERMINATED"


def test_the_log_names_the_device(
    world: World, deprovision: CleanUp, printed: Callable[[], str]
) -> None:
    # given
    world.provision("lamp")
    printed()
    # when
    deprovision()
    # then
    entries = [json.loads(line) for line in printed().splitlines()]
    assert {entry["thing_name"] for entry in entries} == {"lamp"}
    assert [entry["DevicesTerminated"] for entry in entries if "DevicesTerminated" in entry] == [
        [1.0]
    ]


def test_a_bucket_that_is_gone_keeps_nothing_from_being_removed(
    world: World, deprovision: CleanUp
) -> None:
    # given
    world.provision("lamp")
    # when
    with faults.refused(CLIENTS.client("s3", S3_CONFIG), "DeleteObject", "NoSuchBucket", 404):
        answer = deprovision()
    # then
    assert (answer["status"], answer["undone"]) == ("TERMINATED", True)
    assert world.iot.things == {}
