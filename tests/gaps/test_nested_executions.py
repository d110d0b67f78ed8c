"""What becomes of an execution that another one waits for."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, call, fill, in_scope

ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine"
OUTER = {
    "Type": "Task",
    "Resource": "arn:aws:states:::states:startExecution.sync:2",
    "Parameters": {"StateMachineArn": f"{ARN}:restart", "Input": {}},
    "TimeoutSeconds": 60,
    "End": True,
}
INNER = {"Type": "Wait", "Seconds": 1, "End": True}


@pytest.fixture
def told() -> list[tuple[str, str]]:
    """Two workflows; the events of their executions, as they come: workflow and status."""
    from ministack.services import eventbridge, stepfunctions

    in_scope()
    for name, state in (("roll", OUTER), ("restart", INNER)):
        stepfunctions._state_machines[f"{ARN}:{name}"] = {
            "name": name,
            "roleArn": "role",
            "definition": json.dumps({"StartAt": "Only", "States": {"Only": state}}),
        }
    found: list[tuple[str, str]] = []

    def remember(data: Any, **_given: Any) -> None:
        detail = json.loads(data["Entries"][0]["Detail"])
        found.append((detail["stateMachineArn"].rpartition(":")[2], detail["status"]))

    eventbridge._put_events = remember
    return found


def _ended(look: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(200):
        if look():
            return
        pause.wait(0.05)
    raise AssertionError("waited in vain")


def _start() -> str:
    arn: str = call(
        "stepfunctions", "stepfunctions", "StartExecution", stateMachineArn=f"{ARN}:roll"
    ).body["executionArn"]
    return arn


@pytest.mark.parametrize("filled", [False, True])
def test_it_tells_its_status(told: list[tuple[str, str]], *, filled: bool) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("nested_executions")
    # when
    _start()
    _ended(lambda: ("roll", "SUCCEEDED") in told)
    # then
    inner = [("restart", "RUNNING"), ("restart", "SUCCEEDED")] if filled else []
    assert told == [("roll", "RUNNING"), *inner, ("roll", "SUCCEEDED")]


@pytest.mark.parametrize("filled", [False, True])
def test_it_is_stopped_with_the_one_that_waits(
    told: list[tuple[str, str]], *, filled: bool
) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("nested_executions")
    from ministack.services import stepfunctions

    arn = _start()
    _ended(lambda: len(stepfunctions._executions) == 2)
    _ended(lambda: not filled or ("restart", "RUNNING") in told)
    # when
    call("stepfunctions", "stepfunctions", "StopExecution", executionArn=arn)
    # then
    inner = next(one for name, one in stepfunctions._executions.items() if name != arn)
    _ended(lambda: inner["status"] != "RUNNING")
    assert inner["status"] == ("ABORTED" if filled else "SUCCEEDED")
    assert (("restart", "ABORTED") in told) is filled
