"""Tasks that have stopped: not listed as running, forgotten after an hour."""

import importlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

CLUSTER = "lab"


@pytest.fixture(autouse=True)
def _without_docker(emulator: None) -> None:
    ecs: Any = importlib.import_module("ministack.services.ecs")
    ecs._get_docker = lambda: None


def call(action: str, **data: Any) -> Any:
    """What ECS answers."""
    ecs = importlib.import_module("ministack.services.ecs")
    status, _headers, body = ecs._dispatch_action(action, data)
    assert status == 200, body
    return json.loads(body)


def interrupted() -> str:
    """ARN of a task that ran when the emulator went down, and came back."""
    ecs = importlib.import_module("ministack.services.ecs")
    call("CreateCluster", clusterName=CLUSTER)
    container = {"name": "device", "image": "none"}
    call("RegisterTaskDefinition", family="device", containerDefinitions=[container])
    arn: str = call("RunTask", cluster=CLUSTER, taskDefinition="device")["tasks"][0]["taskArn"]
    state = ecs.get_state()
    ecs._tasks.clear()
    ecs._restore_state(state)
    return arn


def listed(**which: str) -> list[str]:
    found: list[str] = call("ListTasks", cluster=CLUSTER, **which)["taskArns"]
    return found


def test_the_emulator_lists_it_for_ever() -> None:
    """Once this fails the gap is filled by the emulator itself."""
    arn = interrupted()
    assert listed() == [arn]
    call("StopTask", cluster=CLUSTER, task=arn)
    assert listed() == [arn]


def test_an_interrupted_task_that_is_stopped_is_listed_as_stopped() -> None:
    # given
    importlib.import_module("playground.local.gaps.stopped_tasks").fill()
    arn = interrupted()
    assert listed() == [arn]
    # when
    task = call("StopTask", cluster=CLUSTER, task=arn, reason="no device's")["task"]
    # then
    assert (task["desiredStatus"], task["lastStatus"], task["stoppedReason"]) == (
        "STOPPED",
        "STOPPED",
        "no device's",
    )
    assert listed() == []
    assert listed(desiredStatus="STOPPED") == [arn]


def test_a_task_is_forgotten_an_hour_after_it_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    gap = importlib.import_module("playground.local.gaps.stopped_tasks")
    monkeypatch.setattr(gap, "FIRST", 0.0)
    monkeypatch.setattr(gap, "EVERY", 0.0)
    gap.fill()
    arn = interrupted()
    call("StopTask", cluster=CLUSTER, task=arn)
    assert listed(desiredStatus="STOPPED") == [arn]
    # when
    ecs = importlib.import_module("ministack.services.ecs")
    task = next(iter(ecs._tasks._data.values()))
    task["stoppedAt"] = (datetime.now(UTC) - timedelta(hours=1, seconds=1)).isoformat()
    # then
    assert listed(desiredStatus="STOPPED") == []
    assert call("DescribeTasks", cluster=CLUSTER, tasks=[arn])["tasks"] == []
