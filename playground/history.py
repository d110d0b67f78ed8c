"""From an execution's history to the steps a person wants to see. Pure: events in, steps out.

Event types are those of GetExecutionHistory (Step Functions API reference, HistoryEvent).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

Status = Literal["pending", "running", "retrying", "done", "failed"]
# Parts of event types that end an attempt without success.
FAILURES = ("Failed", "TimedOut", "Aborted")


@dataclass(frozen=True)
class Step:
    """One Task state: how it stands, since and until when, how often it was tried again, and its last error."""

    name: str
    status: Status = "pending"
    started: datetime | None = None
    ended: datetime | None = None
    retries: int = 0
    error: str = ""
    cause: str = ""

    def seconds(self, now: datetime) -> float | None:
        """How long the step took, or has taken so far; None when it has not begun."""
        return ((self.ended or now) - self.started).total_seconds() if self.started else None


def task_names(definition: Mapping[str, Any]) -> list[str]:
    """Names of the Task states of an ASL definition in the order of a run, branches of a Parallel one after another."""
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
            names += task_names(branch)
        current = str(state.get("Next") or state.get("Default") or "")
    return names


def steps_of(events: Sequence[Mapping[str, Any]], expected: Iterable[str] = ()) -> list[Step]:
    """Every expected step, pending when it has not begun, and the unexpected ones (clean-up) as they come."""
    steps = {name: Step(name) for name in expected}
    owner: dict[int, str] = {}
    for event in events:
        kind, number = event["type"], event["id"]
        name = _state_name(event) or owner.get(event.get("previousEventId", 0), "")
        if kind.startswith("TaskState") or (name in steps and _owns(kind)):
            owner[number] = name
            steps[name] = _after(steps.get(name, Step(name)), event)
    return list(steps.values())


def _state_name(event: Mapping[str, Any]) -> str:
    details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    return str(details.get("name", ""))


def _owns(kind: str) -> bool:
    return kind.startswith(("Task", "LambdaFunction", "Activity"))


def _after(step: Step, event: Mapping[str, Any]) -> Step:
    kind, at = event["type"], event["timestamp"]
    if kind == "TaskStateEntered":
        return Step(step.name, "running", at)
    if kind.endswith(FAILURES):
        details = _failure_details(event)
        # Until a new attempt is scheduled, or the state is left, this may be the end.
        return replace(step, status="failed", ended=at, error=details[0], cause=details[1])
    if kind == "TaskStateExited":
        return replace(step, status="failed" if step.status == "failed" else "done", ended=at)
    if kind.endswith("Scheduled") and step.status == "failed":
        return replace(step, status="retrying", ended=None, retries=step.retries + 1)
    if kind.endswith("Succeeded"):
        return replace(step, status="running", error="", cause="")
    return step


def _failure_details(event: Mapping[str, Any]) -> tuple[str, str]:
    for name, value in event.items():
        if name.endswith("EventDetails") and isinstance(value, Mapping):
            return str(value.get("error", "")), str(value.get("cause", ""))
    return "", ""


def readable_cause(cause: str) -> str:
    """The message inside a Lambda error's JSON, or the text as it is."""
    try:
        found = json.loads(cause)
    except ValueError:
        return cause
    return str(found.get("errorMessage", cause)) if isinstance(found, dict) else cause
