"""The log of what clients do (AWSIotLogsV2)."""

import json
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, call, fill
from tests.gaps.test_client_limits import Client, played

GAPS = ("v2_logging", "broker_log")
GROUP = "AWSIotLogsV2"


def written() -> list[dict[str, Any]]:
    """The entries, oldest first."""
    if not call("logs", "cloudwatch_logs", "DescribeLogGroups", logGroupNamePrefix=GROUP).body[
        "logGroups"
    ]:
        return []
    found = call("logs", "cloudwatch_logs", "FilterLogEvents", logGroupName=GROUP).body["events"]
    return [json.loads(event["message"]) for event in found]


def level(name: str) -> None:
    """Have the account's log at this level."""
    role = "arn:aws:iam::111122223333:role/logs"
    assert (
        call("iot", "iot", "SetV2LoggingOptions", defaultLogLevel=name, roleArn=role).status == 200
    )


async def life(client: Client) -> None:
    """A client that hears itself, and goes."""
    await client.connect(version=5)
    await client.subscribe(1)
    publish = b"\x00\x01t" + b"\x00" + b"{}"
    await client.session.handle_packet(client.iot.PKT_PUBLISH, 0, publish)
    await client.session.handle_packet(client.iot.PKT_DISCONNECT, 0, b"")
    await client.session.cleanup()


def test_the_emulator_still_writes_none() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    fill("v2_logging")
    level("DEBUG")
    played(life)
    assert written() == []


@pytest.mark.parametrize("named", ["INFO", "DEBUG"])
def test_what_a_client_does_is_written_in_its_order(named: str) -> None:
    # given
    fill("v2_logging")
    level(named)
    # when
    played(life, *GAPS)
    # then
    told = [(entry["eventType"], entry.get("topicName")) for entry in written()]
    assert told == [
        ("Connect", None),
        ("Subscribe", "t"),
        ("Publish-In", "t"),
        ("Publish-Out", "t"),
        ("Disconnect", None),
    ]


def test_an_entry_has_the_form_of_aws() -> None:
    # given
    fill("v2_logging")
    level("INFO")
    # when
    played(life, *GAPS)
    # then
    first, *_, last = written()
    assert first["traceId"] != last["traceId"]
    del first["traceId"], first["timestamp"]
    assert first == {
        "logLevel": "INFO",
        "accountId": ACCOUNT,
        "status": "Success",
        "eventType": "Connect",
        "protocol": "MQTT",
        "clientId": "lamp",
        "principalId": ACCOUNT,
    }
    assert last["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT"


@pytest.mark.parametrize("named", ["ERROR", "WARN", "DISABLED"])
def test_nothing_is_written_below_info(named: str) -> None:
    fill("v2_logging")
    level(named)
    played(life, *GAPS)
    assert written() == []


def test_nothing_is_written_by_an_account_that_has_turned_it_off() -> None:
    fill("v2_logging")
    level("INFO")
    assert call("iot", "iot", "SetV2LoggingOptions", disableAllLogs=True).status == 200
    played(life, *GAPS)
    assert written() == []


def test_a_refused_connection_is_an_error_with_its_reason() -> None:
    # given
    fill("v2_logging")
    level("INFO")

    async def refused(client: Client) -> None:
        client.session = client.iot._WSSession(client.send, ACCOUNT, REGION)
        client.session._client_id = "lamp"
        assert await client.session._refuse_connect("iot:Connect on client/lamp") is False

    # when
    played(refused, *GAPS)
    # then
    [entry] = written()
    assert (entry["logLevel"], entry["status"], entry["reason"], entry["clientId"]) == (
        "ERROR",
        "Failure",
        "AUTHORIZATION_FAILURE",
        "lamp",
    )
