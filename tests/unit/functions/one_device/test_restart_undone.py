"""A restart that has failed is undone, and tried again until the device is given up."""

import json

import pytest

from common.errors import ThingExists
from provisioning import create_thing
from restart import undo_restart
from restart.decision import MOST_RESTARTS
from tests.unit.restarting import BY_HAND, THING, Restart, World, is_back
from tests.unit.stack import OTHER_EXECUTION, OTHER_RESTART, RESTART

pytestmark = pytest.mark.thorough

NOTHING = {"thingName": None, "undone": False, "again": False}


@pytest.mark.parametrize("state", Restart.STATES)
def test_a_restart_that_fails_is_undone_and_tried_again(
    stopped: tuple[World, Restart], state: str
) -> None:
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
    assert not row.keys() & {
        "restarting",
        "next_certificate_id",
        "task_token",
        "identity_pending",
        "task_arn",
    }
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


def test_an_execution_that_was_aborted_is_undone_by_its_event(
    stopped: tuple[World, Restart],
) -> None:
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


def test_an_event_without_the_executions_input_names_no_device(world: World) -> None:
    detail = {"executionArn": RESTART, "status": "ABORTED"}
    assert world.call(undo_restart, detail=detail) == NOTHING


@pytest.mark.parametrize("asked", ["lamp", {}, {"thingName": "no spaces"}], ids=str)
def test_there_is_nothing_to_undo_of_bad_input(world: World, asked: object) -> None:
    data = {"asked": asked, "error": {"Error": "InvalidInput", "Cause": ""}}
    assert world.call(undo_restart, restart=RESTART, data=data) == NOTHING


def test_a_device_that_keeps_stopping_is_given_up(lamp: World) -> None:
    # given
    for number in range(MOST_RESTARTS):
        task_arn = lamp.stop()
        lamp.tell(task_arn)
        restart = Restart(
            lamp, {"thingName": THING, "stoppedTask": task_arn}, f"{RESTART}-{number}"
        ).run("wait")
        lamp.connect(restart.data["certificate"]["certificateId"])
        restart.run()
    # when
    task_arn = lamp.stop("it crashed")
    lamp.tell(task_arn, "it crashed")
    restart = Restart(lamp, {"thingName": THING, "stoppedTask": task_arn}, OTHER_RESTART).run()
    assert restart.data["device"]["verdict"] == "GIVE_UP"
    answers = [restart.give_up() for _ in range(2)]
    # then
    reason = "failed after 3 restarts in a row; task stopped: SpotInterruption: it crashed"
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
    assert given_up.made() == {
        "things": [],
        "certificates": [],
        "shadows": {},
        "objects": [],
        "tasks": [],
    }
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
