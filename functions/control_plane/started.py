"""What is answered when a workflow was started: `Accepted` of the OpenAPI document."""

from control_plane.request import Answer


def accepted(thing_name: str, workflow: str, name: str, location: str) -> Answer:
    """`location` is relative to the URL that was asked: the API may stand below any path."""
    links = {"self": f"/v1/devices/{thing_name}", "execution": f"/v1/executions/{name}"}
    body = {"thingName": thing_name, "executionName": name, "workflow": workflow, "links": links}
    return Answer(202, body, {"Location": location})
