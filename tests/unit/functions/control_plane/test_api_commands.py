"""POST of a command: the request that the device gets, the reply that is awaited, and everything
that can go wrong.
"""

import base64
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.api import VIEWER, Api
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.iot import MemoryShadows
from tests.unit.stack import EXECUTION, REMOVAL
from tests.unit.template import RESOURCES
from virtual_device.connection import topics

TIME_TO_LIVE = RESOURCES["CommandReplies"]["Properties"]["TimeToLiveSpecification"]
ACCEPTED = {
    "command": "ping",
    "status": "accepted",
    "result": {"timestamp": "2026-01-02T03:04:05.678Z"},
}


@pytest.fixture
def api(context: Any, table: Any, replies: Any, shadows: Any) -> Api:
    return Api(context)


@pytest.fixture
def lamp(catalog: Any) -> str:
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.update("lamp", EXECUTION, status="ONLINE")
    return "lamp"


@dataclass
class Device:
    """What a device, and the rule on its replies, do with a request: `reply` on the topic that it
    names.
    """

    replies: Any
    reply: bytes | object = None
    thing_name: str = "lamp"
    """Under whose topics it publishes."""

    def on_request(self, request: dict[str, Any]) -> None:
        levels = request["responseTopic"].split("/")
        assert levels[:2] + levels[3:5] == ["cmd", "playground", "res", "api"]
        payload = self.reply if isinstance(self.reply, bytes) else json.dumps(self.reply).encode()
        said = {
            "thing_name": self.thing_name,
            "id": levels[5],
            "reply": base64.b64encode(payload).decode(),
        }
        self.replies.put_item(Item={**said, "expires": 4_000_000_000})


@pytest.fixture
def device(shadows: MemoryShadows, replies: Any) -> Callable[..., Device]:
    def answering(reply: object, thing_name: str = "lamp") -> Device:
        made = Device(replies, reply, thing_name)
        shadows.on_request = made.on_request
        return made

    return answering


def test_the_devices_result_is_the_answer(api: Api, lamp: str, device: Any, clock: Clock) -> None:
    device(ACCEPTED)
    reply = api.call("giveCommand", thingName=lamp, body={"command": "ping"})
    assert reply.status == 200
    assert reply.body == {"thingName": "lamp", **ACCEPTED}
    assert clock.seconds == 0


def test_the_request_is_one_of_mqtt_5_and_expires_with_our_patience(
    api: Api, lamp: str, device: Any, shadows: MemoryShadows
) -> None:
    # when
    device(ACCEPTED)
    asked = {"command": "tamper", "arguments": {"detail": "é"}}
    api.call("giveCommand", thingName=lamp, body={**asked, "timeout": 7.0})
    api.call("giveCommand", thingName=lamp, body={"command": "ping"})
    # then
    assert shadows.published == [
        ("cmd/playground/lamp/req", asked),
        ("cmd/playground/lamp/req", {"command": "ping", "arguments": {}}),
    ]
    first, second = shadows.requests
    token = uuid.UUID(bytes=base64.b64decode(first["correlationData"]))
    assert first == {
        "responseTopic": f"cmd/playground/lamp/res/api/{token.hex}",
        "correlationData": base64.b64encode(token.bytes).decode(),
        "messageExpiry": 7,
    }
    assert second["correlationData"] != first["correlationData"]
    assert second["messageExpiry"] == 10
    # A schema calls 7.0 an integer, boto3 does not.
    assert isinstance(first["messageExpiry"], int)


def test_a_device_that_is_silent_is_awaited_so_long(api: Api, lamp: str, clock: Clock) -> None:
    reply = api.call("giveCommand", thingName=lamp, body={"command": "ping", "timeout": 2})
    assert (reply.status, reply.body["type"]) == (504, "urn:iot-playground:problem:no-reply")
    assert clock.seconds == pytest.approx(2)


def test_nobody_answers_for_another(api: Api, lamp: str, device: Any) -> None:
    device(ACCEPTED, thing_name="stranger")
    assert (
        api.call("giveCommand", thingName=lamp, body={"command": "ping", "timeout": 1}).status
        == 504
    )


@pytest.mark.parametrize(
    ("field", "pointed"),
    [
        ("command", "/command"),
        ("arguments.bytes", "/arguments/bytes"),
        ("arguments.a.b/c", "/arguments/a.b~1c"),
        ("request", ""),
    ],
)
def test_a_refusal_names_the_field(
    api: Api, lamp: str, device: Any, field: str, pointed: str
) -> None:
    device(
        {
            "command": "large",
            "status": "refused",
            "error": {"field": field, "reason": "must be more"},
        }
    )
    reply = api.call(
        "giveCommand", thingName=lamp, body={"command": "large", "arguments": {"bytes": 1}}
    )
    assert (reply.status, reply.body["type"]) == (
        422,
        "urn:iot-playground:problem:refused-by-device",
    )
    assert reply.body["errors"] == [{"field": pointed, "rule": "must be more"}]


def test_what_the_device_has_tried_in_vain(api: Api, lamp: str, device: Any) -> None:
    device(
        {
            "command": "press",
            "status": "failed",
            "error": {"field": "command", "reason": "the shadow: forbidden"},
        }
    )
    reply = api.call("giveCommand", thingName=lamp, body={"command": "press"})
    assert (reply.status, reply.body["detail"]) == (502, "the shadow: forbidden")


