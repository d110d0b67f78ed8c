"""The history of an execution tells every state of every branch, and what follows from what.

On AWS each event has the number of the one that it follows from (0 for the first, and for the entry
of the first state); the states within a Parallel or Map state are entered and left as any other,
each branch a chain of its own that begins at the container's start. Nothing comes after the end.
Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
Emulator: its events follow from nothing; within a branch it tells of tasks, but not of states, so
that nobody can say whose the tasks are; two branches may give two events one number; a task that
ends after its execution was stopped is told behind the end, and makes it a failed one.
"""

import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions as sfn

ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
OPTIMIZED = "arn:aws:states:::"
TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")

_last: contextvars.ContextVar[tuple[str, int]] = contextvars.ContextVar("last", default=("", 0))
"""The execution that runs here, and its latest event in this branch."""
_branch_ends: contextvars.ContextVar[list[tuple[str, int]]] = contextvars.ContextVar("branch_ends")
"""The last events of the branches of the container that runs here, with their executions."""
_lock = threading.Lock()


def fill() -> None:
    """Replace what writes an event, and what walks the states of a branch."""
    sfn._add_event = add_event
    sfn._run_sub_machine = _run_branch
    sfn._run_parallel_branches = _told("Parallel", sfn._run_parallel_branches)
    sfn._run_map_items = _told("Map", sfn._run_map_items)
    sfn._fail_execution = _once(sfn._fail_execution)


def add_event(
    execution: dict[str, Any],
    kind: str,
    details: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Append an event after the latest one of this branch; none comes after the end."""
    kind, told = _as_on_aws(kind, details or {})
    event = _append(execution, kind, told)
    if kind == "TaskScheduled":
        scheduled = told["taskScheduledEventDetails"]
        started = {name: scheduled[name] for name in ("resourceType", "resource")}
        _append(execution, "TaskStarted", {"taskStartedEventDetails": started})
    return event


def _append(execution: dict[str, Any], kind: str, details: dict[str, Any]) -> dict[str, Any]:
    with _lock:
        events = execution["events"]
        event = {"id": len(events) + 1, "type": kind, "timestamp": sfn.now_iso(), **details}
        if events and events[-1]["type"] in ENDS:
            return event
        if events:
            events[0].setdefault("previousEventId", 0)  # the emulator starts an execution by itself
        event["previousEventId"] = _previous(execution)
        events.append(event)
    _last.set((execution["executionArn"], event["id"]))
    return event


def _previous(execution: dict[str, Any]) -> int:
    """The event that the next one follows from. Whoever stops an execution is in none of it."""
    arn, number = _last.get()
    if arn == execution["executionArn"]:
        return number
    events = execution["events"]
    return int(events[-1]["id"]) if len(events) > 1 else 0


def _as_on_aws(kind: str, details: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A task's resource in two words, and the type of an event that tells of a timeout."""
    told = {name: value | _resource(value.get("resource")) for name, value in details.items()}
    failed = told.get("taskFailedEventDetails", {})
    if failed.get("error") in TIMEOUTS:
        return "TaskTimedOut", {"taskTimedOutEventDetails": failed}
    return kind, told


def _resource(resource: str | None) -> dict[str, str]:
    if resource is None:
        return {}
    if not resource.startswith(OPTIMIZED):
        return {"resourceType": "lambda", "resource": resource}
    service, _, action = resource.removeprefix(OPTIMIZED).rpartition(":")
    return {"resourceType": service, "resource": action}


def _told(container: str, run: Callable[..., Any]) -> Callable[..., Any]:
    """A Parallel or Map state tells when its branches begin, and how they end."""

    def told(state: Any, given: Any, execution: Any, ctx: Any) -> Any:
        add_event(execution, f"{container}StateStarted")
        ends: list[tuple[str, int]] = []
        token = _branch_ends.set(ends)
        try:
            answer = run(state, given, execution, ctx)
        except sfn._ExecutionError:
            _after(execution, ends)
            add_event(execution, f"{container}StateFailed")
            raise
        finally:
            _branch_ends.reset(token)
        _after(execution, ends)
        add_event(execution, f"{container}StateSucceeded")
        return answer

    return told


def _after(execution: dict[str, Any], ends: list[tuple[str, int]]) -> None:
    """What comes next follows from the last event of the branch that ended last.

    The items of a distributed Map state are executions of their own, so their events do not count.
    """
    own = [end for end in ends if end[0] == execution["executionArn"]]
    if own:
        _last.set(max(own))


def _once(fail: Callable[..., None]) -> Callable[..., None]:
    """An execution that has ended stays as it is."""

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    return fail_execution


def _run_branch(states: Any, start_at: str, given: Any, execution: Any, ctx: Any) -> Any:
    """Go through the states of a branch or an item; as the emulator does it, but told of."""
    # Branches share the variables, but each is in a state of its own.
    own = {**ctx}
    try:
        return _walk(states, start_at, sfn.copy.deepcopy(given), execution, own)
    finally:
        _branch_ends.get([]).append(_last.get())


def _walk(states: Any, name: str | None, current: Any, execution: Any, ctx: Any) -> Any:
    while name:
        state = states.get(name)
        if not state:
            raise sfn._ExecutionError("States.Runtime", f"State '{name}' not found")
        kind = state.get("Type")
        ctx["State"] = {"Name": name, "EnteredTime": sfn.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(current)}
        add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        current, following = _act(kind, state, current, execution, ctx)
        left = {"name": name, "output": json.dumps(current)}
        add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": left})
        name = following
    return current


def _act(kind: str, state: Any, current: Any, execution: Any, ctx: Any) -> tuple[Any, str | None]:
    """What a state makes of its input, and which one is next."""
    if kind == "Succeed":
        taken = sfn._apply_input_path(state, current, ctx)
        return sfn._apply_output_path(state, taken, ctx), None
    if kind == "Fail":
        raise sfn._ExecutionError(*sfn._fail_state_error(state, current, ctx))
    if kind in ("Task", "Parallel", "Map"):
        act = getattr(sfn, f"_execute_{kind.lower()}")
        return act(state, current, execution, ctx)  # type: ignore[no-any-return]
    if kind in ("Pass", "Choice", "Wait"):
        act = getattr(sfn, f"_execute_{kind.lower()}")
        return act(state, current, ctx)  # type: ignore[no-any-return]
    raise sfn._ExecutionError("States.Runtime", f"Unknown state type: {kind}")
