"""What `playground roll` plans, and what it tells from the history of an execution."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from playground.errors import ImageError, UnknownDeviceError
from playground.images.rolling import Move, moves, plan

NEW, OLD = f"sha256:{'b' * 64}", f"sha256:{'a' * 64}"


@dataclass
class Home:
    """A home whose catalog and repository the test sets."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Home:
    rows = [
        {"thing_name": "behind", "status": "ONLINE", "task_arn": "t", "image_digest": OLD},
        {"thing_name": "current", "status": "ONLINE", "task_arn": "t", "image_digest": NEW},
        {"thing_name": "without", "status": "OFFLINE", "task_arn": "t"},
        {"thing_name": "gone", "status": "TERMINATED", "image_digest": OLD},
    ]
    monkeypatch.setattr("playground.images.rolling.Devices.rows", lambda _self: rows)
    monkeypatch.setattr("playground.images.rolling.Images.current", lambda _self: NEW)
    return Home()


def test_a_plan_names_those_that_run_another_image(home: Any) -> None:
    assert plan(home).names == ("behind", "without")
    assert plan(home, ["behind", "current"]).names == ("behind",)
    assert plan(home).image == NEW


def test_a_name_that_does_not_run_is_refused(home: Any) -> None:
    with pytest.raises(UnknownDeviceError, match="gone, nobody: no running device has this name"):
        plan(home, ["nobody", "behind", "gone"])


def test_without_an_image_there_is_no_plan(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.images.rolling.Images.current", lambda _self: None)
    with pytest.raises(ImageError, match="run `playground push`"):
        plan(home)


def passed(state: str, **output: Any) -> list[dict[str, Any]]:
    """The events of a state that was entered and left."""
    return [
        {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": state}},
        {
            "type": "TaskStateExited",
            "stateExitedEventDetails": {"name": state, "output": json.dumps(output)},
        },
    ]


def test_the_history_tells_of_each_device() -> None:
    # given: an error that was caught stays in the data of the states that follow
    a, b, c, d = ({"verdict": "ROLL", "thingName": name} for name in "abcd")
    caught = {"Error": "States.TaskFailed"}
    events = [
        {"type": "ExecutionStarted"},
        *passed("RollDevices", asked={}, progress={}),
        *passed("NextDevice", progress=a),
        *passed("RestartDevice", progress=a),
        *passed("NextDevice", progress=b),
        *passed("RestartDevice", progress=b, error=caught),
        *passed("PutBack", progress={**b, "verdict": "GO_ON"}, error=caught),
        *passed("NextDevice", progress=c, error=caught),
        *passed("RestartDevice", progress=c, error=caught),
        *passed("NextDevice", progress=d, error=caught),
        *passed("RestartDevice", progress=d, error=caught),
        *passed("PutBack", progress={**d, "verdict": "RESTORE"}, error=caught),
        *passed("RestoreDevice", progress=d, error=caught),
    ]
    # then
    assert list(moves(events)) == [
        Move("a", "moving"),
        Move("a", "moved"),
        Move("b", "moving"),
        Move("b", "passed over"),
        Move("c", "moving"),
        Move("c", "moved"),
        Move("d", "moving"),
        Move("d", "failed"),
    ]
    # and of one that is still in hand
    assert list(moves(events[:5])) == [Move("a", "moving")]
