"""Two restarts of one device, and a restart of one that is deleted meanwhile, or by now another."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import DeviceBusy, RestartLost, ThingNotFound
from devices.catalog import Catalog
from provisioning import create_thing
from tests.unit.built import CLIENTS
from tests.unit.doubles import faults
from tests.unit.restarting import BY_HAND, THING, Restart, World, is_back
from tests.unit.stack import OTHER_EXECUTION, OTHER_RESTART, RESTART

pytestmark = pytest.mark.thorough


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


def test_two_restarts_that_have_read_the_same_row(
    lamp: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: the second one reads before the first has written
    read = lamp.row
    Restart(lamp, BY_HAND).run("claim")
    lamp.workflows.runs(RESTART)
    answers = [read]
    monkeypatch.setattr(
        Catalog, "row", lambda self, name: answers.pop() if answers else _row(self, name)
    )
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
    # when: Step Functions does not know it yet
    with pytest.raises(DeviceBusy, match="being restarted"):
        Restart(lamp, BY_HAND, OTHER_RESTART).run("claim")
    # and when it has ended
    lamp.workflows.ended(RESTART, "ABORTED")
    restart = Restart(lamp, BY_HAND, OTHER_RESTART).run("wait")
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    is_back(lamp, old, restart)


def test_nobody_restarts_what_is_not_there(lamp: World) -> None:
    lamp.delete()
    with pytest.raises(ThingNotFound):
        Restart(lamp, BY_HAND).run("claim")
    overtaken = Restart(lamp, {"thingName": THING, "stoppedTask": "arn:task"}).run("claim")
    assert overtaken.data["device"]["verdict"] == "IGNORE"
    assert lamp.row["status"] == "TERMINATED"


@pytest.mark.parametrize("state", Restart.STATES)
def test_a_device_that_is_deleted_during_its_restart_is_gone(
    stopped: tuple[World, Restart], state: str
) -> None:
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
    assert world.made() == {
        "things": [],
        "certificates": [],
        "shadows": {},
        "objects": [],
        "tasks": [],
    }
    row = world.row
    assert row["status"] == "TERMINATED"
    assert not row.keys() & {
        "restarting",
        "next_certificate_id",
        "task_token",
        "identity_pending",
        "status_reason",
    }


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


def test_claims_ask_for_running_executions_only_when_they_must(lamp: World) -> None:
    # when
    with faults.refused(CLIENTS.client("stepfunctions"), "DescribeExecution"):
        restart = Restart(lamp, BY_HAND).run("claim")
    # then
    assert restart.data["device"]["verdict"] == "RESTART"
