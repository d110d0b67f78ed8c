"""On message X, reply Y: which requests match, what is answered, and which declarations are
refused.
"""

import json
from typing import Any

import pytest

from tests.unit.doubles.surroundings import Device, Sent
from virtual_device.commands import commands
from virtual_device.commands.command_client import CommandClient
from virtual_device.commands.requests import MAX_REPLY_BYTES
from virtual_device.connection.transport import Message
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import Model, ModelInvalidError, parse
from virtual_device.telemetry.model_schema import schema
from virtual_device.telemetry.replies import BUILT_IN, MAX_REPLIES, matches
from virtual_device.telemetry.thing import Thing

REQ, RES = "cmd/playground/dev-TEST/req", "cmd/playground/dev-TEST/res"
WEIGHT = {
    "walk": {"start": 40, "step": 0.2, "min": 30, "max": 60},
    "quantity": "mass",
    "decimals": 1,
}
AT_SEA: Any = {"command": "weigh", "arguments": {"at": "sea"}}


def document(*replies: Any) -> dict[str, Any]:
    return {"telemetry": {"weight": WEIGHT}, "replies": list(replies)}


def row(on: Any = None, reply: Any = None, **more: Any) -> dict[str, Any]:
    """A declaration with these parts instead of valid ones."""
    return {
        "on": {"command": "weigh"} if on is None else on,
        "reply": {"weight": {"telemetry": "weight"}} if reply is None else reply,
        **more,
    }


def device_with(*replies: Any, device_type: str = "generic") -> Device:
    model: Model | None = parse(document(*replies)) if replies else None
    return Device(Thing("dev-TEST", device_type, {}, model))


def ask(device: Device, request: Any, **properties: Any) -> Sent:
    """Send a request; the reply to it."""
    assert CommandClient(device).on_message(
        Message(REQ, json.dumps(request).encode(), **properties)
    )
    return device.sent[-1]


@pytest.mark.parametrize(
    "reply",
    [
        {"text": {"pattern": "at {a}", "with": {"a": {"request": "a"}}}},
        {"case": {"of": {"request": "a"}, "is": {"x": {"constant": 1}}, "else": {"constant": 2}}},
        {"part": {"of": {"request": "a"}, "at": "b"}},
        {"array": {"of": [{"request": "a"}]}},
    ],
)
@pytest.mark.parametrize("value", ["1e999", "123456789012345678901", "0.1234567890123456789", "{}"])
def test_whatever_is_asked_it_is_answered_or_refused(reply: Any, value: str) -> None:
    device = device_with(row(reply={"r": reply, "at": {"constant": 1}}))
    request = f'{{"command": "weigh", "a": {value}}}'.encode()
    assert CommandClient(device).on_message(Message(REQ, request))
    answer = json.loads(device.sent[-1].payload)
    assert answer["status"] in {"accepted", "refused"}
    if value == "{}":
        assert answer["status"] == "accepted"


def test_a_reply_can_tell_of_the_models_values() -> None:
    values: Any = {"v": {"uniform": {"min": 1, "max": 2, "every": 60}}}
    model = parse(
        {
            "values": values,
            "messages": [{"telemetry": {"weight": {"value": "v"}}}, {"content": {"constant": 1}}],
            "replies": [row(reply={"v": {"value": "v"}, "weight": {"telemetry": "weight"}})],
        }
    )
    device = Device(Thing("dev-TEST", model=model))
    result = ask(device, {"command": "weigh"}).content["result"]
    assert result["v"] == result["weight"]
    assert 1 <= result["v"] <= 2


def test_the_reply_to_a_command_is_its_result_and_agrees_with_telemetry() -> None:
    # given
    device = device_with(row())
    device.settings = {**device.settings, "unit": "imperial"}
    device.ahead = 1000.0
    # when
    content = ask(device, {"command": "weigh"}).content
    # then
    told: Any = telemetry.generate(
        device.thing, device.settings, device.now().wall + 1000, device.sequence
    )
    assert content == {
        "command": "weigh",
        "status": "accepted",
        "result": {"weight": told["weight"]},
    }
    assert 66 < told["weight"] < 133


def test_the_reply_to_another_message_is_published_as_it_is() -> None:
    device = device_with(row(on={"hello": {"from": "keeper"}}, reply={"buzz": {"constant": True}}))
    assert ask(device, {"hello": {"from": "keeper", "at": "noon"}, "x": 1}).content == {
        "buzz": True
    }


def test_the_first_that_matches_answers() -> None:
    device = device_with(row(on=AT_SEA, reply={"wet": {"constant": True}}), row())
    assert ask(device, AT_SEA).content["result"] == {"wet": True}
    assert "weight" in ask(device, {"command": "weigh"}).content["result"]


def test_values_of_the_request_come_back_where_it_has_them() -> None:
    reply = {
        "for": {"request": "arguments.for"},
        "deep": {"object": {"at": {"request": "arguments.place.name"}}},
    }
    device = device_with(row(reply=reply))
    given = {"command": "weigh", "arguments": {"for": [1, None], "place": {"name": "here"}}}
    assert ask(device, given).content["result"] == {"for": [1, None], "deep": {"at": "here"}}
    assert ask(device, {"command": "weigh", "arguments": {"place": 5}}).content["result"] == {
        "deep": {}
    }


def test_a_reply_goes_where_the_request_says_and_only_once() -> None:
    device = device_with(row())
    client = CommandClient(device)
    for _ in range(2):
        client.on_message(Message(REQ, b'{"command": "weigh"}', f"{RES}/app", b"1"))
    assert [(sent.topic, sent.correlation_data) for sent in device.sent] == [(f"{RES}/app", b"1")]


