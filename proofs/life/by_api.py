"""The life that a user of the HTTP API sees."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from proofs.life.life import Life, sample

UPKEEP = (
    ("POST /v1/devices/{thingName}/stop", None),
    ("POST /v1/devices/{thingName}/restart", None),
    ("PUT /v1/devices/{thingName}/quarantine", {"reason": "the proof asks for it"}),
    ("DELETE /v1/devices/{thingName}/quarantine", None),
)
"""Whatever confines it also takes its links away: last, before it is removed."""


def by_api(life: Life) -> None:
    """Made, looked at, told something, linked, restarted, confined and removed by the function
    that API Gateway calls.
    """
    followed(
        life, ask(life, "POST /v1/devices", {"thingName": life.thing_name, "deviceType": "bulb"})
    )
    found = ask(life, "GET /v1/devices/{thingName}", thingName=life.thing_name)
    parts = ("shadow", "certificate", "execution", "presence")
    life.expect("ControlPlane", "a whole device is described", all(found[part] for part in parts))
    listed = ask(life, "GET /v1/devices")["devices"]
    life.expect(
        "ControlPlane", "it is listed", life.thing_name in [one["thingName"] for one in listed]
    )
    ask(
        life,
        "PATCH /v1/devices/{thingName}/settings",
        {"desired": {"time": 5}},
        thingName=life.thing_name,
    )
    ask(
        life,
        "POST /v1/devices/{thingName}/commands",
        {"command": "ping"},
        thingName=life.thing_name,
    )
    explained(life)
    life.wall.hang()
    ask(
        life,
        "PUT /v1/devices/{thingName}/links/{target}",
        thingName=life.wall.name,
        target=life.thing_name,
    )
    for route, body in UPKEEP:
        repeated(life, route, body)
    followed(life, ask(life, "DELETE /v1/devices/{thingName}", thingName=life.thing_name))
    life.wall.remove()


def explained(life: Life) -> None:
    """What happened to it, why, and what it may; a job that it refuses among that."""
    name = life.thing_name
    job_id, iot = f"why-{uuid.uuid4().hex[:8]}", life.cloud.client("iot")
    arn = iot.describe_thing(thingName=name)["thingArn"]
    iot.create_job(jobId=job_id, targets=[arn], document='{"operation": "dance"}')

    def told() -> bool:
        found = ask(life, "GET /v1/devices/{thingName}/why", thingName=name)["troubles"]
        return any("INVALID_DOCUMENT" in one["cause"] for one in found if one["kind"] == "job")

    life.wait("the API's answer to why", told, life.function_refusal)
    iot.delete_job(jobId=job_id, force=True)
    page = ask(life, "GET /v1/devices/{thingName}/timeline", thingName=name)
    kinds = {entry["kind"] for entry in page["entries"]}
    life.expect("Explain", "its record has a setting", {"desired", "reported"} <= kinds)
    question = {"thingName": name, "action": "publish", "resource": f"dt/playground/{name}/x"}
    answer = ask(life, "POST /v1/policies/explain", question)
    life.expect("Explain", "its policy allows it", answer["decision"] == "ALLOWED")
    live = ask(life, "POST /v1/live", {"thingName": name})
    life.expect("Explain", "a signed URL", "X-Amz-Signature=" in live["url"])
    life.expect("ControlPlane", "workflows", bool(ask(life, "GET /v1/workflows")["workflows"]))
    life.expect("ControlPlane", "executions", bool(ask(life, "GET /v1/executions")["executions"]))


def repeated(life: Life, route: str, body: Any) -> None:
    """To the end, and again where it has failed: the device is then as it was before. A function
    that is refused more than its state's retries can bear fails, and what it was refused is given
    back meanwhile.
    """
    for _ in range(TRIES):
        accepted = ask(life, route, body, thingName=life.thing_name)
        status = ended(life, accepted)
        if status == "SUCCEEDED":
            return
    life.expect("ControlPlane", f"{accepted['workflow']} comes through", fulfilled=False)


def ended(life: Life, accepted: Mapping[str, Any]) -> str:
    found: dict[str, Any] = {}

    def over() -> bool:
        found.update(ask(life, EXECUTION, executionName=accepted["executionName"]))
        return bool(found["status"] != "RUNNING")

    life.wait(f"the end of the API's {accepted['workflow']}", over, life.refusal)
    return str(found["status"])


def followed(life: Life, accepted: Mapping[str, Any]) -> None:
    name = accepted["executionName"]
    life.wait(
        f"the API's {accepted['workflow']}",
        lambda: bool(ask(life, EXECUTION, executionName=name)["status"] == "SUCCEEDED"),
        life.refusal,
    )


EXECUTION = "GET /v1/executions/{executionName}"
TRIES = 6
TRY_AGAIN, AGAIN = 503, 2
"""What the API says of a call that took too long, and how often its caller does as told."""
EXPLAINED = ("/timeline", "/why", "/explain", "/live")
"""Ends of the routes that lead to Explain; all others lead to ControlPlane (template.yaml)."""


def ask(life: Life, route: str, body: Any = None, **path: str) -> dict[str, Any]:
    method, _, template = route.partition(" ")
    function = "Explain" if template.endswith(EXPLAINED) else "ControlPlane"
    event = sample("control_plane")
    event |= {"routeKey": route, "rawPath": template.format(**path), "pathParameters": path}
    event["requestContext"]["http"] |= {"method": method, "path": event["rawPath"]}
    event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = "[admins]"
    if body is not None:
        event |= {"body": json.dumps(body), "headers": {"content-type": "application/json"}}
    answer = life.call(function, event)
    for _ in range(AGAIN):
        if answer["statusCode"] != TRY_AGAIN:
            break
        answer = life.call(function, event)
    if answer["statusCode"] >= 400:
        # The API does not tell its callers what AWS said; its log does.
        life.wait(
            f"the API: {route}", lambda: False, lambda: life.function_refusal() or answer["body"]
        )
    said: dict[str, Any] = json.loads(answer["body"])
    return said
