"""A function that outlives its restart, while that is undone: in every order the device is there,
held by nobody.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import DeviceBusy, RestartLost
from devices.catalog import Catalog
from holding.hold import Hold
from restart import undo_restart
from sweeping import sweep
from tests.unit.built import built
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.interleaving import orders
from tests.unit.restarting import BY_HAND, THING, Restart, World, is_back
from tests.unit.stack import OTHER_RESTART

pytestmark = pytest.mark.thorough

CALLS = frozenset(
    {
        "GetItem",
        "UpdateItem",
        "CreateKeysAndCertificate",
        "UpdateCertificate",
        "DeleteCertificate",
        "AttachPolicy",
        "AttachThingPrincipal",
        "ListTasks",
        "RunTask",
        "StopTask",
    }
)
# Where there are three workflows in a test, what they can take from one another by.
TAKING = frozenset({"UpdateItem", "ListTasks", "DeleteCertificate"})
HELD = {
    "restarting",
    "next_certificate_id",
    "next_certificate_arn",
    "task_token",
    "identity_pending",
}


def _aborted(restart: Restart) -> None:
    detail = {
        "executionArn": restart.arn,
        "status": "ABORTED",
        "input": json.dumps(dict(restart.asked)),
    }
    restart.world.call(undo_restart, detail=detail)


def _running(world: World) -> list[str]:
    """ARNs of tasks."""
    return [arn for arn, task in world.ecs.tasks.items() if task in world.ecs.running()]


def _is_let_go(world: World, order: str) -> None:
    """With one certificate, which the row names, and held by nobody; with its task, or without
    any.
    """
    row = world.row
    assert not row.keys() & HELD, order
    assert "retired_certificate_arn" not in row, order
    assert list(world.iot.certificates) == [row["certificate_arn"]], order
    assert world.iot.certificates[row["certificate_arn"]].status == "ACTIVE", order
    assert world.iot.things[THING].principals == {row["certificate_arn"]}, order
    assert _running(world) == ([row["task_arn"]] if "task_arn" in row else []), order


@pytest.mark.parametrize("state", ["claim", "renew", "attach", "task", "wait", "finish"])
def test_a_state_of_a_restart_that_is_undone(
    lamp: World, functions: MemoryFunctions, function_clients: list[Any], state: str
) -> None:
    # given
    restart, seen = Restart(lamp, BY_HAND), 0
    for name in restart.STATES[: restart.STATES.index(state)]:
        restart.step(name)
    if state == "finish":
        lamp.connect(restart.data["certificate"]["certificateId"])
    restore = lamp.memory()
    # when
    late = getattr(restart, f"_{state}")
    for outcome in orders(function_clients, late, lambda: _aborted(restart), CALLS):
        # then
        assert outcome.errors[0] is None or isinstance(
            outcome.errors[0], RestartLost | ClientError
        ), outcome
        assert outcome.errors[1] is None, outcome
        # Of a certificate whose row it could not name any more, and of a second task, the sweep
        # knows.
        built(sweep)({"olderThanSeconds": 0}, lamp.context)
        _is_let_go(lamp, outcome.order)
        restore()
        seen += 1
    assert seen > 3


def test_a_restart_that_was_undone_does_not_stop_the_task_of_the_next_one(
    lamp: World, function_clients: list[Any]
) -> None:
    # given
    restart, other = Restart(lamp, BY_HAND), Restart(lamp, BY_HAND, OTHER_RESTART)
    restore = lamp.memory()

    def next_one() -> None:
        _aborted(restart)
        other.run("wait")
        lamp.connect(other.data["certificate"]["certificateId"])
        other.run()

    # when
    for outcome in orders(function_clients, restart._claim, next_one, TAKING):
        # then
        assert outcome.errors[1] is None, outcome
        assert lamp.row["restarted_by"] == OTHER_RESTART, outcome
        assert _running(lamp) == [lamp.row["task_arn"]], outcome
        restore()
        other.done.clear()
        other.data.clear()


def test_an_undoing_that_is_late_takes_nothing_from_the_next_restart(
    lamp: World, functions: MemoryFunctions, function_clients: list[Any]
) -> None:
    """The state that undoes a restart is at work, and the execution is aborted."""
    # given
    restart, other = Restart(lamp, BY_HAND).run("task"), Restart(lamp, BY_HAND, OTHER_RESTART)
    done = list(restart.done)
    restore = lamp.memory()

    def next_one() -> None:
        _aborted(restart)
        other.run("wait")
        lamp.connect(other.data["certificate"]["certificateId"])
        other.run()

    def late() -> None:
        restart.undo()

    # when
    for outcome in orders(function_clients, late, next_one, TAKING):
        # then: whoever lost has lost it before it made anything
        assert outcome.errors[0] is None, outcome
        assert outcome.errors[1] is None or isinstance(outcome.errors[1], DeviceBusy), outcome
        if outcome.errors[1] is None:
            certificate = other.data["certificate"]["certificateId"]
            assert lamp.row["certificate_id"] == certificate, outcome
            _is_let_go(lamp, outcome.order)
        restore()
        restart.done[:] = done
        other.done.clear()
        other.data.clear()


def test_the_device_comes_while_its_restart_begins_to_wait(
    lamp: World, function_clients: list[Any]
) -> None:
    # given
    restart, seen = Restart(lamp, BY_HAND).run("task"), 0
    certificate = restart.data["certificate"]["certificateId"]
    lamp.workflows.waiting.add(f"token-{restart.arn}-1")
    restart.data["wait"] = True
    restore = lamp.memory()
    # when
    for outcome in orders(
        function_clients,
        restart._wait,
        lambda: lamp.connect(certificate),
        {"UpdateItem", "SendTaskSuccess"},
    ):
        # then
        assert outcome.errors == (None, None), outcome
        assert "task_token" not in lamp.row, outcome
        assert [answer for _, answer in lamp.workflows.answers[-1:]] != [], outcome
        assert f"token-{restart.arn}-1" not in lamp.workflows.waiting, outcome
        restore()
        seen += 1
    assert seen > 3


def test_the_last_writes_of_a_restart_may_be_made_twice(
    lamp: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK repeats a call whose answer it has not got."""
    # given
    old, restart = lamp.row["certificate_id"], Restart(lamp, BY_HAND).run("wait")
    lamp.connect(restart.data["certificate"]["certificateId"])
    real = Hold.update

    def repeated(*given: Any, **more: Any) -> Any:
        real(*given, **more)
        return real(*given, **more)

    monkeypatch.setattr(Hold, "update", repeated)
    # when
    restart.run()
    # then
    is_back(lamp, old, restart)


def test_a_restart_that_cannot_read_the_row_lets_no_certificate_be_forgotten(
    lamp: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an answer is read as one without an item."""
    # given
    restart = Restart(lamp, BY_HAND).run("wait")
    lamp.connect(restart.data["certificate"]["certificateId"])
    before = lamp.row
    monkeypatch.setattr(Catalog, "row", lambda _self, _name: None)
    # when
    with pytest.raises(RestartLost):
        restart.run()
    # then
    monkeypatch.undo()
    assert lamp.row == before
