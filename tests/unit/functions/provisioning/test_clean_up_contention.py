"""CleanUp among others: whoever has taken the row removes the device, and nobody makes anything for
it any more.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.clients import NEVER_REPEAT, S3_CONFIG
from common.errors import DeviceBusy, OwnershipLost, ThingExists
from provisioning import clean_up, create_certificate, create_thing, record_status
from tests.unit.built import CLIENTS, built
from tests.unit.stack import BUCKET, CLUSTER, EXECUTION, OTHER_EXECUTION, OTHER_REMOVAL, REMOVAL
from tests.unit.world import NOTHING, World

pytestmark = pytest.mark.thorough

Remove = Callable[..., dict[str, Any]]
PROVISION_MACHINE = EXECUTION.rpartition(":")[0].replace(":execution:", ":stateMachine:")
DEPROVISION_MACHINE = REMOVAL.rpartition(":")[0].replace(":execution:", ":stateMachine:")


@pytest.fixture
def deprovision(world: World) -> Remove:
    """An execution removes `lamp`."""

    def remove(by: str = REMOVAL, **more: Any) -> dict[str, Any]:
        event = {"input": {"thingName": "lamp"}, "deprovisioning": by, **more}
        answer: dict[str, Any] = built(clean_up)(event, world.context)
        return answer

    return remove


@pytest.fixture
def compensate(world: World) -> Remove:
    """The provisioning of `lamp` undoes itself."""
    event = {"input": {"thingName": "lamp", "deviceType": "bulb"}, "execution": EXECUTION}
    return lambda: built(clean_up)(event, world.context)


def taken(world: World, by: str) -> None:
    """An execution has begun to remove `lamp`."""
    assert world.catalog.take(world.row("lamp"), by)


def test_a_device_says_who_removes_it_while_it_is_removed(
    world: World, deprovision: Remove
) -> None:
    # given
    world.provision("lamp")
    world.iot.slowness.detach = 1.0
    seen: list[Any] = []
    sleep = world.iot.clock.sleep

    def look(seconds: float) -> None:
        seen.append(world.row("lamp"))
        sleep(seconds)

    world.iot.clock.sleep = look  # type: ignore[method-assign]
    # when
    deprovision()
    # then
    assert {row["deprovisioning"] for row in seen} == {REMOVAL}
    assert "deprovisioning" not in world.row("lamp")


def test_nobody_makes_anything_for_a_device_that_is_being_removed(world: World) -> None:
    # given
    world.provision("lamp", until="config")
    certificates = dict(world.iot.certificates)
    taken(world, REMOVAL)
    # when
    with pytest.raises(ThingExists):
        built(create_thing)(
            {"input": {"thingName": "lamp"}, "execution": OTHER_EXECUTION}, world.context
        )
    with pytest.raises(ThingExists):
        built(create_thing)({"input": {"thingName": "lamp"}, "execution": EXECUTION}, world.context)
    with pytest.raises(OwnershipLost):
        built(record_status)(
            {
                "thingName": "lamp",
                "execution": EXECUTION,
                "certificateId": "c",
                "taskArn": "t",
                "clusterArn": CLUSTER,
                "taskToken": "token",
            },
            world.context,
        )
    # then
    assert world.iot.certificates == certificates
    assert "task_token" not in world.row("lamp")


@pytest.mark.parametrize(
    "call", ["iot.CreateKeysAndCertificate", "s3.PutObject", "iot.UpdateCertificate"]
)
def test_a_certificate_that_is_being_made_when_the_device_is_removed_does_not_stay(
    world: World, deprovision: Remove, compensate: Remove, call: str
) -> None:
    # given
    world.provision("lamp", until="thing")
    service, config = ("s3", S3_CONFIG) if call.startswith("s3") else ("iot", NEVER_REPEAT)
    events = CLIENTS.client(service, config).meta.events

    def removed_meanwhile(**_: Any) -> None:
        events.unregister(f"before-call.{call}", removed_meanwhile)
        deprovision()

    events.register_first(f"before-call.{call}", removed_meanwhile)
    # when: the workflow is told so, and cleans up
    with pytest.raises((OwnershipLost, ClientError)):
        built(create_certificate)({"thingName": "lamp", "execution": EXECUTION}, world.context)
    compensate()
    # then
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == "TERMINATED"


def test_whoever_comes_second_waits_for_the_first(world: World, deprovision: Remove) -> None:
    # given
    world.provision("lamp")
    taken(world, OTHER_REMOVAL)
    before = world.remains()
    # when Step Functions does not know of it yet
    with pytest.raises(DeviceBusy, match=OTHER_REMOVAL):
        deprovision()
    world.workflows.runs(OTHER_REMOVAL)
    # when the first does not come to an end
    with pytest.raises(DeviceBusy, match=OTHER_REMOVAL):
        deprovision()
    # then
    assert world.remains() == before
    # when it does
    deprovision(OTHER_REMOVAL)
    # then
    assert deprovision() == {"thingName": "lamp", "status": "TERMINATED", "undone": False}
    assert world.remains() == NOTHING


def test_what_a_dead_execution_has_begun_is_finished_by_the_next(
    world: World, deprovision: Remove
) -> None:
    # given
    world.provision("lamp")
    world.workflows.ended(OTHER_REMOVAL, "ABORTED")
    taken(world, OTHER_REMOVAL)
    # when
    answer = deprovision()
    # then
    assert answer["undone"] is True
    assert world.remains() == NOTHING


def test_a_provisioning_whose_device_is_being_removed_waits_and_then_looks_again(
    world: World, compensate: Remove, deprovision: Remove
) -> None:
    # given
    world.provision("lamp", until="thing")
    world.workflows.runs(REMOVAL)
    taken(world, REMOVAL)
    with pytest.raises(DeviceBusy):
        compensate()
    deprovision()
    # given: what was under way when the device was removed
    world.provision("other", OTHER_EXECUTION, until="thing")
    before = world.remains()
    CLIENTS.client("s3", S3_CONFIG).put_object(
        Bucket=BUCKET, Key="devices/lamp/config.json", Body=b"{}"
    )
    world.shadows.desired["lamp"] = {}
    # when
    compensate()
    # then
    assert world.remains() == before
    assert world.row("lamp")["status"] == "TERMINATED"


def test_a_workflow_that_waits_for_a_removed_device_is_told_at_once(
    world: World, deprovision: Remove
) -> None:
    # given
    world.provision("lamp")
    world.workflows.waiting = {"token"}
    # when
    deprovision()
    # then
    ((token, answer),) = world.workflows.answers
    assert (token, answer["error"]) == ("token", "OwnershipLost")


def test_an_execution_that_lost_the_name_undoes_nothing_of_the_winner(world: World) -> None:
    # given: two executions for one name
    world.provision("lamp", EXECUTION)
    before = world.remains(), world.row("lamp")
    with pytest.raises(ThingExists):
        built(create_thing)(
            {"input": {"thingName": "lamp"}, "execution": OTHER_EXECUTION}, world.context
        )
    # when
    answer = built(clean_up)(
        {"input": {"thingName": "lamp"}, "execution": OTHER_EXECUTION}, world.context
    )
    # then
    assert answer["undone"] is False
    assert (world.remains(), world.row("lamp")) == before


def test_a_task_of_an_execution_that_lost_its_row_is_stopped(
    world: World, compensate: Remove
) -> None:
    # given: the name went to another execution while the function of this one was still starting
    # its task
    world.provision("lamp", until="task")
    compensate()
    (task,) = world.ecs.tasks.values()
    task.desired_status = "RUNNING"
    world.provision("lamp", OTHER_EXECUTION, until="config")
    before = {name: value for name, value in world.remains().items() if name != "tasks"}
    # when
    compensate()
    # then
    assert world.remains() == {**before, "tasks": []}


def ended(world: World, execution: str, machine: str, asked: Any) -> dict[str, Any]:
    """EventBridge says that an execution has ended otherwise than well."""
    detail = {
        "executionArn": execution,
        "stateMachineArn": machine,
        "status": "ABORTED",
        "input": None if asked is None else json.dumps(asked),
        "inputDetails": {"included": asked is not None},
    }
    answer: dict[str, Any] = built(clean_up)(
        {"source": "aws.states", "detail": detail}, world.context
    )
    return answer


@pytest.mark.parametrize("stage", ["claim", "certificate", "status"])
def test_a_provisioning_that_was_aborted_is_undone(world: World, stage: str) -> None:
    # given
    world.provision("lamp", until=stage)
    # when
    ended(world, EXECUTION, PROVISION_MACHINE, {"thingName": "lamp"})
    # then
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == "FAILED"


def test_a_removal_that_was_aborted_half_way_is_finished(world: World) -> None:
    # given
    world.provision("lamp")
    taken(world, REMOVAL)
    # when
    ended(world, REMOVAL, DEPROVISION_MACHINE, {"thingName": "lamp"})
    # then
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == "TERMINATED"


@pytest.mark.parametrize(
    "asked",
    [{"thingName": "lamp"}, {"thingName": "nobody"}, {}, None],
    ids=["not begun", "unknown", "bad", "too long"],
)
def test_a_removal_that_was_aborted_before_it_began_removes_nothing(
    world: World, asked: Any
) -> None:
    # given
    world.provision("lamp")
    before = world.remains(), world.row("lamp")
    # when
    answer = ended(world, REMOVAL, DEPROVISION_MACHINE, asked)
    # then
    assert answer["undone"] is False
    assert (world.remains(), world.row("lamp")) == before


def test_an_event_without_its_input_is_left_to_the_sweep(world: World) -> None:
    # given
    world.provision("lamp")
    # when
    answer = ended(world, EXECUTION, PROVISION_MACHINE, None)
    # then
    assert answer["undone"] is False