def test_what_aws_iot_has_not_acknowledged_to_the_device(api: Api, lamp: str, device: Any) -> None:
    device(
        {
            "command": "tamper",
            "status": "timed-out",
            "error": {"field": "command", "reason": "not within 10 s"},
        }
    )
    reply = api.call("giveCommand", thingName=lamp, body={"command": "tamper"})
    assert (reply.status, reply.body["type"]) == (
        504,
        "urn:iot-playground:problem:not-acknowledged",
    )


@pytest.mark.parametrize(
    "content",
    [{"weight": 3}, {"status": "on"}, {"status": "refused"}, {}, {"command": "b", "x": 1}],
)
def test_what_a_model_says_to_a_message_that_is_no_command(
    api: Api, lamp: str, device: Any, content: Any
) -> None:
    device(content)
    reply = api.call(
        "giveCommand", thingName=lamp, body={"command": "weigh", "arguments": {"for": "sale"}}
    )
    assert (reply.status, reply.body["result"]) == (200, content)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff",
        b"[1]",
        b"null",
        b"[" * 100_000,
        b'{"temperature": NaN}',
        {"command": "ping", "status": "accepted"},
        {"command": "ping", "status": "refused", "error": "no"},
    ],
)
def test_what_is_no_reply(api: Api, lamp: str, device: Any, said: Any) -> None:
    device(said)
    reply = api.call("giveCommand", thingName=lamp, body={"command": "ping"})
    assert (reply.status, reply.body["type"]) == (502, "urn:iot-playground:problem:no-valid-reply")


@pytest.mark.parametrize("status", ["PROVISIONING", "OFFLINE", "QUARANTINED"])
def test_a_device_that_is_not_online_is_asked_nothing(
    api: Api, lamp: str, catalog: Any, shadows: MemoryShadows, status: str
) -> None:
    catalog.update(lamp, EXECUTION, status=status)
    reply = api.call("giveCommand", thingName=lamp, body={"command": "ping"})
    assert (reply.status, reply.body["type"]) == (
        409,
        "urn:iot-playground:problem:device-not-online",
    )
    assert status in reply.body["detail"]
    assert shadows.published == []


def test_a_device_that_is_gone_is_asked_nothing(
    api: Api, lamp: str, catalog: Any, shadows: MemoryShadows
) -> None:
    assert api.call("giveCommand", thingName="nobody", body={"command": "ping"}).status == 404
    catalog.take(catalog.row(lamp), REMOVAL)
    assert api.call("giveCommand", thingName=lamp, body={"command": "ping"}).status == 409
    catalog.release(lamp, REMOVAL, "TERMINATED")
    assert api.call("giveCommand", thingName=lamp, body={"command": "ping"}).status == 404
    assert shadows.published == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/command"),
        ({"command": ""}, "/command"),
        ({"command": 1}, "/command"),
        ({"command": "ping", "arguments": []}, "/arguments"),
        ({"command": "ping", "timeout": 0}, "/timeout"),
        ({"command": "ping", "timeout": 21}, "/timeout"),
        ({"command": "ping", "timeout": 1.5}, "/timeout"),
        ({"command": "ping", "detail": "x"}, "/detail"),
    ],
)
def test_a_body_that_is_no_command(
    api: Api, lamp: str, shadows: MemoryShadows, body: Any, field: str
) -> None:
    reply = api.call("giveCommand", thingName=lamp, body=body)
    assert (reply.status, reply.fields) == (400, [field])
    assert shadows.published == []


def test_viewers_give_no_commands(context: Any, lamp: str, shadows: MemoryShadows) -> None:
    assert (
        Api(context, VIEWER).call("giveCommand", thingName=lamp, body={"command": "ping"}).status
        == 403
    )
    assert shadows.published == []


# --- the way of the reply


def test_the_rule_writes_what_is_awaited_under_the_name_in_the_topic() -> None:
    # given
    rule = RESOURCES["CommandReplyRule"]["Properties"]["TopicRulePayload"]
    selected = dict(
        re.findall(
            r"(\S+(?: \S+)*?) AS (\w+)", rule["Sql"].removeprefix("SELECT ").replace(",", "")
        )
    )
    columns = {column: expression for expression, column in selected.items()}
    keys = {key["AttributeName"] for key in RESOURCES["CommandReplies"]["Properties"]["KeySchema"]}
    # then
    assert rule["Sql"].endswith("FROM 'cmd/playground/+/res/api/+'")
    assert (columns["thing_name"], columns["id"]) == ("topic(3)", "topic(6)")
    assert columns.keys() == keys | {"reply", TIME_TO_LIVE["AttributeName"]}
    assert rule["Actions"] == [
        {
            "DynamoDBv2": {
                "PutItem": {"TableName": {"Ref": "CommandReplies"}},
                "RoleArn": {"Fn::GetAtt": "CommandReplyRole.Arn"},
            }
        }
    ]


def test_aws_iot_may_write_replies_and_nothing_else() -> None:
    role = RESOURCES["CommandReplyRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == (
        {"Service": "iot.amazonaws.com"},
        "sts:AssumeRole",
    )
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (policy,) = role["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "dynamodb:PutItem",
            "Resource": {"Fn::GetAtt": "CommandReplies.Arn"},
        }
    ]


def test_the_longest_response_topic_is_one_that_a_device_takes() -> None:
    name = "x" * 128
    assert topics.response_fault(f"cmd/playground/{name}/res/api/{uuid.uuid4().hex}", name) is None