def test_a_model_answers_executions_of_aws_iot_commands_too() -> None:
    device = device_with(row(on={"hello": 1}, reply={"buzz": {"constant": True}}))
    executions = "$aws/commands/things/dev-TEST/executions/e-1"
    CommandClient(device).on_message(Message(f"{executions}/request/json", b'{"hello": 1}'))
    assert device.sent[0].topic == f"{executions}/response/json"
    assert device.sent[0].content["status"] == "SUCCEEDED"
    assert device.sent[0].content["result"] == {"buzz": {"b": True}}


def test_what_no_reply_matches_is_refused_as_before() -> None:
    device = device_with(row())
    assert ask(device, {"command": "explode"}).content["error"]["field"] == "command"
    assert ask(device, {"hello": 1}).content["error"]["field"] == "hello"


def test_a_built_in_command_is_answered_by_the_device() -> None:
    device = device_with(row(on={"arguments": {}}, reply={"caught": {"constant": True}}))
    assert "timestamp" in ask(device, {"command": "ping", "arguments": {}}).content["result"]


def test_help_lists_the_models_replies_too() -> None:
    device = device_with(row(description="weigh the hive"), row(on=AT_SEA))
    described = ask(device, {"command": "help"}).content["result"]
    assert described["weigh"] == {"description": "weigh the hive", "arguments": {}}
    assert json.dumps(AT_SEA, separators=(",", ":")) in described
    assert described.keys() > commands.rows("generic").keys()


@pytest.mark.parametrize("text", ["x" * 3000, "\ud800"])
def test_a_reply_that_can_not_be_sent_is_refused(text: str) -> None:
    members = {f"m{number}": {"request": "arguments.text"} for number in range(30)}
    device = device_with(row(reply=members))
    answer = ask(device, {"command": "weigh", "arguments": {"text": text}}).content
    assert (answer["command"], answer["status"], answer["error"]["field"]) == (
        "weigh",
        "refused",
        "request",
    )
    assert len(text) * 30 > MAX_REPLY_BYTES or text == "\ud800"


def test_the_meter_is_read() -> None:
    device = device_with(device_type="meter")
    result = ask(device, {"command": "read", "arguments": {"reader": "me"}}).content["result"]
    told: Any = telemetry.generate(
        device.thing, device.settings, device.now().wall, device.sequence
    )
    assert (result["energy"], result["tariff"], result["reader"]) == (
        told["energy"],
        told["tariff"],
        "me",
    )


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True),
        ({"a": {"b": 1}}, {"a": 1}, False),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": None}, {}, False),
    ],
)
def test_a_request_matches_when_it_has_every_member(
    wanted: Any, found: Any, *, expected: bool
) -> None:
    assert matches(wanted, found) is expected


REFUSED = [
    ({"replies": {}}, "replies: must be an array of 1 to 20 objects with on and reply"),
    ({"replies": []}, "replies: must be an array of 1 to 20"),
    ({"replies": [row()] * (MAX_REPLIES + 1)}, "replies: must be an array of 1 to 20"),
    ({"replies": [5]}, "replies[0]: must be an object with on and reply"),
    (
        {"replies": [row(topic="x")]},
        "replies[0].topic: is not known here; there are on, reply, description",
    ),
    (
        {"replies": [row(description=5)]},
        "replies[0].description: must be a string of 1 to 256 characters",
    ),
    ({"replies": [row(), row(on={})]}, "replies[1].on: must be an object of members"),
    (
        {"replies": [{"reply": {"a": {"constant": 1}}}]},
        "replies[0].on: must be an object of members",
    ),
    (
        {"replies": [row(on={"command": "ping"})]},
        "replies[0].on.command: must be a string, and no command that",
    ),
    (
        {"replies": [row(on={"command": 5})]},
        "replies[0].on.command: must be a string, and no command that",
    ),
    ({"replies": [{"on": {"a": 1}}]}, "replies[0].reply: must be an object of 1 to 100 members"),
    ({"replies": [row(reply={"t": 5})]}, "replies[0].reply.t: must be an object with a generator"),
    (
        {"replies": [row(reply={"t": {"telemetry": "height"}})]},
        "replies[0].reply.t.telemetry: must be a member of",
    ),
    (
        {"replies": [row(reply={"t": {"telemetry": 5}})]},
        "replies[0].reply.t.telemetry: must be a member of telemetry",
    ),
    (
        {"replies": [row(reply={"t": {"request": 5}})]},
        "replies[0].reply.t.request: must be a string of 1 to 256",
    ),
    (
        {"replies": [row(reply={"t": {"request": "a", "decimals": 1}})]},
        "replies[0].reply.t.decimals: is for numbers",
    ),
    (
        {"telemetry": {"t": {"request": "a"}}},
        "telemetry.t.request: is for replies; telemetry answers nobody",
    ),
    (
        {"telemetry": {"t": {"telemetry": "t"}}},
        "telemetry.t.telemetry: is for replies; telemetry answers nobody",
    ),
    (
        {"telemetry": {"weight": 5}, "replies": [row()]},
        "telemetry.weight: must be an object with a generator",
    ),
]


@pytest.mark.parametrize(
    ("change", "problem"), REFUSED, ids=[problem[:60] for _, problem in REFUSED]
)
def test_a_broken_rule_is_told_with_its_path(change: Any, problem: str) -> None:
    given: Any = {"telemetry": {"weight": WEIGHT}, **change}
    with pytest.raises(ModelInvalidError) as refusal:
        parse(given)
    assert len(refusal.value.problems) == 1
    assert refusal.value.problems[0].startswith(problem)


def test_no_model_answers_a_built_in_command() -> None:
    assert BUILT_IN == commands.NAMES


def test_the_schema_knows_replies() -> None:
    replies: Any = schema()["properties"]
    assert set(replies["replies"]["items"]["properties"]) == {"on", "description", "reply"}
