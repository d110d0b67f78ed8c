"""What is answered when a workflow was started: `Accepted` of the OpenAPI document."""

from collections.abc import Mapping

from control_plane.request import Answer


def accepted(thing_name: str, workflow: str, name: str, location: str) -> Answer:
    """`location` is relative to the URL that was asked: the API may stand below any path."""
    return _answer({"thingName": thing_name}, f"/v1/devices/{thing_name}", workflow, name, location)


def fleet_accepted(fleet_name: str, workflow: str, name: str, location: str) -> Answer:
    """The same of a fleet: `FleetAccepted`."""
    return _answer({"name": fleet_name}, f"/v1/fleets/{fleet_name}", workflow, name, location)


def _answer(
    whose: Mapping[str, str], there: str, workflow: str, name: str, location: str
) -> Answer:
    links = {"self": there, "execution": f"/v1/executions/{name}"}
    body = {**whose, "executionName": name, "workflow": workflow, "links": links}
    return Answer(202, body, {"Location": location})
