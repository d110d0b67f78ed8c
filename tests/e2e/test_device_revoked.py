"""A certificate that stops being valid while its device is connected."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from playground.local.log_files import device_log
from tests.playground_cloud import Cloud, wait_for


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[Mapping[str, Any]]:
    """A device that is online; removed afterwards."""
    made = cloud.provision({})
    assert made.status == "SUCCEEDED", made
    yield made.output
    assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


def log_of(cloud: Cloud, device: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the device has logged."""
    task_id = cloud.row(device["thingName"])["task_arn"].rpartition("/")[2]
    return [json.loads(line) for line in device_log(cloud.paths, task_id).read_text().splitlines()]


def test_unhappy_a_certificate_is_revoked_while_connected(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # Given a device that is connected
    thing, iot = device["thingName"], cloud.client("iot")
    cloud.wait_until_reported(thing, time=60)
    # When its certificate is made inactive, and the connection ends (AWS ends it within minutes,
    # the emulator never)
    iot.update_certificate(certificateId=device["certificateId"], newStatus="INACTIVE")
    cloud.desire(thing, reconnect="now")
    # Then it loses the connection, says why it can't get back, and goes on trying, with growing
    # pauses
    wait_for("the device to be offline", lambda: cloud.row(thing)["status"] == "OFFLINE")

    def refusals() -> list[dict[str, Any]]:
        return [line for line in log_of(cloud, device) if line["message"] == "cannot connect"]

    wait_for("two attempts in vain", lambda: len(refusals()) >= 2, limit=60)
    reasons = [line["reason"] for line in refusals()]
    assert all("certificate" in reason for reason in reasons), reasons
    # When it is active again
    iot.update_certificate(certificateId=device["certificateId"], newStatus="ACTIVE")
    # Then the device is back by itself, and follows its shadow
    wait_for("the device to be online", lambda: cloud.row(thing)["status"] == "ONLINE", limit=90)
    cloud.desire(thing, time=7)
    cloud.wait_until_reported(thing, time=7)
