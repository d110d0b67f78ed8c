"""What becomes of the items of a Distributed Map when too many fail, and when it is stopped."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, call, fill, in_scope

ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine"


def _machine(name: str, states: dict[str, Any]) -> None:
    from ministack.services import stepfunctions

    stepfunctions._state_machines[f"{ARN}:{name}"] = {
        "name": name,
        "roleArn": "role",
        "definition": json.dumps({"StartAt": next(iter(states)), "States": states}),
    }


def _each(item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Map",
        "Label": "Each",
        "ItemsPath": "$.items",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Item",
            "States": item,
        },
        "ResultPath": "$.results",
        "End": True,
        **fields,
    }


FAILS_AT_ZERO = {
    "Item": {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "Bad"}],
        "Default": "Good",
    },
    "Bad": {"Type": "Fail", "Error": "Bad", "Cause": "zero"},
    "Good": {"Type": "Pass", "End": True},
}


@pytest.fixture(autouse=True)
def silent() -> None:
    from ministack.services import eventbridge

    in_scope()
    eventbridge._put_events = lambda *_arguments, **_given: None


def _ended(look: Callable[[], Any]) -> Any:
    pause = threading.Event()
    for _ in range(200):
        if found := look():
            return found
        pause.wait(0.05)
    raise AssertionError("waited in vain")


def _sfn(operation: str, **given: Any) -> dict[str, Any]:
    body: dict[str, Any] = call("stepfunctions", "stepfunctions", operation, **given).body
    return body


def _started(name: str, data: dict[str, Any]) -> str:
    begun = _sfn("StartExecution", stateMachineArn=f"{ARN}:{name}", input=json.dumps(data))
    return str(begun["executionArn"])


def _end(arn: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = _sfn("DescribeExecution", executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    found: dict[str, Any] = _ended(look)
    return found


def _counts(arn: str) -> dict[str, int]:
    run = _sfn("ListMapRuns", executionArn=arn)["mapRuns"][0]["mapRunArn"]
    counts = _sfn("DescribeMapRun", mapRunArn=run)["itemCounts"]
    return {name: counts[name] for name in ("succeeded", "failed", "aborted")}


@pytest.mark.parametrize("filled", [False, True])
def test_it_ends_at_the_first_failure_too_many(*, filled: bool) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("distributed_maps")
    _machine("map", {"Each": _each(FAILS_AT_ZERO, MaxConcurrency=1)})
    # when
    arn = _started("map", {"items": [1, 0, 2, 3]})
    # then
    end = _end(arn)
    assert (end["status"], end["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    good = 1 if filled else 3
    assert _counts(arn) == {"succeeded": good, "failed": 1, "aborted": 3 - good}


@pytest.mark.parametrize("filled", [False, True])
def test_the_number_of_failures_may_be_in_the_data(*, filled: bool) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("distributed_maps")
    _machine("map", {"Each": _each(FAILS_AT_ZERO, ToleratedFailureCountPath="$.most")})
    # when
    arn = _started("map", {"items": [1, 0, 2], "most": 1})
    # then
    end = _end(arn)
    assert end["status"] == ("SUCCEEDED" if filled else "FAILED")
    if filled:
        assert json.loads(end["output"])["results"] == [1, None, 2]


def test_a_share_of_failures_is_taken_as_before() -> None:
    fill("distributed_maps")
    _machine("map", {"Each": _each(FAILS_AT_ZERO, ToleratedFailurePercentage=50)})
    assert _end(_started("map", {"items": [0, 1]}))["status"] == "SUCCEEDED"
    assert _end(_started("map", {"items": [0, 0, 1]}))["status"] == "FAILED"
    assert _end(_started("map", {"items": []}))["status"] == "SUCCEEDED"


@pytest.mark.parametrize("filled", [False, True])
def test_it_is_stopped_with_all_that_its_items_wait_for(*, filled: bool) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("distributed_maps")
        fill("nested_executions")
    from ministack.services import stepfunctions

    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": f"{ARN}:inner", "Input": {}},
        "End": True,
    }
    _machine("inner", {"Only": {"Type": "Wait", "Seconds": 1, "End": True}})
    _machine("map", {"Each": _each({"Item": nested}, MaxConcurrency=2)})
    before = threading.active_count()
    arn = _started("map", {"items": [1, 2, 3]})

    def inner() -> list[dict[str, Any]]:
        return [one for name, one in stepfunctions._executions.items() if ":inner:" in name]

    _ended(lambda: len(inner()) == 2)
    # when
    _sfn("StopExecution", executionArn=arn)
    # then
    run = _sfn("ListMapRuns", executionArn=arn)["mapRuns"][0]["mapRunArn"]
    _ended(lambda: _sfn("DescribeMapRun", mapRunArn=run)["status"] != "RUNNING")
    ends = ["ABORTED"] * 2 if filled else ["SUCCEEDED"] * 3
    assert [one["status"] for one in inner()] == ends
    if filled:
        assert _counts(arn) == {"succeeded": 0, "failed": 0, "aborted": 3}
    # The emulator's threads end when what they wait for is over.
    _ended(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("filled", [False, True])
def test_an_item_that_is_stopped_while_it_waits_starts_nothing_more(*, filled: bool) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("distributed_maps")
        fill("nested_executions")
    from ministack.services import stepfunctions

    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": f"{ARN}:after", "Input": {}},
        "End": True,
    }
    seconds = 600 if filled else 1
    item = {"Item": {"Type": "Wait", "Seconds": seconds, "Next": "After"}, "After": nested}
    _machine("after", {"Only": {"Type": "Pass", "End": True}})
    _machine("map", {"Each": _each(item, MaxConcurrency=2)})
    before = threading.active_count()
    arn = _started("map", {"items": [1, 2]})
    run = _ended(lambda: _sfn("ListMapRuns", executionArn=arn)["mapRuns"])[0]["mapRunArn"]
    # when
    _sfn("StopExecution", executionArn=arn)
    # then its thread ends long before its time
    _ended(lambda: _sfn("DescribeMapRun", mapRunArn=run)["status"] != "RUNNING")
    _ended(lambda: threading.active_count() <= before)
    after = [one for one in stepfunctions._executions if ":after:" in one]
    assert len(after) == (0 if filled else 2)
