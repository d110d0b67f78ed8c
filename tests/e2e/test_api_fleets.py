"""Fleets by the deployed HTTP API: made, shown, changed, listed and removed without credentials of
AWS.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from playground.stack.users import Users, api_url
from tests.e2e.api_client import ApiClient, Reply
from tests.playground_cloud import Cloud, wait_for

pytestmark = pytest.mark.thorough

LAMPS = {"name": "lamp", "count": 2, "deviceType": "bulb"}
METERS = {"name": "meter", "count": 1, "deviceType": "meter", "identity": "csr"}
FILE = {"name": "cellar", "groups": [LAMPS, METERS]}
NAMES = ["cellar-lamp-0001", "cellar-lamp-0002", "cellar-meter-0001"]
KEY = {"Idempotency-Key": '"a-fleet-of-mine"'}


@pytest.fixture(scope="module")
def clients(cloud: Cloud) -> Iterator[Mapping[str, ApiClient]]:
    """An admin's and a viewer's."""
    users, anonymous = Users(cloud.home), ApiClient(api_url(cloud.home))
    names = {"admins": "fleet-admin", "viewers": "fleet-viewer"}
    passwords = {group: users.add(name, group) for group, name in names.items()}
    yield {
        group: anonymous.with_token(users.access_token(name, passwords[group]))
        for group, name in names.items()
    }
    for name in names.values():
        users.remove(name)


@pytest.fixture
def admin(clients: Mapping[str, ApiClient]) -> ApiClient:
    return clients["admins"]


@pytest.fixture
def viewer(clients: Mapping[str, ApiClient]) -> ApiClient:
    return clients["viewers"]


def ended(client: ApiClient, accepted: Reply) -> Any:
    """What the API tells of the execution that was started, when it is over."""
    assert accepted.status == 202, accepted.body

    def look() -> Any:
        found = client.ask("GET", accepted.body["links"]["execution"]).body
        return found if found["status"] != "RUNNING" else None

    return wait_for(f"{accepted.body['executionName']} to end", look, 120)


def devices(client: ApiClient) -> dict[str, str]:
    """Name and status of those that are there."""
    found = client.ask("GET", "/v1/devices?text=cellar-&limit=100").body["devices"]
    return {one["thingName"]: one["status"] for one in found}


def test_a_fleet_from_the_request_to_its_removal(
    admin: ApiClient, viewer: ApiClient, nothing_left: None
) -> None:
    # given a request that is made twice
    accepted, again = (admin.ask("POST", "/v1/fleets", FILE, KEY) for _ in range(2))
    assert again.body == accepted.body
    # when it is under way, nothing else may have the fleet
    links = wait_for("the fleet", lambda: viewer.ask("GET", "/v1/fleets/cellar").body.get("links"))
    assert links == accepted.body["links"]
    for other in (admin.ask("POST", "/v1/fleets", FILE), admin.ask("DELETE", "/v1/fleets/cellar")):
        assert (other.status, other.body["type"]) == (409, "urn:iot-playground:problem:conflict")
    # then
    done = ended(viewer, accepted)
    assert (done["workflow"], done["status"]) == ("provision-fleet", "SUCCEEDED"), done
    assert done["result"] == {"name": "cellar", "devices": 3, "missing": 0, "result": "OK"}
    assert {"PlanFleet", "ProvisionDevices", "SettleFleet"} <= {
        state["name"] for state in done["states"]
    }
    assert devices(viewer) == dict.fromkeys(NAMES, "ONLINE")
    # and it is shown, and listed
    shown = viewer.ask("GET", "/v1/fleets/cellar").body
    assert (shown["status"], shown["devices"]) == ("READY", 3)
    assert shown["groups"] == [
        {name: group[name] for name in ("name", "deviceType", "count")} for group in (LAMPS, METERS)
    ]
    assert shown["links"] == {"self": "/v1/fleets/cellar", "execution": None}
    listed = viewer.ask("GET", "/v1/fleets").body["fleets"]
    of_a_list = {name: shown[name] for name in shown.keys() - {"groups", "links"}}
    assert listed == [of_a_list]
    # and the same key is still the same request, and is none of another one
    assert admin.ask("POST", "/v1/fleets", FILE, KEY).body == accepted.body
    fewer = {**FILE, "groups": [{**LAMPS, "count": 1}, METERS]}
    reused = admin.ask("POST", "/v1/fleets", fewer, KEY)
    assert (reused.status, reused.body["errors"][0]["field"]) == (422, "Idempotency-Key")
    # and when it is made smaller
    changed = ended(admin, admin.ask("POST", "/v1/fleets", fewer))
    assert changed["result"]["devices"] == 2, changed
    assert devices(viewer).keys() == {NAMES[0], NAMES[2]}
    # and removed, by a request that is made until it is gone
    removal = admin.ask("DELETE", "/v1/fleets/cellar")
    done = ended(admin, removal)
    assert (done["workflow"], done["status"]) == ("remove-fleet", "SUCCEEDED"), done
    assert admin.ask("DELETE", "/v1/fleets/cellar").status == 404
    assert viewer.ask("GET", "/v1/fleets/cellar").status == 404
    assert viewer.ask("GET", "/v1/fleets").body == {"fleets": []}
    assert devices(viewer) == {}
    for workflow in ("provision-fleet", "remove-fleet"):
        latest = viewer.ask("GET", f"/v1/executions?workflow={workflow}&limit=2").body["executions"]
        assert latest
        assert {one["workflow"] for one in latest} == {workflow}


def test_a_removal_that_is_under_way_is_led_to(admin: ApiClient, nothing_left: None) -> None:
    # given
    lamps = {**FILE, "groups": [LAMPS]}
    assert ended(admin, admin.ask("POST", "/v1/fleets", lamps))["status"] == "SUCCEEDED"
    removal = admin.ask("DELETE", "/v1/fleets/cellar")
    wait_for(
        "the removal to have the fleet",
        lambda: admin.ask("GET", "/v1/fleets/cellar").body["status"] == "REMOVING",
    )
    # when
    again = admin.ask("DELETE", "/v1/fleets/cellar")
    # then
    assert (again.status, again.body) == (202, removal.body)
    assert again.headers["location"] == removal.headers["location"]
    assert ended(admin, removal)["status"] == "SUCCEEDED"


def test_what_breaks_a_rule_makes_nothing(
    admin: ApiClient, viewer: ApiClient, nothing_left: None
) -> None:
    for wrong, field in (
        ({"count": "2"}, "/groups/1/count"),
        ({"name": "lamp"}, "/groups/1/name"),
        ({"thingName": "cellar-lamp-{number}"}, "/groups/1/thingName"),
        ({"model": {"telemetry": {}, "x": "y" * 16_384}}, "/groups/1/model"),
    ):
        reply = admin.ask("POST", "/v1/fleets", {**FILE, "groups": [LAMPS, {**METERS, **wrong}]})
        assert (reply.status, reply.body["errors"][0]["field"]) == (400, field)
    too_large = {**FILE, "groups": [{**LAMPS, "attributes": {"a": "x" * 65_536}}]}
    assert admin.ask("POST", "/v1/fleets", too_large).status == 413
    for method, path in (("POST", "/v1/fleets"), ("DELETE", "/v1/fleets/cellar")):
        assert viewer.ask(method, path, FILE if method == "POST" else None).status == 403
    for method in ("GET", "DELETE"):
        assert admin.ask(method, "/v1/fleets/cellar").status == 404


def test_a_name_that_is_taken_is_told_by_the_execution(
    admin: ApiClient, cloud: Cloud, nothing_left: None
) -> None:
    # given a device that is somebody's
    assert cloud.provision({"thingName": NAMES[0]}).status == "SUCCEEDED"
    # when
    done = ended(admin, admin.ask("POST", "/v1/fleets", FILE))
    # then
    assert (done["status"], done["error"]) == ("FAILED", "ThingExists")
    assert admin.ask("GET", "/v1/fleets/cellar").status == 404
    assert cloud.deprovision(NAMES[0]).status == "SUCCEEDED"
