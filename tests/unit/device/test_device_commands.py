"""Requests, replies, and what each command does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.doubles.surroundings import Device, Sent
from virtual_device import capabilities
from virtual_device.commands.command_client import LIMIT_SECONDS, MAX_UNDER_WAY, CommandClient
from virtual_device.commands.commands import MAX_MESSAGE_BYTES, MIN_LARGE_BYTES, TABLE
from virtual_device.commands.requests import MAX_REMEMBERED, Memory
from virtual_device.connection.transport import Failure, Message
from virtual_device.core.effects import Cycle
from virtual_device.telemetry.thing import Thing

THING = Thing("dev-TEST", "bulb")
SWITCH = Thing("dev-SWITCH", "switch")
REQ, RES = "cmd/playground/dev-TEST/req", "cmd/playground/dev-TEST/res"
EXECUTIONS = "$aws/commands/things/dev-TEST/executions"
REFUSED = Failure("NOT_AUTHORIZED (135)", refused=True, code=135)
LOST = Failure("AWS_ERROR_MQTT5_USER_REQUESTED_STOP", refused=False)


class Bench:
    def __init__(self, thing: Thing = THING) -> None:
        self.device = Device(thing)
        self.client = CommandClient(self.device)

    def request(self, payload: Any, topic: str = REQ, **properties: Any) -> None:
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic = topic.replace(THING.name, self.device.thing.name)
        assert self.client.on_message(Message(topic, content, **properties))

    def command(self, name: str, **arguments: Any) -> Sent:
        """Send a command; what is published next."""
        self.request({"command": name, "arguments": arguments})
        return self.device.sent[-1]

    @property
    def replies(self) -> list[Sent]:
        return [sent for sent in self.device.sent if sent.topic.startswith((RES, EXECUTIONS))]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_device_subscribes_to_commands() -> None:
    filters = [
        name for capability in capabilities.of_device(Device(THING)) for name in capability.filters
    ]
    assert {REQ, f"{EXECUTIONS}/+/request/json"} <= set(filters)


def test_messages_for_others_are_left_alone(bench: Bench) -> None:
    assert not bench.client.on_message(Message("cmd/playground/dev-OTHER/req", b"{}"))


def test_help_describes_every_command_of_the_type(bench: Bench) -> None:
    described = bench.command("help").content["result"]
    assert described.keys() == {row.name for row in TABLE} - {"press"}
    assert Bench(SWITCH).command("help").content["result"].keys() == {row.name for row in TABLE}
    assert described["large"]["arguments"]["bytes"]["rule"] == "integer from 512 to 131072"


def test_status_tells_what_the_device_runs_with(bench: Bench) -> None:
    result = bench.command("status").content["result"]
    assert (result["deviceType"], result["sequence"], result["settings"]["time"]) == ("bulb", 7, 60)


def test_the_reply_waits_for_the_acknowledgement(bench: Bench) -> None:
    event = bench.command("tamper", detail="lid")
    assert event.topic == "evt/playground/dev-TEST/tamper"
    assert event.content == {
        "event": "tamper",
        "thingName": "dev-TEST",
        "deviceType": "bulb",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "detail": "lid",
    }
    assert bench.replies == []
    event.done(None)
    assert bench.replies[0].content == {
        "command": "tamper",
        "status": "accepted",
        "result": {"topic": event.topic},
    }


@pytest.mark.parametrize("failure", [REFUSED, LOST])
def test_an_event_that_does_not_arrive_is_a_failure(bench: Bench, failure: Failure) -> None:
    bench.command("tamper").done(failure)
    assert bench.replies[0].content["status"] == "failed"
    assert bench.replies[0].content["error"] == {"field": "command", "reason": failure.reason}


def test_silence_has_a_limit_and_one_reply(bench: Bench) -> None:
    event = bench.command("tamper")
    assert bench.device.timers[0].seconds == LIMIT_SECONDS
    bench.device.timers[0].fire()
    event.done(None)
    assert [reply.content["status"] for reply in bench.replies] == ["timed-out"]


def test_too_many_at_once_are_refused(bench: Bench) -> None:
    events = [bench.command("tamper") for _ in range(MAX_UNDER_WAY)]
    bench.command("tamper")
    assert bench.replies[0].content["status"] == "refused"
    for event in events:
        event.done(None)
    assert len(bench.replies) == MAX_UNDER_WAY + 1


@pytest.mark.parametrize("size", [MIN_LARGE_BYTES, 5000, MAX_MESSAGE_BYTES])
def test_large_has_exactly_that_size(size: int) -> None:
    bench = Bench()
    bench.device.thing = Thing("t" * 128)
    bench.request(
        {"command": "large", "arguments": {"bytes": size}}, f"cmd/playground/{'t' * 128}/req"
    )
    assert len(bench.device.sent[0].payload) == size
    assert bench.device.sent[0].content["thingName"] == "t" * 128


def test_an_authorization_error_tells_the_reason_code(bench: Bench) -> None:
    bench.command("authorization-error").done(REFUSED)
    reply = bench.replies[0].content
    assert (reply["status"], reply["result"]["reasonCode"]) == ("accepted", 135)


@pytest.mark.parametrize("failure", [None, LOST])
def test_an_authorization_error_that_is_none_has_failed(
    bench: Bench, failure: Failure | None
) -> None:
    bench.command("authorization-error").done(failure)
    assert bench.replies[0].content["status"] == "failed"


@pytest.mark.parametrize(
    ("now", "arguments", "then"),
    [
        ("off", {}, "on"),
        ("on", {}, "off"),
        ("on", {"position": "on"}, "on"),
        ("on", {"position": "toggle"}, "off"),
    ],
)
def test_press_changes_the_switchs_own_shadow(
    now: str, arguments: dict[str, Any], then: str
) -> None:
    # given
    bench = Bench(SWITCH)
    bench.device.settings = {**bench.device.settings, "position": now}
    # when
    bench.request({"command": "press", "arguments": arguments})
    # then
    assert bench.device.sent == []
    (wish,) = bench.device.wishes
    assert wish.desired == {"position": then}
    wish.done(None)
    assert bench.device.sent[0].content == {
        "command": "press",
        "status": "accepted",
        "result": {"position": then},
    }


def test_a_press_that_the_shadow_does_not_take_has_failed() -> None:
    bench = Bench(SWITCH)
    bench.request({"command": "press"})
    bench.device.wishes[0].done("Payload exceeds maximum size allowed (413)")
    reply = bench.device.sent[0].content
    assert (reply["status"], reply["error"]["field"]) == ("failed", "command")
    assert "413" in reply["error"]["reason"]


def test_press_is_no_command_of_a_bulb(bench: Bench) -> None:
    reason = bench.command("press").content["error"]["reason"]
    assert reason == "is not available on a bulb device; `help` lists the commands"


@pytest.mark.parametrize(
    ("name", "cycle"),
    [
        ("reconnect", Cycle(clean=False)),
        ("clean", Cycle(clean=True)),
        ("offline", Cycle(clean=True, away=30)),
    ],
)
@pytest.mark.parametrize("failure", [None, LOST])
def test_the_connection_goes_after_the_reply(
    bench: Bench, name: str, cycle: Cycle, failure: Failure | None
) -> None:
    reply = bench.command(name)
    assert reply.content["status"] == "accepted"
    assert bench.device.timers == []
    reply.done(failure)
    assert bench.device.cycles == []
    bench.device.timers[0].fire()
    assert bench.device.cycles == [cycle]


@pytest.mark.parametrize(
    ("request_", "field_"),
    [
        (b"{", "request"),
        (b"[]", "request"),
        ({}, "command"),
        ({"command": 1}, "command"),
        ({"command": "explode"}, "command"),
        ({"command": "ping", "now": 1}, "now"),
        ({"command": "ping", "arguments": None}, "arguments"),
        ({"command": "ping", "arguments": {"loud": True}}, "arguments.loud"),
        ({"command": "large", "arguments": {"bytes": True}}, "arguments.bytes"),
        ({"command": "large", "arguments": {"bytes": MAX_MESSAGE_BYTES + 1}}, "arguments.bytes"),
        ({"command": "tamper", "arguments": {"detail": "x" * 257}}, "arguments.detail"),
        ({"command": "tamper", "arguments": {"detail": "a\nb"}}, "arguments.detail"),
        ({"command": "tamper", "arguments": {"detail": "\ud800"}}, "arguments.detail"),
    ],
)
def test_a_refusal_names_the_field(bench: Bench, request_: Any, field_: str) -> None:
    bench.request(request_)
    reply = bench.replies[0].content
    assert reply["status"] == "refused"
    assert reply["error"]["field"] == field_
    assert reply["error"]["reason"]
    assert len(bench.device.sent) == 1


@pytest.mark.parametrize(
    ("wanted", "answered"),
    [
        (None, RES),
        (RES, RES),
        (f"{RES}/app/1", f"{RES}/app/1"),
    ],
)
def test_replies_go_to_the_response_topic(bench: Bench, wanted: str | None, answered: str) -> None:
    bench.request({"command": "ping"}, response_topic=wanted, correlation_data=b"\x00\xff")
    reply = bench.replies[0]
    assert (reply.topic, reply.correlation_data) == (answered, b"\x00\xff")
    assert reply.content["status"] == "accepted"


@pytest.mark.parametrize(
    "wanted", ["", f"{RES}x", f"{RES}/", f"{RES}/#", f"{RES}/a/b/c/d/e", "$aws/things/x/shadow/get"]
)
def test_a_response_topic_elsewhere_is_refused(bench: Bench, wanted: str) -> None:
    bench.request({"command": "tamper"}, response_topic=wanted, correlation_data=b"1")
    (sent,) = bench.device.sent
    assert (sent.topic, sent.correlation_data) == (RES, b"1")
    assert sent.content["error"]["field"] == "responseTopic"


def test_the_same_correlation_data_is_answered_once(bench: Bench) -> None:
    bench.request({"command": "ping"}, correlation_data=b"1")
    bench.request({"command": "tamper"}, correlation_data=b"1")
    bench.request({"command": "ping"}, correlation_data=b"2")
    assert [reply.correlation_data for reply in bench.device.sent] == [b"1", b"2"]


def test_requests_without_correlation_data_are_all_answered(bench: Bench) -> None:
    bench.command("ping")
    bench.command("ping")
    assert len(bench.replies) == 2


def test_the_memory_of_requests_is_bounded() -> None:
    memory = Memory()
    assert all(memory.is_new(str(number).encode()) for number in range(MAX_REMEMBERED + 1))
    assert not memory.is_new(b"1")
    assert memory.is_new(b"0")


def test_an_execution_is_answered_in_its_own_form(bench: Bench) -> None:
    bench.request({"command": "authorization-error"}, f"{EXECUTIONS}/e-1/request/json")
    bench.device.sent[0].done(REFUSED)
    reply = bench.replies[0]
    assert reply.topic == f"{EXECUTIONS}/e-1/response/json"
    assert reply.content["status"] == "SUCCEEDED"
    assert reply.content["result"]["reasonCode"] == {"s": "135"}


@pytest.mark.parametrize(
    ("act", "status"),
    [(None, "SUCCEEDED"), (LOST, "FAILED"), ("silence", "TIMED_OUT"), ("nonsense", "REJECTED")],
)
def test_every_end_of_an_execution(bench: Bench, act: Any, status: str) -> None:
    command = "nonsense\n" if act == "nonsense" else "tamper"
    bench.request({"command": command}, f"{EXECUTIONS}/e-1/request/json")
    if act == "silence":
        bench.device.timers[0].fire()
    elif act != "nonsense":
        bench.device.sent[0].done(act)
    (reply,) = bench.replies
    assert reply.content["status"] == status
    reason = reply.content["statusReason"]
    assert set(reason["reasonCode"]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert reason["reasonDescription"].isprintable()


def test_an_execution_that_comes_twice_is_answered_once(bench: Bench) -> None:
    for _ in range(2):
        bench.request({"command": "ping"}, f"{EXECUTIONS}/e-1/request/json")
    assert len(bench.replies) == 1


@pytest.mark.parametrize(
    "rest", ["e 1/request/json", "e-1/request/cbor", "e-1/response/json", "e-1", ""]
)
def test_topics_that_are_no_request_are_not_answered(bench: Bench, rest: str) -> None:
    bench.request({"command": "ping"}, f"{EXECUTIONS}/{rest}")
    assert bench.device.sent == []


NAMES = st.sampled_from(["command", "arguments", "bytes", "detail"])
TEXT = st.text(st.characters(exclude_categories=()), max_size=40)  # surrogates and all
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from([row.name for row in TABLE])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | NAMES, inner, max_size=3),
    max_leaves=8,
)
ALMOST = st.fixed_dictionaries(
    {},
    optional={
        "command": VALUES,
        "arguments": st.dictionaries(NAMES, VALUES, max_size=2) | VALUES,
        "more": VALUES,
    },
)


@given(
    payload=st.binary(max_size=64)
    | (VALUES | ALMOST).map(lambda value: json.dumps(value).encode()),
    response_topic=st.none() | st.text() | st.sampled_from([RES, f"{RES}/a"]),
    correlation_data=st.none() | st.binary(max_size=8),
    topic=st.sampled_from([REQ, f"{EXECUTIONS}/e-1/request/json"]),
    failure=st.sampled_from([None, REFUSED, LOST]),
)
def test_whatever_comes_gets_exactly_one_reply(
    payload: bytes,
    response_topic: str | None,
    correlation_data: bytes | None,
    topic: str,
    failure: Failure | None,
) -> None:
    bench = Bench()
    message = Message(topic, payload, response_topic, correlation_data)
    assert bench.client.on_message(message)
    for sent in list(bench.device.sent):
        sent.done(failure)
    (reply,) = bench.replies
    assert reply.content["status"]
    assert len(reply.payload) < 8192
