"""What StartExecution refuses, and when it may be repeated."""

from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, Answer, call, fill, in_scope

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:provision"
REFUSED = {
    "no JSON": ({"input": "hello"}, "InvalidExecutionInput"),
    "half of it": ({"input": '{"a":'}, "InvalidExecutionInput"),
    "NaN": ({"input": '{"a": NaN}'}, "InvalidExecutionInput"),
    "without end": ({"input": "[" * 60_000}, "InvalidExecutionInput"),
    "too much": ({"input": f'"{"x" * 262_143}"'}, "InvalidExecutionInput"),
    "a colon": ({"name": "a:b"}, "InvalidName"),
    "white space": ({"name": "a b"}, "InvalidName"),
    "a control character": ({"name": "a\x85b"}, "InvalidName"),
    "a bracket": ({"name": "a[b"}, "InvalidName"),
    "a slash": ({"name": "a/b"}, "InvalidName"),
    "a long name": ({"name": "x" * 81}, "InvalidName"),
}
TAKEN: dict[str, dict[str, Any]] = {
    "no object": {"input": '"hello"'},
    "as much": {"input": f'"{"x" * 262_142}"'},
    "a long name": {"name": "x" * 80},
    "other characters": {"name": "é.@+=(a)!-_'"},
    "neither": {},
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workflow whose executions never end by themselves."""
    from ministack.services import stepfunctions

    in_scope()
    stepfunctions._state_machines[MACHINE] = {
        "name": "provision",
        "roleArn": "role",
        "definition": "{}",
    }
    monkeypatch.setattr(stepfunctions, "_run_execution", lambda _arn: None)


def start(**given: Any) -> Answer:
    """Ask for an execution."""
    return call(
        "stepfunctions", "stepfunctions", "StartExecution", stateMachineArn=MACHINE, **given
    )


def test_the_emulator_still_takes_them() -> None:
    """When this fails the emulator has learned one: away with that row."""
    assert {name: start(**given).status for name, (given, _) in REFUSED.items()} == dict.fromkeys(
        REFUSED, 200
    )


def test_what_aws_refuses_is_refused_and_nothing_runs() -> None:
    # given
    fill("execution_requests")
    from ministack.services import stepfunctions

    # then
    assert {name: start(**given).error for name, (given, _) in REFUSED.items()} == {
        name: error for name, (_, error) in REFUSED.items()
    }
    assert len(stepfunctions._executions) == 0
    assert {name: start(**given).status for name, given in TAKEN.items()} == dict.fromkeys(
        TAKEN, 200
    )


@pytest.mark.parametrize("filled", [False, True])
def test_a_running_execution_may_be_asked_for_again(*, filled: bool) -> None:
    """When the first fails the emulator has learned it."""
    # given
    if filled:
        fill("execution_requests")
    from ministack.services import stepfunctions

    first = start(name="one", input="{}")
    # then
    again = start(name="one", input="{}")
    assert (again.body == first.body) is filled
    assert (again.error == "ExecutionAlreadyExists") is not filled
    assert start(name="one", input='{"a": 1}').error == "ExecutionAlreadyExists"
    stepfunctions._executions[first.body["executionArn"]]["status"] = "FAILED"
    assert start(name="one", input="{}").error == "ExecutionAlreadyExists"
