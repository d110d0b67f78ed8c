"""The history of an execution: every state of every branch, chained as on AWS."""

import importlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from playground.devices.history import steps_of
from tests.gaps.modules import gap, service
from tests.playground_cloud import wait_for

ACCOUNT, REGION = "111122223333", "us-east-1"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"

Event = Mapping[str, Any]
Function = Callable[[str], Any]


def task(name: str, following: str | None = None, **more: Any) -> dict[str, Any]:
    """A Task state that calls a function of its own name."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": name},
        **({"Next": following} if following else {"End": True}),
        **more,
    }


FLAKY = {"ErrorEquals": ["Flaky"], "IntervalSeconds": 0, "MaxAttempts": 3}
RETRY: dict[str, Any] = {"Retry": [FLAKY]}
A = {"StartAt": "A1", "States": {"A1": task("A1", "A2"), "A2": task("A2", **RETRY)}}
B = {
    "StartAt": "B1",
    "States": {
        "B1": task("B1", "B2"),
        "B2": {"Type": "Pass", "Next": "B3"},
        "B3": {"Type": "Succeed"},
    },
}
BOTH = {
    "Type": "Parallel",
    "Branches": [A, B],
    "Next": "Last",
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Undo"}],
}
UNDO = {"Type": "Fail", "Error": "Undone", "Cause": "it had to be"}
DEFINITION = {
    "StartAt": "First",
    "States": {"First": task("First", "Both"), "Both": BOTH, "Last": task("Last"), "Undo": UNDO},
}


def started(sfn: Any, functions: Function, definition: Any = DEFINITION) -> Any:
    """An execution whose tasks ask `functions` for their answers."""
    sfn._invoke_resource = lambda _, given: functions(given["FunctionName"])
    sfn._scaled_sleep = lambda _: None
    machine = {"name": "m", "definition": json.dumps(definition), "roleArn": "r"}
    with importlib.import_module("ministack.core.responses").request_scope(ACCOUNT, REGION):
        sfn._state_machines[MACHINE] = machine
        answer = sfn._start_execution({"stateMachineArn": MACHINE, "input": "{}"})
        return sfn._executions[json.loads(answer[2])["executionArn"]]


def history(sfn: Any, functions: Function, definition: Any = DEFINITION) -> Sequence[Event]:
    """All events of an execution that has ended."""
    execution = started(sfn, functions, definition)
    ends = ("ExecutionSucceeded", "ExecutionFailed")
    wait_for("the end", lambda: execution["events"][-1]["type"] in ends)
    return list(execution["events"])


def name_of(event: Event) -> str:
    """The state that an event tells to be entered or left."""
    details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    return str(details.get("name", ""))


def chain(events: Sequence[Event], last: Event) -> list[str]:
    """Types of events back to the first, with names of states."""
    by_number, told = {event["id"]: event for event in events}, []
    event: Event | None = last
    while event is not None:
        told.append(f"{event['type']} {name_of(event)}".strip())
        event = by_number.get(event["previousEventId"])
    return told[::-1]


def left(events: Sequence[Event], name: str) -> Event:
    """The event that tells that a state was left."""
    return next(e for e in events if e["type"].endswith("StateExited") and name_of(e) == name)


def a_task(name: str) -> list[str]:
    """What a task tells that goes well."""
    return [
        f"TaskStateEntered {name}",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        f"TaskStateExited {name}",
    ]


def flaky(times: int) -> Function:
    """A2 fails so often before it succeeds."""
    failed: list[int] = []

    def answer(name: str) -> Any:
        if name == "A2" and len(failed) < times:
            failed.append(1)
            raise service("stepfunctions")._ExecutionError("Flaky", "once more")
        return {}

    return answer


def test_every_branch_is_a_chain_of_its_own_from_the_containers_start() -> None:
    sfn = service("stepfunctions")
    gap("execution_history").fill()

    events = history(sfn, flaky(0))

    beginning = [*a_task("First"), "ParallelStateEntered Both", "ParallelStateStarted"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[0]["previousEventId"]) == ("ExecutionStarted", 0)
    assert chain(events, left(events, "A2")) == [*beginning, *a_task("A1"), *a_task("A2")]
    others = [
        "PassStateEntered B2",
        "PassStateExited B2",
        "SucceedStateEntered B3",
        "SucceedStateExited B3",
    ]
    assert chain(events, left(events, "B3")) == [*beginning, *a_task("B1"), *others]
    ending = chain(events, events[-1])[-8:]
    assert ending == [
        "ParallelStateSucceeded",
        "ParallelStateExited Both",
        *a_task("Last"),
        "ExecutionSucceeded",
    ]
    stamps = [event["timestamp"] for event in events]
    assert stamps == sorted(stamps)


def test_the_end_of_all_branches_follows_from_the_last_of_them() -> None:
    sfn = service("stepfunctions")
    gap("execution_history").fill()
    others_done = threading.Event()

    def answer(name: str) -> Any:
        if name == "A2":
            assert others_done.wait(10)
        return {}

    execution = started(sfn, answer)
    wait_for("B3", lambda: [e for e in execution["events"] if name_of(e) == "B3"][1:])
    others_done.set()
    wait_for("the end", lambda: execution["events"][-1]["type"] == "ExecutionSucceeded")

    succeeded = next(e for e in execution["events"] if e["type"] == "ParallelStateSucceeded")
    assert succeeded["previousEventId"] == left(execution["events"], "A2")["id"]


def test_attempts_are_told_of_the_state_that_made_them() -> None:
    sfn = service("stepfunctions")
    gap("execution_history").fill()

    events = history(sfn, flaky(2))

    attempt = ["TaskScheduled", "TaskStarted", "TaskFailed"]
    whole = ["TaskStateEntered A2", *attempt * 2, *a_task("A2")[1:]]
    assert chain(events, left(events, "A2"))[-len(whole) :] == whole
    steps = {step.name: (step.status, step.retries) for step in steps_of(events_with_times(events))}
    assert steps == {
        "First": ("done", 0),
        "A1": ("done", 0),
        "A2": ("done", 2),
        "B1": ("done", 0),
        "Last": ("done", 0),
    }


def events_with_times(events: Sequence[Event]) -> list[Event]:
    """As an SDK hands them over."""
    return [{**event, "timestamp": number} for number, event in enumerate(events)]


def test_a_branch_that_fails_is_told_before_what_catches_it() -> None:
    sfn = service("stepfunctions")
    gap("execution_history").fill()

    events = history(sfn, flaky(4))

    failed = next(e for e in events if e["type"] == "ParallelStateFailed")
    told = chain(events, events[-1])
    assert events[-1]["executionFailedEventDetails"]["error"] == "Undone"
    assert told[-4:] == [
        "ParallelStateFailed",
        "ParallelStateExited Both",
        "FailStateEntered Undo",
        "ExecutionFailed",
    ]
    assert not any(e["type"] == "TaskStateExited" and name_of(e) == "A2" for e in events)
    assert failed["id"] < events[-1]["id"]


def test_a_task_names_its_service_and_action() -> None:
    sfn = service("stepfunctions")
    gap("execution_history").fill()

    events = history(sfn, flaky(0))

    details = next(e["taskScheduledEventDetails"] for e in events if e["type"] == "TaskScheduled")
    assert (details["resourceType"], details["resource"]) == ("lambda", "invoke")


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_comes_after_the_end_and_what_was_stopped_stays_so(*, fails: bool) -> None:
    sfn = service("stepfunctions")
    gap("execution_history").fill()
    stopped, running = threading.Event(), threading.Event()

    def answer(_: str) -> Any:
        running.set()
        assert stopped.wait(10)
        if fails:
            raise sfn._ExecutionError("Late", "")
        return {}

    execution = started(sfn, answer, {"StartAt": "First", "States": {"First": task("First")}})
    assert running.wait(10)
    run = next(t for t in threading.enumerate() if "_run_execution" in str(getattr(t, "_args", "")))
    with importlib.import_module("ministack.core.responses").request_scope(ACCOUNT, REGION):
        sfn._stop_execution({"executionArn": execution["executionArn"], "error": "Enough"})
    stopped.set()
    run.join(10)

    assert execution["status"] == "ABORTED"
    assert execution["events"][-1]["type"] == "ExecutionAborted"
    assert execution["events"][-1]["previousEventId"] == len(execution["events"]) - 1


def test_the_emulator_itself_tells_no_state_of_a_branch_and_chains_nothing() -> None:
    """Once it does, the gap can go."""
    events = history(service("stepfunctions"), flaky(0))

    assert {name_of(event) for event in events} == {"", "First", "Both", "Last"}
    assert not any("previousEventId" in event for event in events)
