"""A device that somebody stops: no task, an inactive certificate, and everything else stays."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from common.errors import DeviceBusy, InvalidInput, ThingExists, ThingNotFound, TransientError
from devices.catalog import Catalog
from holding.hold import Hold
from provisioning import create_thing
from quarantine import claim_quarantine
from restart import claim_restart
from restart.give_up import GiveUpRequest, give_up, stop
from tests.unit.restarting import BY_HAND, THING, Restart, World, is_back
from tests.unit.stack import OTHER_EXECUTION, OTHER_RESTART, QUARANTINE, RESTART

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

STOP = {**BY_HAND, "stop": True}


@pytest.fixture
def at_rest(lamp: World) -> World:
    """It was stopped by hand."""
    Restart(lamp, STOP).run()
    return lamp


def test_a_device_that_is_stopped_has_no_task_and_keeps_the_rest(lamp: World) -> None:
    # given
    before, row = lamp.made(), lamp.row
    # when
    restart = Restart(lamp, STOP).run()
    # then
    assert restart.data["device"] == {
        "thingName": THING,
        "verdict": "STOP",
        "reason": "",
        "restarts": 1,
        "execution": None,
        "replaced": [],
        "identity": "keys",
        "deviceType": "generic",
        "hosting": "task",
    }
    assert {**lamp.made(), "tasks": []} == {**before, "tasks": []}
    assert lamp.made()["tasks"] == []
    now = lamp.row
    assert (now["status"], now["status_reason"]) == ("STOPPED", "stopped by hand")
    assert now["certificate_id"] == row["certificate_id"]
    assert lamp.iot.certificates[row["certificate_arn"]].status == "INACTIVE"
    assert not now.keys() & {"restarting", "task_arn", "task_token"}


def test_a_stop_may_be_repeated_and_waits_for_nobody(at_rest: World) -> None:
    # given
    before = at_rest.row
    # when the answer was lost, and when somebody asks again
    again = at_rest.call(claim_restart, input=STOP, restart=RESTART)
    assert at_rest.row == before
    Restart(at_rest, STOP, OTHER_RESTART).run()
    # then
    assert again["verdict"] == "STOP"
    assert at_rest.row["status"] == "STOPPED"


def test_its_task_that_ends_starts_no_restart(lamp: World) -> None:
    # given
    task_arn = lamp.row["task_arn"]
    Restart(lamp, STOP).run()
    started = dict(lamp.workflows.started)
    # when
    lamp.disconnect(lamp.row["certificate_id"])
    told = lamp.tell(task_arn)
    # then
    assert (lamp.row["status"], told, lamp.workflows.started) == ("STOPPED", "IGNORED", started)


def test_a_restart_by_hand_brings_it_back(at_rest: World) -> None:
    # given
    old = at_rest.row["certificate_id"]
    # when
    restart = Restart(at_rest, BY_HAND, OTHER_RESTART).run("wait")
    at_rest.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    is_back(at_rest, old, restart)


def test_its_name_is_taken_and_it_can_be_deleted(at_rest: World) -> None:
    with pytest.raises(ThingExists):
        at_rest.call(create_thing, input=BY_HAND, execution=OTHER_EXECUTION)
    assert at_rest.delete()["undone"] is True
    assert at_rest.row["status"] == "TERMINATED"


def test_it_can_not_be_put_into_quarantine(at_rest: World) -> None:
    asked = {"input": {**BY_HAND, "reason": "odd"}, "execution": QUARANTINE}
    with pytest.raises(DeviceBusy, match="lamp is stopped, and its certificate is inactive"):
        at_rest.call(claim_quarantine, **asked)


def test_one_that_is_being_restarted_is_not_stopped(lamp: World) -> None:
    Restart(lamp, BY_HAND).run("task")
    with pytest.raises(DeviceBusy):
        Restart(lamp, STOP, OTHER_RESTART).run()


def test_one_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(ThingNotFound):
        Restart(world, STOP).run()


@pytest.mark.parametrize(
    ("more", "field"), [({"stop": "yes"}, "stop"), ({"stop": True, "stoppedTask": "arn"}, "stop")]
)
def test_what_makes_no_sense_is_refused(lamp: World, more: dict[str, object], field: str) -> None:
    before = lamp.row
    with pytest.raises(InvalidInput) as refused:
        lamp.call(claim_restart, input={**BY_HAND, **more}, restart=RESTART)
    assert (refused.value.field, lamp.row) == (field, before)


def test_a_row_that_was_not_read_is_read_again(lamp: World, monkeypatch: Any) -> None:
    # given
    asked, iot = GiveUpRequest(THING, RESTART, "by hand"), cast("IoTClient", lamp.iot)
    lamp.set(restarting=RESTART, restarted_by=RESTART, status="OFFLINE")
    monkeypatch.setattr(Catalog, "row", lambda *_: None)
    # when
    with pytest.raises(TransientError):
        stop(asked, lamp.catalog, iot)
    # then
    monkeypatch.undo()
    assert "given_up_at" not in lamp.row
    stop(asked, lamp.catalog, iot)
    assert lamp.row["status"] == "STOPPED"


@pytest.mark.parametrize("end", [stop, give_up])
def test_a_last_write_whose_answer_was_lost_is_no_loss(
    lamp: World, monkeypatch: Any, end: Callable[..., Any]
) -> None:
    # given the SDK repeats it
    asked = GiveUpRequest(THING, RESTART, "by hand")
    lamp.set(restarting=RESTART, restarted_by=RESTART, status="OFFLINE")
    let_go = Hold.let_go

    def twice(hold: Hold, **clauses: Any) -> Any:
        let_go(hold, **clauses)
        return let_go(hold, **clauses)

    monkeypatch.setattr(Hold, "let_go", twice)
    # when
    end(asked, lamp.catalog, lamp.iot)
    # then
    assert "given_up_at" in lamp.row
    assert "restarting" not in lamp.row


def test_a_stop_that_died_half_way_is_undone_and_tried_again(lamp: World) -> None:
    # given its task is stopped, and nothing more
    lamp.call(claim_restart, input=STOP, restart=RESTART)
    lamp.set(restarting=RESTART, status="OFFLINE")
    lamp.catalog.table.update_item(Key={"thing_name": THING}, UpdateExpression="REMOVE given_up_at")
    restart = Restart(lamp, STOP)
    restart.data["device"] = {"verdict": "STOP"}
    # when
    assert restart.undo() is True
    restart.run()
    # then
    assert lamp.row["status"] == "STOPPED"
