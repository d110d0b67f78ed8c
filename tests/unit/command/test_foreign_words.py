"""What devices, users and other clients write ends nothing: not a listener, not a function, not a
device."""

import base64
import io
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from awscrt import mqtt5
from rich.console import RenderableType

from certificates.message import CertificateMessage, Refused
from common.device_wish import DeviceWish
from common.errors import InvalidInput
from common.identifiers import checked_thing_name
from common.subjects import subject_of
from common.undoing import device_of, input_of
from control_plane.command_reply import Reply as ApiReply
from control_plane.executions import _result, _thing_name
from control_plane.machines import PROVISION
from control_plane.problem import Problem
from detecting.log_entries import logged
from detecting.observation import Observation
from detecting.sources import observations
from playground.base.plain import plain
from playground.devices.executions import outcome_of
from playground.devices.history import readable_cause
from playground.devices.jobs import _document
from playground.errors import CommandError, QueryError
from playground.local.shipping import events_of
from playground.messages.commands import Reply
from playground.messages.log_events import parsed
from playground.messages.logs import _record
from playground.messages.packets import Packet
from playground.messages.watch import Message, message_of, new_topic
from playground.security.drill import Canary
from playground.show import views
from playground.show.devices import shown_reply
from playground.show.messages import message_data, message_text, packet_text
from playground.show.output import Form, Output, Query
from playground.show.views import fields_table, moment
from playground.stack.demo import is_report
from tests.unit import sightings
from virtual_device.base.clock import Now
from virtual_device.base.jsonvalue import encode, read_object
from virtual_device.commands.commands import Situation
from virtual_device.commands.requests import Accepted, receive
from virtual_device.core import brain
from virtual_device.core.effects import UpdateShadow
from virtual_device.shadow import settings
from virtual_device.shadow.shadow import Document
from virtual_device.telemetry.thing import Thing

LAMP = Thing("lamp", "bulb")
NOW = Now(1_767_323_045.678, 100.0)
SHADOW = "$aws/things/lamp/shadow/update/accepted"
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:x:one"

PAYLOADS: Mapping[str, bytes] = {
    "abyss": b"[" * 60_000,
    "abyss of objects": b'{"a":' * 25_000,
    "closed abyss": b"[" * 60_000 + b"]" * 60_000,
    "not utf-8": b"\xff\xfe\x00\x80",
    "utf-16": '{"status":"accepted"}'.encode("utf-16"),
    "nul": b"\x00" * 10,
    "nothing": b"",
    "nan": b'{"status":"accepted","result":{"a":NaN}}',
    "digits": b"9" * 100_000,
    "long decimals": b'{"a":0.12345678901234567890}',
    "half a pair": b'{"status":"\\ud800"}',
    "half a pair in a name": b'{"\\udfff":1}',
    "twice": b'{"status":"accepted","status":"refused"}',
    "orders": b"\x1b]52;c;ZXZpbA==\x07\x9b2J",
    "orders in json": b'{"status":"\\u001b[2J\\u202e","result":{"\\u0007":"\\r"}}',
    "other shapes": b'{"status":"accepted","result":["x"],"error":"y","state":"text"}',
    "state of another shape": b'{"state":{"reported":["x"]},"status":1}',
    "topic of another shape": b'{"state":{"reported":{"topic":"#","time":true}}}',
    "help of another shape": b'{"command":"help","status":"accepted",'
    b'"result":{"a":1,"b":{"arguments":[2]}}}',
    "sequence of another shape": b'{"sequence":"x"}',
    "sequence without end": b'{"sequence":1e400}',
    "time at the end of the calendar": b'{"time":"9999-12-31T23:59:59-23:59","thingName":"lamp"}',
    "time at its beginning": b'{"timestamp":"0001-01-01T00:00:00+23:59","time":["x"]}',
    "null": b"null",
    "number": b"1",
}
FORMS: tuple[Form, ...] = ("table", "json", "text")
payloads = pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)


