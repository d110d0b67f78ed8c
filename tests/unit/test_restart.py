"""The restart of a device whose task was stopped: state by state, interrupted, undone, given up, overtaken."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from common.catalog import Catalog
from common.errors import DeviceBusy, RestartLost, ThingExists, ThingNotFound, TransientError
from provisioning import create_thing
from restart import claim_restart, undo_restart
from restart.decision import MOST_RESTARTS
from tests.unit.doubles import faults
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.restarting import THING, Restart, World
from tests.unit.stack import IMAGE_TAG, OTHER_EXECUTION, OTHER_RESTART, RESTART

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

pytestmark = pytest.mark.thorough

BY_HAND = {"thingName": THING}


@pytest.fixture
def world(
    idempotency_records: Any,
    catalog: Catalog,
    iot: MemoryIot,
    shadows: MemoryShadows,
    ecs: MemoryEcs,
    workflows: MemoryWorkflows,
    s3: "S3Client",
    objects: Callable[[], dict[str, Any]],
    context: Any,
) -> World:
    """A world without devices."""
    return World(catalog, iot, shadows, ecs, workflows, s3, objects, context)


@pytest.fixture
def lamp(world: World) -> World:
    """A world with a bulb that is online, and has settings of its own."""
    world.provision()
    world.shadows.desired[THING]["time"] = 7
    return world


@pytest.fixture
def stopped(lamp: World) -> tuple[World, Restart]:
    """Its task was stopped, and a restart begins."""
    task_arn = lamp.stop()
    assert lamp.tell(task_arn) == "RESTARTING"
    return lamp, Restart(lamp, {"thingName": THING, "stoppedTask": task_arn})


def is_back(world: World, old: str, restart: Restart) -> None:
    """The same thing under a new certificate, and nothing of the old one."""
    row = world.row
    made = restart.data["certificate"]
    assert (row["status"], row["certificate_id"]) == ("ONLINE", made["certificateId"])
    assert row["certificate_id"] != old
    assert list(world.iot.certificates) == [made["certificateArn"]]
    assert world.iot.certificates[made["certificateArn"]].status == "ACTIVE"
    assert world.iot.certificates[made["certificateArn"]].policies == {"playground-device"}
    assert world.iot.things[THING].principals == {made["certificateArn"]}
    assert [task.started_by for task in world.ecs.running()] == [next(iter(world.ecs.tasks.values())).started_by]
    assert row["task_arn"] == restart.data["task"]["taskArn"]
    assert "devices/lamp/identity.json" not in world.objects()
    leftovers = {"restarting", "next_certificate_id", "next_certificate_arn", "task_token", "identity_pending"}
    assert not row.keys() & (leftovers | {"status_reason", "certificate_requests"})


def test_a_stopped_task_is_shown_and_starts_one_restart(lamp: World) -> None:
    # when
    task_arn = lamp.stop()
    done = [lamp.tell(task_arn) for _ in range(3)]
    # then
    assert done == ["RESTARTING"] * 3
    assert list(lamp.workflows.started.values()) == [{"thingName": THING, "stoppedTask": task_arn}]
    row = lamp.row
    assert row["status"] == "OFFLINE"
    assert row["status_reason"] == "task stopped: SpotInterruption: Your Spot Task was interrupted."


def test_the_url_in_the_event_is_neither_logged_nor_handed_on(lamp: World, printed: Callable[[], str]) -> None:
    # when
    lamp.tell(lamp.stop())
    # then
    assert "task stopped" in (said := printed())
    assert "SECRET" not in said + json.dumps(lamp.workflows.started) + json.dumps(lamp.row, default=str)


@pytest.mark.parametrize(
    "change",
    [
        {"deprovisioning": "arn"},
        {"status": "TERMINATED"},
        {"status": "FAILED"},
        {"status": "QUARANTINED"},
        {"status": "PROVISIONING"},
        {"task_arn": "arn:another"},
    ],
    ids=str,
)
def test_a_stop_that_does_not_matter_is_ignored(lamp: World, change: dict[str, Any]) -> None:
    # given
    task_arn = lamp.stop()
    lamp.set(**change)
    before = lamp.row
    # when
    assert lamp.tell(task_arn) == "IGNORED"
    # then
    assert lamp.row == before
    assert lamp.workflows.started == {}


def test_a_task_of_nobody_is_ignored(lamp: World) -> None:
    assert lamp.tell("arn:aws:ecs:eu-west-1:123456789012:task/devices/of-somebody-else") == "IGNORED"


def test_a_workflow_that_waits_for_the_device_is_told_at_once(lamp: World) -> None:
    # given
    task_arn = lamp.stop()
    lamp.set(task_token="token-2")
    lamp.workflows.waiting.add("token-2")
    # when
    assert [lamp.tell(task_arn) for _ in range(2)] == ["TOLD", "IGNORED"]
    # then
    reason = "task stopped: SpotInterruption: Your Spot Task was interrupted."
    assert lamp.workflows.answers[-1] == ("token-2", {"error": "TaskStopped", "cause": reason})
    assert lamp.workflows.started == {}


@pytest.mark.parametrize("first", ["device", "workflow"])
def test_a_device_comes_back_under_a_new_certificate(stopped: tuple[World, Restart], first: str) -> None:
    # given
    world, restart = stopped
    old = world.row["certificate_id"]
    # when: whichever of the two is faster
    restart.run("task")
    new = restart.data["certificate"]["certificateId"]
    if first == "device":
        world.connect(new)
    restart.run("wait")
    if first == "workflow":
        world.connect(new)
    restart.run()
    # then
    is_back(world, old, restart)
    assert world.shadows.desired[THING]["time"] == 7
    assert [status for token, status in world.workflows.answers if token != "token"] == [{"status": "ONLINE"}]


def test_the_old_connection_is_not_taken_for_the_new_one(lamp: World) -> None:
    # given: the broker has not missed the old connection yet
    old = lamp.row["certificate_id"]
    restart = Restart(lamp, BY_HAND).run("task")
    before = len(lamp.workflows.answers)
    # when its event is delivered once more, before and after the workflow waits
    lamp.connections -= 1
    lamp.connect(old)
    restart.run("wait")
    lamp.connections -= 1
    lamp.connect(old)
    # then
    assert len(lamp.workflows.answers) == before
    assert "devices/lamp/identity.json" in lamp.objects()


def test_a_device_keeps_its_type_its_attributes_and_its_model(world: World) -> None:
    # given
    model = {"telemetry": {"queen": {"constant": True}}}
    world.provision(model=model)
    restart = Restart(world, BY_HAND)
    # when
    restart.run("config")
    # then
    config = world.objects()["devices/lamp/config.json"]
    assert (config["deviceType"], config["attributes"], config["model"]) == ("bulb", {"room": "kitchen"}, model)


def test_a_restart_by_hand_ends_the_task_that_runs(lamp: World) -> None:
    # given
    old = lamp.row["certificate_id"]
    (first,) = lamp.ecs.tasks
    restart = Restart(lamp, BY_HAND)
    # when
    restart.run("task")
    # then
    assert lamp.ecs.tasks[first].desired_status == "STOPPED"
    assert len(lamp.ecs.running()) == 1
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    is_back(lamp, old, restart)


@pytest.mark.parametrize("state", Restart.STATES)
@pytest.mark.parametrize("how", faults.HOW)
def test_a_state_that_is_interrupted_anywhere_is_completed_by_its_repetition(
    stopped: tuple[World, Restart], function_clients: list[Any], state: str, how: str
) -> None:
    world, restart = stopped
    old = world.row["certificate_id"]
    before = Restart.STATES.index(state)
    if before:
        restart.run(Restart.STATES[before - 1])
    if state == "finish":
        world.connect(restart.data["certificate"]["certificateId"])
    # when it fails at its first call, at its second, and so on, and is repeated each time
    for at in range(1, 30):
        with faults.interrupted(function_clients, at, how) as interruption:
            try:
                restart.step(state)
            except (TransientError, faults.Killed):
                restart.done = restart.done[:before]
                continue
        if not interruption.operation:
            break
    else:
        pytest.fail("it never came to its end")
    # then
    restart.run("task")
    if state != "finish":
        world.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    abandoned = {arn for arn, certificate in world.iot.certificates.items() if certificate.status == "INACTIVE"}
    # A function that was killed between the certificate and the row leaves one that never was active, and the row says
    # when it was asked for.
    assert len(abandoned) <= len(world.row.get("certificate_requests", ()))
    for arn in abandoned:
        del world.iot.certificates[arn]
    world.catalog.table.update_item(Key={"thing_name": THING}, UpdateExpression="REMOVE certificate_requests")
    is_back(world, old, restart)


@pytest.mark.parametrize("state", Restart.STATES)
def test_a_restart_that_fails_is_undone_and_tried_again(stopped: tuple[World, Restart], state: str) -> None:
    # given
    world, restart = stopped
    before = world.made()
    old = world.row["certificate_id"]
    restart.run(state) if state != "finish" else restart.run("wait")
    # when
    assert restart.undo("States.Timeout") is True
    assert restart.undo("States.Timeout") is False
    # then
    assert {**world.made(), "objects": []} == {**before, "objects": []}
    row = world.row
    assert (row["status"], row["certificate_id"]) == ("OFFLINE", old)
    assert row["status_reason"] == "restart failed: States.Timeout: injected"
    assert not row.keys() & {"restarting", "next_certificate_id", "task_token", "identity_pending", "task_arn"}
    # and the next attempt is a new one
    restart.data.pop("wait", None)
    restart.run("wait")
    world.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    is_back(world, old, restart)
    assert world.row["restarts"] == 2


def test_who_asks_for_one_attempt_gets_one(lamp: World) -> None:
    # given
    before, old = lamp.made(), lamp.row
    restart = Restart(lamp, {**BY_HAND, "once": True}).run("wait")
    # when
    assert restart.undo("States.Timeout") is False
    # then: undone as ever, and let go; the image is still said to be the one that last came up
    assert {**lamp.made(), "objects": [], "tasks": []} == {**before, "objects": [], "tasks": []}
    row = lamp.row
    assert (row["status"], row["certificate_id"]) == ("OFFLINE", old["certificate_id"])
    assert row["image_digest"] == old["image_digest"]
    assert not row.keys() & {"restarting", "next_certificate_id", "task_arn"}


def test_a_restarted_device_is_said_to_run_the_image_that_is_current(lamp: World, ecr: MemoryEcr) -> None:
    # given
    assert lamp.row["image_digest"] == ecr.tags[IMAGE_TAG]
    second = ecr.push("second", IMAGE_TAG)
    restart = Restart(lamp, BY_HAND).run("wait")
    assert lamp.row["image_digest"] != second  # it has not come up yet
    # when
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    assert lamp.row["image_digest"] == second
    # and when it is gone
    lamp.delete()
    assert "image_digest" not in lamp.row


def test_what_undo_stops_starts_no_restart(stopped: tuple[World, Restart]) -> None:
    # given
    world, restart = stopped
    restart.run("wait")
    task_arn = restart.data["task"]["taskArn"]
    before = dict(world.workflows.started)
    # when
    restart.undo()
    # then: also where the rule that passes over it is wider
    assert world.tell(task_arn, "the playground restarts this device") == "IGNORED"
    assert world.workflows.started == before


def test_a_restart_that_is_done_is_not_undone(stopped: tuple[World, Restart]) -> None:
    # given: the answer of the last state was lost once too often
    world, restart = stopped
    restart.run("wait")
    world.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    before = world.made(), world.row
    # when
    assert restart.undo() is False
    # then
    assert (world.made(), world.row) == before


def test_an_execution_that_was_aborted_is_undone_by_its_event(stopped: tuple[World, Restart]) -> None:
    # given
    world, restart = stopped
    before = world.made()
    restart.run("wait")
    detail = {"executionArn": restart.arn, "status": "ABORTED", "input": json.dumps(restart.asked)}
    # when
    assert world.call(undo_restart, detail=detail)["again"] is True
    # then
    assert {**world.made(), "objects": []} == {**before, "objects": []}
    assert world.row["status_reason"] == "restart failed: ABORTED"


@pytest.mark.parametrize("asked", ["lamp", {}, {"thingName": "no spaces"}], ids=str)
def test_there_is_nothing_to_undo_of_bad_input(world: World, asked: object) -> None:
    data = {"asked": asked, "error": {"Error": "InvalidInput", "Cause": ""}}
    assert world.call(undo_restart, restart=RESTART, data=data) == {"thingName": None, "again": False}


def test_a_device_that_keeps_stopping_is_given_up(lamp: World) -> None:
    # given
    for number in range(MOST_RESTARTS):
        task_arn = lamp.stop()
        lamp.tell(task_arn)
        restart = Restart(lamp, {"thingName": THING, "stoppedTask": task_arn}, f"{RESTART}-{number}").run("wait")
        lamp.connect(restart.data["certificate"]["certificateId"])
        restart.run()
    # when
    task_arn = lamp.stop("it crashed")
    lamp.tell(task_arn, "it crashed")
    restart = Restart(lamp, {"thingName": THING, "stoppedTask": task_arn}, OTHER_RESTART).run()
    assert restart.data["device"]["verdict"] == "GIVE_UP"
    answers = [restart.give_up() for _ in range(2)]
    # then
    reason = "given up: restarted 3 times in a row in vain; task stopped: SpotInterruption: it crashed"
    assert answers == [{"Error": "DeviceGivenUp", "Cause": reason}] * 2
    row = lamp.row
    assert (row["status"], row["status_reason"]) == ("FAILED", reason)
    assert "restarting" not in row
    assert lamp.iot.certificates[row["certificate_arn"]].status == "INACTIVE"
    assert lamp.shadows.desired[THING]["time"] == 7
    # and it stays so
    assert lamp.tell(task_arn) == "IGNORED"


@pytest.fixture
def given_up(lamp: World) -> World:
    """A device that was given up."""
    lamp.set(restarts=MOST_RESTARTS)
    task_arn = lamp.stop()
    lamp.tell(task_arn)
    Restart(lamp, {"thingName": THING, "stoppedTask": task_arn}).run().give_up()
    assert lamp.row["status"] == "FAILED"
    return lamp


def test_the_name_of_a_device_that_was_given_up_is_taken(given_up: World) -> None:
    # when
    assert given_up.catalog.claim(THING, "generic", OTHER_EXECUTION) is False
    with pytest.raises(ThingExists):
        given_up.call(create_thing, input={"thingName": THING}, execution=OTHER_EXECUTION)
    # then
    assert given_up.row["device_type"] == "bulb"


def test_a_device_that_was_given_up_is_removed_like_any_other(given_up: World) -> None:
    # when
    assert given_up.delete()["undone"] is True
    # then
    assert given_up.made() == {"things": [], "certificates": [], "shadows": {}, "objects": [], "tasks": []}
    assert given_up.row["status"] == "TERMINATED"
    assert given_up.catalog.claim(THING, "generic", OTHER_EXECUTION) is True


def test_a_device_that_was_given_up_comes_back_by_hand(given_up: World) -> None:
    # given
    old = given_up.row["certificate_id"]
    restart = Restart(given_up, BY_HAND, OTHER_RESTART)
    # when
    restart.run("wait")
    given_up.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    is_back(given_up, old, restart)
    assert given_up.row["restarts"] == 1
    assert "given_up_at" not in given_up.row


def test_of_two_restarts_one_has_the_device(lamp: World) -> None:
    # given
    Restart(lamp, BY_HAND).run("claim")
    # when
    lamp.workflows.runs(RESTART)
    with pytest.raises(DeviceBusy, match="is being restarted already"):
        Restart(lamp, BY_HAND, OTHER_RESTART).run("claim")
    # then
    assert lamp.row["restarting"] == RESTART
    assert lamp.row["restarts"] == 1


def test_two_restarts_that_have_read_the_same_row(lamp: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given: the second one reads before the first has written
    read = lamp.row
    Restart(lamp, BY_HAND).run("claim")
    lamp.workflows.runs(RESTART)
    answers = [read]
    monkeypatch.setattr(Catalog, "row", lambda self, name: answers.pop() if answers else _row(self, name))
    # when
    with pytest.raises(DeviceBusy):
        Restart(lamp, BY_HAND, OTHER_RESTART).run("claim")
    # then
    assert lamp.row["restarting"] == RESTART


def _row(catalog: Catalog, name: str) -> Any:
    return catalog.table.get_item(Key={"thing_name": name})["Item"]


def test_a_restart_that_has_died_is_in_nobodys_way(lamp: World) -> None:
    # given: it held the device, and had made a certificate and a task
    old = lamp.row["certificate_id"]
    Restart(lamp, BY_HAND).run("wait")
    # when
    restart = Restart(lamp, BY_HAND, OTHER_RESTART).run("wait")
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    is_back(lamp, old, restart)


def test_a_task_that_ends_just_before_its_restart_does_is_waited_for(stopped: tuple[World, Restart]) -> None:
    # given
    world, restart = stopped
    restart.run("wait")
    world.connect(restart.data["certificate"]["certificateId"])
    world.workflows.runs(restart.arn)
    # when
    task_arn = world.stop()
    assert world.tell(task_arn) == "RESTARTING"
    second = Restart(world, {"thingName": THING, "stoppedTask": task_arn}, OTHER_RESTART)
    verdicts = [second.run("claim").data["device"]["verdict"]]
    restart.run()
    second.done.clear()
    verdicts.append(second.run("claim").data["device"]["verdict"])
    # then
    assert verdicts == ["WAIT", "RESTART"]


def test_nobody_restarts_what_is_not_there(lamp: World) -> None:
    lamp.delete()
    with pytest.raises(ThingNotFound):
        Restart(lamp, BY_HAND).run("claim")
    overtaken = Restart(lamp, {"thingName": THING, "stoppedTask": "arn:task"}).run("claim")
    assert overtaken.data["device"]["verdict"] == "IGNORE"
    assert lamp.row["status"] == "TERMINATED"


@pytest.mark.parametrize("state", Restart.STATES)
def test_a_device_that_is_deleted_during_its_restart_is_gone(stopped: tuple[World, Restart], state: str) -> None:
    # given
    world, restart = stopped
    restart.run(state) if state != "finish" else restart.run("wait")
    # when it is deleted, and the restart goes on until it notices
    world.delete()
    with pytest.raises((RestartLost, ClientError)):
        restart.run()
    assert restart.undo() is False
    # then, also nobody waits for it any more
    assert world.workflows.waiting <= {"token"}
    assert world.made() == {"things": [], "certificates": [], "shadows": {}, "objects": [], "tasks": []}
    row = world.row
    assert row["status"] == "TERMINATED"
    assert not row.keys() & {"restarting", "next_certificate_id", "task_token", "identity_pending", "status_reason"}


def test_a_name_that_has_a_new_device_by_now_is_not_touched(stopped: tuple[World, Restart]) -> None:
    # given: a restart that has slept while its device was deleted and made anew
    world, restart = stopped
    restart.run("task")
    world.delete()
    thing = world.call(create_thing, input={"thingName": THING}, execution=OTHER_EXECUTION)
    assert thing["thingName"] == THING
    world.s3.put_object(Bucket="playground-config", Key="devices/lamp/identity.json", Body=b"{}")
    before = world.made(), world.row
    # when
    assert restart.undo() is False
    # then
    assert (world.made(), world.row) == before


def test_no_key_is_told_to_anybody(stopped: tuple[World, Restart], printed: Callable[[], str]) -> None:
    # when
    world, restart = stopped
    restart.run("wait")
    # then
    said = printed() + json.dumps(restart.data, default=str) + json.dumps(world.row, default=str)
    assert "PRIVATE" not in said
    assert "X-Amz-Signature" not in said
    assert "PRIVATE" in json.dumps(world.objects())


def test_claims_ask_for_running_executions_only_when_they_must(lamp: World) -> None:
    # when
    with faults.refused(claim_restart.claims.executions.sfn, "DescribeExecution"):
        restart = Restart(lamp, BY_HAND).run("claim")
    # then
    assert restart.data["device"]["verdict"] == "RESTART"
