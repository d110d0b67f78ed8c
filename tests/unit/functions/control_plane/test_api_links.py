"""Links by the HTTP API, which asks LinkDevices."""

from typing import Any

import pytest

from tests.unit.api import VIEWER, Api
from tests.unit.built import CLIENTS
from tests.unit.doubles import faults
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.stack import EXECUTION, OTHER_EXECUTION


@pytest.fixture
def api(
    context: Any, table: Any, iot: Any, shadows: Any, workflows: Any, functions: MemoryFunctions
) -> Api:
    return Api(context)


@pytest.fixture
def devices(api: Api, catalog: Any) -> None:
    """A switch `wall` and a bulb `lamp`, as the catalog knows them."""
    for name, device_type, execution in (
        ("wall", "switch", EXECUTION),
        ("lamp", "bulb", OTHER_EXECUTION),
    ):
        catalog.claim(name, device_type, execution)
        catalog.update(name, execution, status="ONLINE")


@pytest.mark.usefixtures("devices")
def test_a_link_is_made_and_ended(api: Api, catalog: Any) -> None:
    for _ in range(2):
        reply = api.call("linkDevices", thingName="wall", target="lamp")
        assert (reply.status, reply.body) == (200, {"thingName": "wall", "targets": ["lamp"]})
    assert catalog.row("lamp")["linked_from"] == {"wall"}
    for _ in range(2):
        reply = api.call("unlinkDevices", thingName="wall", target="lamp")
        assert (reply.status, reply.body) == (200, {"thingName": "wall", "targets": []})
    assert "linked_from" not in catalog.row("lamp")


@pytest.mark.usefixtures("devices")
def test_what_can_not_be_linked(api: Api, catalog: Any) -> None:
    for switch, target, status, fields in (
        ("lamp", "wall", 409, ["thingName"]),
        ("wall", "wall", 409, ["target"]),
        ("wall", "update", 400, ["target"]),
        ("wall", "nobody", 404, []),
    ):
        reply = api.call("linkDevices", thingName=switch, target=target)
        assert (reply.status, reply.fields) == (status, fields), reply.body
    catalog.update("lamp", OTHER_EXECUTION, restarting="arn")
    reply = api.call("linkDevices", thingName="wall", target="lamp")
    assert (reply.status, reply.body["detail"]) == (409, "target: lamp is being restarted")


@pytest.mark.usefixtures("devices")
def test_aws_asks_for_patience(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    with faults.refused(CLIENTS.client("iot-data"), "UpdateThingShadow"):
        assert api.call("linkDevices", thingName="wall", target="lamp").status == 503


@pytest.mark.usefixtures("devices")
def test_a_viewer_links_nothing(api: Api, functions: MemoryFunctions) -> None:
    api.claims = VIEWER
    assert api.call("linkDevices", thingName="wall", target="lamp").status == 403
    assert api.call("unlinkDevices", thingName="wall", target="lamp").status == 403
    assert functions.asked == []
