"""The states that an execution went through, by its history. Times and names, never data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from common.moments import as_text

FAILURES = ("Failed", "TimedOut", "Aborted")
"""Ends of event types that say that an attempt has failed."""
OF_BRANCHES = ("ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed")
MAX_CAUSE = 1000


@dataclass(frozen=True)
class State:
    """One visit of a state, with what its latest attempt has ended in."""

    name: str
    entered_at: str
    exited_at: str | None = None
    attempts: int = 0
    error: str | None = None
    cause: str | None = None

    def told(self) -> dict[str, Any]:
        """As the OpenAPI document has it."""
        return {
            "name": self.name,
            "enteredAt": self.entered_at,
            "exitedAt": self.exited_at,
            "attempts": self.attempts,
            "error": self.error,
            "cause": self.cause,
        }


def states_of(events: Iterable[Mapping[str, Any]]) -> list[State]:
    """From a history:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html

    An event belongs to the state that the event before it, `previousEventId`, belongs to: branches
    run side by side. What a Parallel state says of its branches is no attempt of the last one's.
    """
    states: dict[int, State] = {}
    owner: dict[int, int] = {}
    for event in events:
        number, kind = event["id"], event["type"]
        before = owner.get(event.get("previousEventId", 0), 0)
        if kind.endswith("StateEntered"):
            states[number] = State(
                event["stateEnteredEventDetails"]["name"], str(iso(event["timestamp"]))
            )
            before = number
        elif kind.endswith("StateExited"):
            before = _left(states, event["stateExitedEventDetails"]["name"])
        if before and before != number and kind not in OF_BRANCHES:
            states[before] = _after(states[before], kind, event)
        owner[number] = before
    return list(states.values())


def _left(states: Mapping[int, State], name: str) -> int:
    """Number of the visit that an exit ends; 0 for none. A Parallel state is left by an event after
    its branches'.
    """
    return max(
        (number for number, state in states.items() if state.name == name and not state.exited_at),
        default=0,
    )


def _after(state: State, kind: str, event: Mapping[str, Any]) -> State:
    if kind.endswith("StateExited"):
        return replace(state, exited_at=iso(event["timestamp"]))
    if kind.endswith("Scheduled"):
        return replace(state, attempts=state.attempts + 1)
    if kind.endswith("Succeeded"):
        return replace(state, error=None, cause=None)
    if kind.endswith(FAILURES) and not kind.startswith("Execution"):
        details: Mapping[str, str] = next(
            (value for key, value in event.items() if key.endswith("EventDetails")), {}
        )
        return replace(state, error=details.get("error") or kind, cause=short(details.get("cause")))
    return state


def failed_state(states: Iterable[State], error: str) -> str:
    """The first state whose latest attempt ended in this error, or in any; empty for none."""
    failed = [state for state in states if state.error]
    exact = [state.name for state in failed if state.error == error]
    return next(iter(exact), failed[0].name if failed else "")


def short(cause: str | None) -> str | None:
    """The beginning of a cause."""
    return cause[:MAX_CAUSE] if cause else None


def iso(at: datetime | None) -> str | None:
    """As the catalog writes times."""
    return as_text(at) if at else None
