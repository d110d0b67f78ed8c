"""Settings and commands over the HTTP API: the deployed function, the rule on replies, and a real
device.
"""

import base64
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from playground.home.state import LocalState
from playground.stack.users import Users, api_url
from tests.e2e.api_client import ApiClient, Reply
from tests.playground_cloud import Cloud, wait_for

PROBLEM = "urn:iot-playground:problem:"


@pytest.fixture(scope="module")
def admin(cloud: Cloud) -> Iterator[ApiClient]:
    users, name = Users(cloud.home), "api-commander"
    password = users.add(name, "admins")
    yield ApiClient(api_url(cloud.home), users.access_token(name, password))
    users.remove(name)


@pytest.fixture(scope="module")
def lamp(cloud: Cloud) -> Iterator[str]:
    """The name of a bulb that is online; removed afterwards."""
    made = cloud.provision({"deviceType": "bulb", "thingName": "commanded"})
    assert made.status == "SUCCEEDED", made
    cloud.wait_until_reported("commanded", time=60)
    yield "commanded"
    assert cloud.deprovision("commanded").status == "SUCCEEDED"


def change(
    admin: ApiClient, thing_name: str, desired: Mapping[str, Any], wait: int = 10, **more: Any
) -> Reply:
    path = f"/v1/devices/{thing_name}/settings?wait={wait}"
    return admin.ask("PATCH", path, {"desired": desired, **more})


def give(
    admin: ApiClient, thing_name: str, command: str, timeout: int = 10, **arguments: Any
) -> Reply:
    body = {"command": command, "arguments": arguments, "timeout": timeout}
    return admin.ask("POST", f"/v1/devices/{thing_name}/commands", body)


@contextmanager
def frozen(cloud: Cloud, thing_name: str) -> Iterator[None]:
    """A device that is connected and does nothing."""
    process = wait_for("the device's process", lambda: cloud.device_process(thing_name))
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_the_device_runs_with_what_was_patched(cloud: Cloud, admin: ApiClient, lamp: str) -> None:
    # when
    reply = change(admin, lamp, {"time": 2, "status": "on", "metrics": 1})
    # then
    assert reply.status == 200, reply.body
    assert reply.body["pending"] == []
    assert reply.body["reported"]["time"] == 2
    assert cloud.shadow(lamp)["desired"]["status"] == "on"
    # when
    merged = change(admin, lamp, {"metrics": 0, "payload": {"a": 1}, "time": 60}).body
    removed = change(admin, lamp, {"payload": None}).body
    # then
    assert (merged["reported"]["payload"], merged["reported"]["metrics"]) == ({"a": 1}, 0)
    assert "payload" not in removed["desired"]
    wait_for("generated telemetry", lambda: "payload" not in cloud.shadow(lamp)["reported"])


def test_a_value_that_the_device_would_refuse_never_reaches_it(
    cloud: Cloud, admin: ApiClient, lamp: str
) -> None:
    # given
    before = cloud.shadow(lamp)
    # when
    reply = change(
        admin, lamp, {"time": 0, "topic": "$aws/things/x", "unit": "imperial", "position": "on"}
    )
    # then
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert [error["field"] for error in reply.body["errors"]] == [
        "/desired/time",
        "/desired/topic",
        "/desired/position",
    ]
    assert cloud.shadow(lamp) == before


def test_a_stale_version_is_a_conflict(admin: ApiClient, lamp: str) -> None:
    # given
    seen = change(admin, lamp, {"debug": "on"}).body["version"]
    # when
    stale = change(admin, lamp, {"debug": "off"}, version=seen - 1)
    # then
    assert (stale.status, stale.body["type"]) == (409, f"{PROBLEM}stale-version")
    current = stale.body["currentVersion"]
    assert current >= seen
    assert change(admin, lamp, {"debug": "off"}, version=current).status == 200


def test_a_command_is_answered_by_the_device(admin: ApiClient, lamp: str) -> None:
    tampered = give(admin, lamp, "tamper", detail="lid lifted")
    assert tampered.status == 200, tampered.body
    assert tampered.body["result"] == {"topic": f"evt/playground/{lamp}/tamper"}
    assert "authorization-error" in give(admin, lamp, "help").body["result"]


def test_what_the_device_refuses_names_the_field(admin: ApiClient, lamp: str) -> None:
    refused = give(admin, lamp, "large", bytes=1)
    assert (refused.status, refused.body["type"]) == (422, f"{PROBLEM}refused-by-device")
    assert refused.body["errors"] == [
        {"field": "/arguments/bytes", "rule": "must be an integer from 512 to 131072"}
    ]
    assert give(admin, lamp, "explode").body["errors"][0]["field"] == "/command"


def test_a_device_that_is_silent_is_not_awaited_for_ever(
    cloud: Cloud, admin: ApiClient, lamp: str
) -> None:
    with frozen(cloud, lamp):
        silent = give(admin, lamp, "ping", timeout=1)
        unchanged = change(admin, lamp, {"time": 50}, wait=1)
    assert (silent.status, silent.body["type"]) == (504, f"{PROBLEM}no-reply")
    assert (unchanged.status, unchanged.body["pending"]) == (200, ["time"])
    # What was lost is only the answer.
    cloud.wait_until_reported(lamp, time=50)
    assert give(admin, lamp, "ping").status == 200


def test_a_reply_stands_under_its_things_name_for_an_hour(cloud: Cloud, lamp: str) -> None:
    # when: as the device would
    topic, said = f"cmd/playground/{lamp}/res/api/{'0' * 32}", b'{"temperature": NaN\xff'
    cloud.client("iot-data").publish(topic=topic, qos=1, payload=said)
    # then
    table, key = cloud.client("dynamodb"), {"thing_name": {"S": lamp}, "id": {"S": "0" * 32}}
    (name,) = (name for name in table.list_tables()["TableNames"] if "CommandReplies" in name)
    item = wait_for("the reply", lambda: table.get_item(TableName=name, Key=key).get("Item"))
    assert base64.b64decode(item["reply"]["S"]) == said
    assert float(item["expires"]["N"]) == pytest.approx(time.time() + 3600, abs=60)
    assert item["expires"]["N"].isdigit()
    table.delete_item(TableName=name, Key=key)


@pytest.mark.thorough
def test_a_device_that_is_offline_is_told_its_settings_later_and_no_command(
    cloud: Cloud, admin: ApiClient, lamp: str
) -> None:
    # given: nobody starts its process anew for the moment
    found = LocalState.load(cloud.paths).agent
    assert found
    agent = psutil.Process(found.pid)
    agent.suspend()
    try:
        process = wait_for("the device's process", lambda: cloud.device_process(lamp))
        os.kill(process.pid, signal.SIGKILL)
        wait_for("the broker to notice", lambda: cloud.row(lamp)["status"] == "OFFLINE")
        # when
        refused = give(admin, lamp, "ping")
        wished = change(admin, lamp, {"time": 40}, wait=0)
    finally:
        agent.resume()
    # then
    assert (refused.status, refused.body["type"]) == (409, f"{PROBLEM}device-not-online")
    assert (wished.status, wished.body["pending"]) == (200, ["time"])
    cloud.wait_until_reported(lamp, time=40)


def test_nobody_is_told_anything(admin: ApiClient) -> None:
    assert change(admin, "nobody", {"time": 2}).status == 404
    assert give(admin, "nobody", "ping").status == 404
