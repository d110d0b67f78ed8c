"""From an execution's history to the steps a person wants to see. Pure: events in, steps out.

Event types are those of GetExecutionHistory (Step Functions API reference, HistoryEvent).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from common.jsontext import read_or_none

Status = Literal["pending", "running", "retrying", "done", "failed"]
# Parts of event types that end an attempt without success.
FAILURES = ("Failed", "TimedOut", "Aborted")


@dataclass(frozen=True)
class Step:
    """One Task state: how it stands, since and until when, how often it was tried again, its last
    error, and whether the execution has left it.
    """

    name: str
    status: Status = "pending"
    started: datetime | None = None
    ended: datetime | None = None
    retries: int = 0
    error: str = ""
    cause: str = ""
    left: bool = False

    def seconds(self, now: datetime) -> float | None:
        """How long the step took, or has taken so far; None when it has not begun."""
        return ((self.ended or now) - self.started).total_seconds() if self.started else None


def task_names(
    definition: Mapping[str, Any], given: Mapping[str, Any] = MappingProxyType({})
) -> list[str]:
    """Names of the Task states of an ASL definition in the order of a run, branches of a Parallel
    one after another.

    A Choice goes by the field of the execution's input, `given`, that its variable is named after;
    else by its default.
    """
    names: list[str] = []
    states: Mapping[str, Any] = definition.get("States", {})
    current = str(definition.get("StartAt", ""))
    seen: set[str] = set()
    while current in states and current not in seen:
        seen.add(current)
        state = states[current]
        if state.get("Type") == "Task":
            names.append(current)
        for branch in state.get("Branches", []):
            names += task_names(branch, given)
        current = str(state.get("Next") or _chosen(state, given) or state.get("Default") or "")
    return names


def _chosen(state: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    for choice in state.get("Choices", []):
        field = str(choice.get("Variable", "")).rpartition(".")[2]
        # The workflow's data has one name for what the input may call by either.
        asked = given.get(field, given.get("method") if field == "identity" else None)
        if "StringEquals" in choice and asked == choice["StringEquals"]:
            return str(choice["Next"])
    return ""


def steps_of(events: Sequence[Mapping[str, Any]], expected: Iterable[str] = ()) -> list[Step]:
    """Every expected step, pending when it has not begun, and the unexpected ones (clean-up) as
    they come.
    """
    steps = {name: Step(name) for name in expected}
    owners: dict[int, str] = {}
    for event in events:
        name = _owner(event, owners)
        if name:
            owners[event["id"]] = name
            steps[name] = _after(steps.get(name, Step(name)), event)
        if event["type"] == "ParallelStateExited":
            # A branch that failed is not left by itself, nor is one that was aborted with it.
            steps = {name: _ended(step, event["timestamp"]) for name, step in steps.items()}
    over = (
        bool(events)
        and events[-1]["type"].startswith("Execution")
        and events[-1]["type"].endswith(FAILURES)
    )
    return [_ended(step, events[-1]["timestamp"]) if over else step for step in steps.values()]


@dataclass(frozen=True)
class Happening:
    """One line about an execution."""

    number: int
    at: datetime
    text: str
    failed: bool = False


def happenings(events: Sequence[Mapping[str, Any]]) -> list[Happening]:
    """What there is to tell of an execution: its beginning and end, its tasks, and what failed."""
    owners: dict[int, str] = {}
    found = []
    for event in events:
        name = _owner(event, owners)
        if name:
            owners[event["id"]] = name
        text = _told(event, name)
        if text:
            failed = event["type"].endswith(FAILURES)
            found.append(Happening(event["id"], event["timestamp"], text, failed))
    return found


def _told(event: Mapping[str, Any], name: str) -> str:
    kind = event["type"]
    if kind.endswith(FAILURES):
        error, cause = _failure_details(event)
        how = kind.removeprefix("Execution").removeprefix("Task").lower()
        return f"{name or 'execution'} {how}: {told(error, readable_cause(cause))}"
    if kind.startswith("Execution"):
        return f"execution {kind.removeprefix('Execution').lower()}"
    return {"TaskStateEntered": f"{name} begins", "TaskStateExited": f"{name} ends"}.get(kind, "")


def _ended(step: Step, at: datetime) -> Step:
    """A step of what has failed: one that had begun and was not left is where it failed."""
    return (
        step
        if step.left or step.started is None
        else replace(step, status="failed", ended=step.ended or at)
    )


def _owner(event: Mapping[str, Any], owners: Mapping[int, str]) -> str:
    """The Task state that an event names or descends from; empty for the events of other states."""
    kind = event["type"]
    if kind.startswith("TaskState"):
        return _state_name(event)
    if kind.startswith(("Task", "LambdaFunction", "Activity")):
        return owners.get(event.get("previousEventId", 0), "")
    return ""


def _state_name(event: Mapping[str, Any]) -> str:
    details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    return str(details.get("name", ""))


def _after(step: Step, event: Mapping[str, Any]) -> Step:
    kind, at = event["type"], event["timestamp"]
    if kind == "TaskStateEntered":
        return Step(step.name, "running", at)
    if kind == "TaskStateExited":
        return replace(step, status="failed" if step.error else "done", ended=at, left=True)
    if kind.endswith(FAILURES):
        error, cause = _failure_details(event)
        return replace(step, status="retrying", error=error, cause=cause)
    if kind.endswith("Scheduled") and step.error:
        return replace(step, retries=step.retries + 1)
    if kind.endswith("Succeeded"):
        return replace(step, status="running", error="", cause="")
    return step


def _failure_details(event: Mapping[str, Any]) -> tuple[str, str]:
    for name, value in event.items():
        if name.endswith("EventDetails") and isinstance(value, Mapping):
            return str(value.get("error", "")) or "Error", str(value.get("cause", ""))
    return "Error", ""


def told(error: str, cause: str) -> str:
    """Error name and cause."""
    return f"{error}: {cause}" if error else cause


def readable_cause(cause: str) -> str:
    """The message inside a Lambda error's JSON, or the text as it is."""
    found = read_or_none(cause)
    return str(found.get("errorMessage", cause)) if isinstance(found, dict) else cause
