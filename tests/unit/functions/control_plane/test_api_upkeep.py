"""Restart, stop, quarantine and release by the HTTP API: which workflow begins, and with what."""

from typing import Any
from urllib.parse import urljoin

import pytest

from tests.unit.api import VIEWER, Api
from tests.unit.stack import EXECUTION

OPERATIONS = ("restartDevice", "stopDevice", "quarantineDevice", "releaseDevice")
REASON = {"reason": "looks odd"}


def call(api: Api, operation: str, **more: Any) -> Any:
    body = REASON if operation == "quarantineDevice" else None
    return api.call(operation, thingName="lamp", body=body, **more)


@pytest.mark.parametrize(
    ("operation", "query", "workflow", "given", "url"),
    [
        ("restartDevice", {}, "restart-device", {}, "restart"),
        ("stopDevice", {}, "restart-device", {"stop": True}, "stop"),
        ("quarantineDevice", {}, "quarantine-device", REASON, "quarantine"),
        ("releaseDevice", {}, "release-device", {}, "quarantine"),
        ("releaseDevice", {"force": "true"}, "release-device", {"force": True}, "quarantine"),
        ("releaseDevice", {"force": "false"}, "release-device", {}, "quarantine"),
    ],
)
def test_its_workflow_is_started(
    api: Api,
    lamp: str,
    workflows: Any,
    operation: str,
    query: dict[str, str],
    workflow: str,
    given: dict[str, Any],
    url: str,
) -> None:
    reply = call(api, operation, query=query)

    assert (reply.status, reply.body["workflow"]) == (202, workflow)
    ((arn, asked),) = workflows.started.items()
    assert f":playground-{workflow}:" in arn
    assert asked == {"thingName": lamp, **given}
    assert urljoin(f"https://host/v1/devices/lamp/{url}", reply.headers["Location"]) == (
        f"https://host{reply.body['links']['execution']}"
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_of_a_device_that_is_not_there_there_is_nothing_to_do(
    api: Api, catalog: Any, workflows: Any, operation: str
) -> None:
    assert call(api, operation).status == 404
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.take(catalog.row("lamp"), "remover")
    catalog.release("lamp", "remover", "TERMINATED")
    assert call(api, operation).status == 404
    assert workflows.started == {}


@pytest.mark.parametrize("operation", ["restartDevice", "stopDevice"])
def test_a_device_that_is_not_virtual_has_no_task(
    api: Api, lamp: str, catalog: Any, workflows: Any, operation: str
) -> None:
    # given
    catalog.update(lamp, EXECUTION, hosting="none")
    # when
    reply = call(api, operation)
    # then
    assert (reply.status, reply.body["title"]) == (409, "Conflict with the present state")
    assert "lamp is not virtual" in reply.body["detail"]
    assert workflows.started == {}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_viewer_may_not(api: Api, lamp: str, workflows: Any, operation: str) -> None:
    api.claims = VIEWER
    assert call(api, operation).status == 403
    assert workflows.started == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x" * 513}, "/reason"),
        ({"reason": "odd", "verdict": {}}, "verdict"),
    ],
)
def test_a_quarantine_says_why(
    api: Api, lamp: str, workflows: Any, body: dict[str, Any], told: str
) -> None:
    reply = api.call("quarantineDevice", thingName=lamp, body=body)

    assert reply.status == 400
    assert any(told in field for field in reply.fields)
    assert workflows.started == {}


def test_a_blank_reason_is_told_in_words(api: Api, lamp: str) -> None:
    reply = api.call("quarantineDevice", thingName=lamp, body={"reason": " "})

    assert reply.body["detail"] == "/reason: must not be blank"


def test_force_is_true_or_false(api: Api, lamp: str) -> None:
    assert call(api, "releaseDevice", query={"force": "yes"}).status == 400


def test_a_device_in_quarantine_says_why(api: Api, lamp: str, table: Any) -> None:
    def told() -> list[Any]:
        listed = api.call("listDevices").body["devices"][0]
        described = api.call("describeDevice", thingName=lamp).body["catalog"]
        return [listed["statusReason"], described["statusReason"]]

    assert told() == [None, None]
    for name, value in (("quarantine_reason", "looks odd"), ("status_reason", "it was stopped")):
        table.update_item(
            Key={"thing_name": lamp},
            UpdateExpression=f"SET {name} = :value",
            ExpressionAttributeValues={":value": value},
        )
        assert told() == [value, value]