def at_the_terminal(view: RenderableType) -> str:
    """What a terminal gets, in UTF-8 and nothing else."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="utf-8", errors="strict")
    views.Terminal(file=file, soft_wrap=True, highlight=False).print(view)
    file.flush()
    return raw.getvalue().decode()


# --- the command


@payloads
def test_a_message_ends_no_listener(
    payload: bytes, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    # given
    properties = (("\x1b[2J", "\ud800"),)
    packet = Packet(
        f"dt/{payload[:20]!r}", payload, 1, user_properties=properties, content_type="\u202e"
    )
    message = message_of(mqtt5.PublishPacket(topic=SHADOW, payload=payload))
    # when
    Output("json").stream(packet.data(), packet_text(packet))
    Output("text").stream(packet.data(), packet_text(packet))
    Output("json").stream(message_data(message), message_text(message))
    told = at_the_terminal(packet_text(packet)) + at_the_terminal(message_text(message))
    # then
    lines = capsysbinary.readouterr().out.decode()
    assert json.loads(lines.splitlines()[0])["topic"] == packet.topic
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\ud800"} & set(told + lines)


@payloads
def test_a_message_changes_nothing_that_it_should_not(payload: bytes) -> None:
    message = message_of(mqtt5.PublishPacket(topic=SHADOW, payload=payload))
    assert new_topic(message) is None
    assert not is_report(message)
    canary = Canary(SimpleNamespace())  # type: ignore[arg-type]
    canary.take(Message("dt/playground/lamp/telemetry", message.payload))
    assert canary.missed == []


@payloads
def test_a_message_is_shown_as_it_is_when_it_can_not_be_read(payload: bytes) -> None:
    found = Packet("a", payload, 1).data()
    if "payload_base64" in found:
        assert base64.b64decode(found["payload_base64"]) == payload
    elif isinstance(found["payload"], str):
        assert payload in (found["payload"].encode(), encode(found["payload"]))


@payloads
def test_a_reply_is_one_or_none(payload: bytes) -> None:
    said = message_of(
        mqtt5.PublishPacket(topic="cmd/playground/lamp/res/x", payload=payload)
    ).payload
    told = "The device's answer is not a valid reply"
    with suppress(CommandError):
        told = at_the_terminal(shown_reply(Reply.from_payload("help", said)))
    assert told


@payloads
def test_what_is_logged_or_told_by_a_workflow_ends_no_reader(
    payload: bytes, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    text = payload.decode(errors="replace")
    line = parsed(text)
    record = _record("devices", "device", {"timestamp": 0, "message": text}, line)
    assert record.as_dict()["time"]
    assert isinstance(readable_cause(text), str)
    ended = {
        "status": "FAILED",
        "startDate": datetime.now(UTC),
        "stopDate": datetime.now(UTC),
        "cause": text,
    }
    assert outcome_of({**ended, "output": text}) is not None
    for form in FORMS:
        Output(form).show(
            {"document": _document(text)}, fields_table({"document": _document(text)})
        )
    assert "\x1b" not in capsysbinary.readouterr().out.decode()
    assert list(events_of(payload)) == [] or payload.strip()


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "soon", ""]
)
def test_a_time_that_is_none_is_shown_as_it_is(at: str) -> None:
    assert moment(at) == at


# --- functions


@payloads
def test_a_function_takes_or_refuses_what_a_device_says(payload: bytes) -> None:
    message = CertificateMessage("lamp", "create", "x", payload)
    assert message.job_id is None
    with pytest.raises(Refused, match="INVALID_REQUEST"):
        message.content("csr")
    result: Any = {}
    with suppress(Problem):
        result = ApiReply.from_payload(payload).result()
    assert isinstance(result, dict)


@payloads
def test_a_function_takes_what_stands_in_events(payload: bytes) -> None:
    text = payload.decode(errors="replace")
    assert isinstance(subject_of({"detail": {"input": text}, "input": text}), dict)
    assert device_of(input_of({"input": text})) in (None, "lamp")
    found = {"input": text, "executionArn": EXECUTION}
    assert _thing_name(PROVISION, found) is None or isinstance(_thing_name(PROVISION, found), str)
    assert _result(text) is None or isinstance(_result(text), dict)
    assert list(logged(sightings.logged(text))) == []


DEEP: Any = 1
for _ in range(2000):
    DEEP = [DEEP]
MODEL: Mapping[str, Any] = {"telemetry": {}}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"thingName": DEEP}, "thingName"),
        ({"thingName": "x" * 100_000}, "thingName"),
        ({"deviceType": DEEP}, "deviceType"),
        ({"deviceType": True}, "deviceType"),
        ({"identity": {"a": DEEP}}, "identity"),
        ({"ttl": DEEP}, "ttl"),
        ({"ttl": "9" * 100_000 + "d"}, "ttl"),
        ({"attributes": DEEP}, "attributes"),
        ({"attributes": {"a": DEEP}}, "attributes.a"),
        ({"attributes": {"a": 1}}, "attributes.a"),
        ({"model": {**MODEL, "seed": 2**63}}, "model.seed"),
        ({"model": {**MODEL, "seed": float("inf")}}, "model.seed"),
        ({"model": {**MODEL, "name": "\ud800"}}, "model.name"),
        (
            {"model": {"telemetry": {"t": {"constant": [0, float("nan")]}}}},
            "model.telemetry.t.constant[1]",
        ),
        ({"model": {"telemetry": {"t": DEEP}}}, "model"),
        ({"\ud800": 1}, "\ud800"),
    ],
)
def test_the_input_of_a_workflow_is_refused_with_its_field(asked: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        DeviceWish.of(asked)
    assert refusal.value.field == field
    assert len(str(refusal.value)) < 1000


def test_a_name_in_an_error_is_short() -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_thing_name({"a": DEEP})
    assert "something nested too deeply" in str(refusal.value)


# --- the device


@payloads
def test_a_device_answers_every_request(payload: bytes) -> None:
    found = receive(payload, lambda: Situation(LAMP, settings.defaults(LAMP), 0, NOW, NOW.wall))
    assert isinstance(found, Accepted) or len(encode(found.as_document())) < 2000


# A value in `desired` that another tool has written, and whether a device takes it for `reconnect`.
DESIRED: Mapping[str, tuple[str, bool]] = {
    "nan": ("NaN", False),
    "beyond a double": ("1e999", False),
    "20 digits": ("12345678901234567890", False),
    "5000 digits": ("9" * 5000, False),
    "decimals": ("0.12345678901234567890", False),
    "half a pair": ('"\\ud800"', False),
    "deep": ("[" * 50 + "1" + "]" * 50, True),
    "nested nulls": ('{"a":null,"b":[{"c":null}]}', True),
    "point": ("10.0", True),
    "minus zero": ("-0", True),
    "largest": ("9223372036854775807", True),
}


@pytest.mark.parametrize(("text", "taken"), DESIRED.values(), ids=DESIRED)
@pytest.mark.parametrize("key", ["reconnect", "payload", "time", "unit", "colour", "\\ud800"])
def test_one_bad_value_blocks_no_good_one(key: str, text: str, *, taken: bool) -> None:
    # given
    payload = f'{{"version":1,"state":{{"desired":{{"{key}":{text},"debug":"on"}}}}}}'.encode()
    state, _ = brain.on_connected(LAMP, brain.start(LAMP, None), NOW)
    # when
    state, effects = brain.on_document(
        LAMP, state, Document.from_payload(read_object(payload)), NOW
    )
    # then
    assert state.settings["debug"] == "on"
    (report,) = [effect for effect in effects if isinstance(effect, UpdateShadow)]
    reported = json.loads(encode(dict(report.reported)))
    if key == "reconnect":
        assert ("reconnect" in reported) is taken
        assert ("reconnect" in reported.get("rejected", {})) is not taken
    elif key == "\\ud800":
        assert "rejected" not in reported
    elif key == "time":
        assert (state.settings["time"] == 10) is (text == "10.0")


def test_an_integer_is_reported_as_it_is_desired() -> None:
    """Whether a service takes 10 and 10.0 for the same or not, there is no difference left."""
    first = settings.apply(LAMP, settings.defaults(LAMP), {"time": 10})
    second = settings.apply(LAMP, first.settings, {"time": 10.0})
    assert first.acts
    assert (second.acts, repr(second.settings["time"])) == ((), "10.0")


@pytest.mark.parametrize(
    "detail", [DEEP, "\ud800", "x" * 10_000, {"a": ["\udfff"]}, float("nan"), None]
)
def test_a_finding_can_be_kept_whatever_a_device_says(detail: Any) -> None:
    (seen,) = observations(sightings.tampered("rogue") | {"detail": detail}, 1000)
    assert isinstance(seen, Observation)
    assert len(encode(dict(seen.seen))) < 1000


@pytest.mark.parametrize(
    "expression",
    [
        "[" * 60_000,
        "!" * 50_000 + "a",
        "`NaN`",
        "`1e999`",
        "to_number('inf')",
        "[?a==`NaN`].a | [0] || `NaN`",
        "a[::0]",
    ],
)
def test_a_query_is_read_or_refused(expression: str) -> None:
    with pytest.raises(QueryError, match="--query"):
        Query.read(expression).of({"a": [1]})


def test_a_query_takes_numbers_and_texts_as_they_are() -> None:
    data = plain(
        {
            "big": Decimal("1" * 38),
            "long": Decimal("0." + "1" * 37),
            "some": Decimal("0.1"),
            "text": "\ud800",
        }
    )
    assert Query.read("@").of(data) == {
        "big": int("1" * 38),
        "long": "0." + "1" * 37,
        "some": 0.1,
        "text": "\ud800",
    }
