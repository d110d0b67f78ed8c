"""A device's life in the local cloud: real emulator, real IoT policies, a real process over real
TLS.
"""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.playground_cloud import Cloud, wait_for
from tests.secrets_found import places_with


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[Mapping[str, Any]]:
    """A bulb that is online; removed afterwards."""
    made = cloud.provision({"deviceType": "bulb", "attributes": {"room": "kitchen"}})
    assert made.status == "SUCCEEDED", made
    cloud.wait_until_reported(made.output["thingName"], time=60)
    yield made.output
    assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


def test_settings_reach_the_device_and_are_answered(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # when
    cloud.desire(device["thingName"], time=2, unit="imperial", status="on")
    # then
    cloud.wait_until_reported(device["thingName"], time=2, unit="imperial", status="on")
    assert "delta" not in cloud.shadow(device["thingName"])


def test_one_bad_setting_blocks_no_good_one(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # when
    cloud.desire(device["thingName"], time=0, status="on", colour="red")
    # then
    reported = cloud.wait_until_reported(device["thingName"], status="on", time=60)
    assert reported["rejected"]["time"]["value"] == 0
    assert "86400" in reported["rejected"]["time"]["reason"]
    assert reported["rejected"].keys() == {"time", "colour"}
    assert cloud.shadow(device["thingName"])["delta"].keys() == {"time", "colour"}
    # when mended
    cloud.desire(device["thingName"], time=30, colour=None)
    # then
    cloud.wait_until_reported(device["thingName"], time=30)
    wait_for(
        "nothing rejected",
        lambda: not cloud.shadow(device["thingName"])["reported"].get("rejected"),
    )


def test_a_device_that_dies_comes_back_with_its_identity(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # given
    process = wait_for("the device's process", lambda: cloud.device_process(device["thingName"]))
    session = cloud.row(device["thingName"])["presence_session"]
    # when
    os.kill(process.pid, signal.SIGKILL)
    # then
    wait_for("a new session", lambda: cloud.row(device["thingName"])["presence_session"] != session)
    wait_for(
        "the device to be online", lambda: cloud.row(device["thingName"])["status"] == "ONLINE"
    )
    cloud.desire(device["thingName"], time=5)
    cloud.wait_until_reported(device["thingName"], time=5)


def test_the_key_is_gone_from_the_bucket_and_nowhere_else(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # given: the device has the key, so there was one
    process = wait_for("the device's process", lambda: cloud.device_process(device["thingName"]))
    state = process.environ()["STATE_DIR"]
    identity = f"{state}/{device['thingName']}/identity.json"
    with open(identity) as file:  # noqa: PTH123
        assert "PRIVATE KEY" in json.load(file)["privateKey"]
    assert os.stat(identity).st_mode & 0o777 == 0o600  # noqa: PTH116
    # then
    assert places_with(cloud, "PRIVATE KEY") == []


def test_a_device_whose_time_is_up_is_removed_by_the_stack(
    cloud: Cloud, nothing_left: None
) -> None:
    # given
    name = cloud.provision({"ttl": "1h"}).output["thingName"]
    row = cloud.row(name)
    assert row["expires_at"] > row["created_at"]
    # when the hour is over
    cloud.client("dynamodb").update_item(
        TableName=cloud.home.output("DeviceCatalogTableName"),
        Key={"thing_name": {"S": name}},
        UpdateExpression="SET expires_at = :past",
        ConditionExpression="expires_at = :hour",
        ExpressionAttributeValues={
            ":past": {"S": row["created_at"]},
            ":hour": {"S": row["expires_at"]},
        },
    )
    # Whichever comes first, this call or the one of the schedule.
    answer = cloud.client("lambda").invoke(FunctionName=cloud.functions["ExpireDevicesFunction"])
    assert "FunctionError" not in answer, answer["Payload"].read()
    # then
    wait_for("the removal", lambda: cloud.row(name)["status"] == "TERMINATED")
    assert "expires_at" not in cloud.row(name)
    removals = cloud.client("stepfunctions").list_executions(
        stateMachineArn=cloud.home.output("DeprovisionDeviceStateMachineArn")
    )["executions"]
    by_time = [one["executionArn"] for one in removals if one["name"].startswith("expired-")]
    assert name in [cloud.finished(arn).output["thingName"] for arn in by_time]


def test_the_search_for_keys_finds_one(cloud: Cloud, device: Mapping[str, Any]) -> None:
    """A search that finds nothing proves something only when it would find it."""
    # given
    bucket = cloud.home.output("ConfigBucketName")
    key = f"devices/{device['thingName']}/planted"
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"-----BEGIN PRIVATE KEY-----")
    cloud.execute("DeprovisionDeviceStateMachineArn", {"thingName": "PRIVATE KEY"})
    # then
    places = places_with(cloud, "PRIVATE KEY")
    assert f"s3://{bucket}/{key}" in places
    assert any(place.startswith("execution ") for place in places)
    # finally
    cloud.client("s3").delete_object(Bucket=bucket, Key=key)
