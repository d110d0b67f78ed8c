"""Executions: how far a workflow is, by what Step Functions has written down of it. Times and
names, never data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.identifiers import made_up_name
from common.jsontext import read_or_none
from control_plane.machines import PROVISION, Machines, summary
from control_plane.problem import not_found
from control_plane.request import Answer, Request
from explaining.states import states_of

if TYPE_CHECKING:
    from control_plane.routes import Act

# One page of the history; an execution that has tried everything has some 300 events.
MAX_EVENTS = 1000
DEFAULT_LIMIT = 25
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
    "name",
    "devices",
    "missing",
    "result",
)


@dataclass(frozen=True)
class Executions:
    """What the API tells of executions of this stack's workflows."""

    machines: Machines

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {
            "describeExecution": self.describe,
            "listExecutions": self.page,
            "listWorkflows": self.workflows,
        }

    def page(self, request: Request) -> Answer:
        """The latest executions of one workflow, or of all."""
        asked = request.parameters
        most = asked.get("limit", DEFAULT_LIMIT)
        wanted = [asked["workflow"]] if "workflow" in asked else list(self.machines.arns)
        found = [
            (workflow, one)
            for workflow in wanted
            for one in self.machines.latest(workflow, most, asked.get("status"))
        ]
        found.sort(key=lambda item: item[1]["startDate"], reverse=True)
        return Answer(200, {"executions": [self._item(*one) for one in found[:most]]})

    def workflows(self, _request: Request) -> Answer:
        """The definition of each."""
        return Answer(
            200,
            {
                "workflows": [
                    {"name": workflow, "definition": self.machines.definition(workflow)}
                    for workflow in self.machines.arns
                ]
            },
        )

    def _item(self, workflow: str, found: Any) -> dict[str, Any]:
        # A list of Step Functions has no inputs, which name the device.
        whole = self.machines.described(found["executionArn"])
        told = summary(workflow, found)
        names = ("executionName", "workflow", "status", "startedAt", "stoppedAt")
        return {
            **{name: told[name] for name in names},
            "thingName": _thing_name(workflow, whole) if whole else None,
        }

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
