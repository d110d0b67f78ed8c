"""Executions: how far a workflow is, by what Step Functions has written down of it. Times and
names, never data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from common.identifiers import made_up_name
from common.jsontext import read_or_none
from control_plane.machines import PROVISION, Machines, iso, short, summary
from control_plane.problem import not_found
from control_plane.request import Answer, Request

if TYPE_CHECKING:
    from control_plane.routes import Act

# One page of the history; an execution that has tried everything has some 300 events.
MAX_EVENTS = 1000
# Ends of event types that say that an attempt was in vain.
FAILURES = ("Failed", "TimedOut", "Aborted")
OF_BRANCHES = ("ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed")
# What of a workflow's output is told: the fields of docs/contracts.md.
RESULT = (
    "thingName",
    "deviceType",
    "endpoint",
    "taskArn",
    "clusterArn",
    "certificateId",
    "configUri",
    "status",
    "reason",
    "connection",
    "result",
)


@dataclass(frozen=True)
class Executions:
    """What the API tells of executions of this stack's workflows."""

    machines: Machines

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {"describeExecution": self.describe}

    def describe(self, request: Request) -> Answer:
        """An execution, whichever of the workflows it is one of. Raises Problem 404."""
        name = request.parameters["executionName"]
        found = self.machines.find(name)
        if found is None:
            raise not_found(f"there is no execution {name}")
        return Answer(200, self._description(name, *found))

    def _description(self, name: str, workflow: str, found: Any) -> dict[str, Any]:
        arn = found["executionArn"]
        events, truncated = self.machines.events(arn, MAX_EVENTS)
        thing_name = _thing_name(workflow, found)
        return {
            **summary(workflow, found),
            "thingName": thing_name,
            "states": [state.told() for state in states_of(events)],
            "truncated": truncated,
            "result": _result(found.get("output")),
            "links": {
                "self": f"/v1/executions/{name}",
                "device": f"/v1/devices/{thing_name}" if thing_name else None,
            },
        }


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


def _thing_name(workflow: str, found: Mapping[str, Any]) -> str | None:
    asked = read_or_none(found.get("input"))
    name = asked.get("thingName") if isinstance(asked, dict) else None
    if isinstance(name, str):
        return name
    return made_up_name(found["executionArn"]) if workflow == PROVISION and name is None else None


def _result(output: str | None) -> dict[str, Any] | None:
    found = read_or_none(output)
    return (
        {name: found[name] for name in RESULT if name in found} if isinstance(found, dict) else None
    )
