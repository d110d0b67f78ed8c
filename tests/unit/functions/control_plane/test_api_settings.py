"""PATCH of a device's settings: what becomes `desired`, what is refused, and what a stale version
is answered.
"""

import io
from typing import Any

import pytest

from control_plane.document import document
from control_plane.settings import TRIES
from control_plane.settings_table import rows
from tests.unit.api import VIEWER, Api
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.iot import MemoryShadows
from tests.unit.doubles.service import Refusal
from tests.unit.stack import EXECUTION, REMOVAL

BEGINNING = {"time": 60, "unit": "metric"}


@pytest.fixture
def api(context: Any, table: Any, shadows: Any) -> Api:
    return Api(context)


@pytest.fixture
def lamp(catalog: Any, shadows: MemoryShadows) -> str:
    """A bulb that is online, and runs with what it was told; its shadow is at version 4."""
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.update("lamp", EXECUTION, status="ONLINE")
    shadows.desired["lamp"], shadows.reported["lamp"] = dict(BEGINNING), dict(BEGINNING)
    shadows.versions["lamp"] = 4
    return "lamp"


def test_what_is_wished_becomes_desired(api: Api, lamp: str, shadows: MemoryShadows) -> None:
    # when
    reply = api.call(
        "changeSettings", thingName=lamp, body={"desired": {"time": 5, "status": "on"}}
    )
    # then
    desired = {"time": 5, "unit": "metric", "status": "on"}
    assert reply.status == 200
    assert shadows.desired[lamp] == desired
    assert reply.body == {
        "thingName": "lamp",
        "version": 5,
        "desired": desired,
        "reported": BEGINNING,
        "pending": ["time", "status"],
    }


def test_objects_are_merged_and_null_removes(api: Api, lamp: str, shadows: MemoryShadows) -> None:
    # given
    shadows.desired[lamp]["payload"] = {"a": 1, "b": {"c": 2, "d": 3}}
    shadows.desired[lamp]["colour"] = "red"
    # when
    patch = {"payload": {"a": None, "b": {"d": 4}}, "unit": None, "colour": None}
    reply = api.call("changeSettings", thingName=lamp, body={"desired": patch})
    # then
    assert reply.body["desired"] == {"time": 60, "payload": {"b": {"c": 2, "d": 4}}}
    assert shadows.desired[lamp] == reply.body["desired"]
    assert reply.body["pending"] == ["payload"]


def test_every_field_that_is_wrong_is_named_and_nothing_is_changed(
    api: Api, lamp: str, shadows: MemoryShadows
) -> None:
    # when
    wrong = {
        "time": 0,
        "topic": "$aws/x",
        "unit": "imperial",
        "position": "on",
        "a/b~.c": 1,
        "metrics": 5,
    }
    reply = api.call("changeSettings", thingName=lamp, body={"desired": wrong})
    # then
    assert reply.status == 400
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["errors"] == [
        {"field": "/desired/time", "rule": "must be an integer from 1 to 86400"},
        {"field": "/desired/topic", "rule": "is reserved"},
        {"field": "/desired/position", "rule": "is not a setting of a bulb device"},
        {"field": "/desired/a~1b~0.c", "rule": "is not a setting"},
        {"field": "/desired/metrics", "rule": "must be 0 or an integer from 300 to 86400"},
    ]
    assert shadows.desired[lamp] == BEGINNING
    assert shadows.versions[lamp] == 4


@pytest.mark.parametrize("value", [True, False, None])
def test_nobody_says_that_a_device_is_in_quarantine_or_not(
    api: Api, lamp: str, shadows: MemoryShadows, value: Any
) -> None:
    # given
    shadows.desired[lamp]["quarantine"] = True
    # when
    reply = api.call(
        "changeSettings", thingName=lamp, body={"desired": {"quarantine": value, "time": 5}}
    )
    # then
    assert reply.status == 400
    assert reply.body["errors"] == [
        {"field": "/desired/quarantine", "rule": "is set by workflows alone"}
    ]
    assert shadows.desired[lamp] == {**BEGINNING, "quarantine": True}


def test_a_value_is_checked_as_it_is_after_the_merge(
    api: Api, lamp: str, shadows: MemoryShadows
) -> None:
    shadows.desired[lamp]["payload"] = {"a": "x" * 1500}
    reply = api.call(
        "changeSettings", thingName=lamp, body={"desired": {"payload": {"b": "y" * 1500}}}
    )
    assert reply.body["errors"] == [
        {"field": "/desired/payload", "rule": "is longer than 2048 bytes of JSON"}
    ]


def test_what_was_wrong_before_is_no_hindrance(api: Api, lamp: str, shadows: MemoryShadows) -> None:
    shadows.desired[lamp]["time"] = "often"
    assert (
        api.call("changeSettings", thingName=lamp, body={"desired": {"debug": "on"}}).status == 200
    )


@pytest.mark.parametrize("version", [3, 5])
def test_a_stale_version_is_a_conflict(
    api: Api, lamp: str, shadows: MemoryShadows, version: int
) -> None:
    # when
    reply = api.call(
        "changeSettings", thingName=lamp, body={"desired": {"time": 5}, "version": version}
    )
    # then
    assert reply.status == 409
    assert reply.body["type"] == "urn:iot-playground:problem:stale-version"
    assert reply.body["currentVersion"] == 4
    assert reply.fields == ["/version"]
    assert shadows.desired[lamp] == BEGINNING


def test_a_version_that_gets_stale_on_the_way_is_a_conflict(
    api: Api, lamp: str, shadows: MemoryShadows
) -> None:
    # given: the device reports between our reading and our writing
    shadows.before_writing.append(lambda: shadows.versions.update(lamp=9))
    # when
    reply = api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}, "version": 4})
    # then
    assert (reply.status, reply.body["currentVersion"]) == (409, 9)
    assert shadows.desired[lamp] == BEGINNING


def test_without_a_version_what_others_write_meanwhile_is_checked_again(
    api: Api, lamp: str, shadows: MemoryShadows
) -> None:
    # given: each writing comes too late, until somebody makes the whole too large
    def others() -> None:
        shadows.versions[lamp] += 1

    def largely() -> None:
        others()
        shadows.desired[lamp]["payload"] = {"a": "x" * 2030}

    shadows.before_writing += [others, others, largely]
    # when
    reply = api.call(
        "changeSettings", thingName=lamp, body={"desired": {"payload": {"b": "y" * 30}}}
    )
    # then
    assert reply.fields == ["/desired/payload"]
    assert shadows.desired[lamp]["payload"] == {"a": "x" * 2030}
    assert api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}}).status == 200


def test_a_shadow_that_never_rests_is_no_endless_loop(
    api: Api, lamp: str, shadows: MemoryShadows
) -> None:
    shadows.before_writing += [
        lambda: shadows.versions.update(lamp=shadows.versions["lamp"] + 1)
    ] * TRIES
    reply = api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}})
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert shadows.desired[lamp] == BEGINNING


def test_a_shadow_that_somebody_deleted_begins_anew(
    api: Api, lamp: str, shadows: MemoryShadows
) -> None:
    shadows.delete_thing_shadow(lamp)
    stale = api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}, "version": 4})
    assert (stale.status, stale.body["currentVersion"]) == (409, None)
    reply = api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}})
    assert (reply.status, reply.body["desired"], reply.body["reported"]) == (200, {"time": 5}, {})


# --- waiting


def test_waits_until_the_device_runs_with_it(
    api: Api, lamp: str, shadows: MemoryShadows, clock: Clock
) -> None:
    # given: a device that takes its time
    def reports() -> None:
        shadows.reported[lamp]["time"] = 5
        shadows.versions[lamp] = 6

    shadows.before_reading += [lambda: None, lambda: None, reports]
    # when
    reply = api.call(
        "changeSettings", thingName=lamp, query={"wait": 10}, body={"desired": {"time": 5}}
    )
    # then
    assert (reply.body["pending"], reply.body["version"]) == ([], 6)
    assert reply.body["reported"]["time"] == 5
    assert clock.seconds < 1


def test_waits_until_the_device_has_rejected_it(
    api: Api, lamp: str, shadows: MemoryShadows, clock: Clock
) -> None:
    # given: a device that knows better; what it said of an earlier value is no answer
    shadows.reported[lamp]["rejected"] = {"time": {"value": 0, "reason": "must be more"}}
    answer = {"time": {"value": 5, "reason": "must be more"}}
    shadows.before_reading += [
        lambda: None,
        lambda: None,
        lambda: shadows.reported[lamp].update(rejected=answer),
    ]
    # when
    reply = api.call(
        "changeSettings", thingName=lamp, query={"wait": 10}, body={"desired": {"time": 5}}
    )
    # then
    assert reply.body["pending"] == ["time"]
    assert reply.body["reported"]["rejected"] == answer
    assert 0 < clock.seconds < 1


def test_waits_no_longer_than_it_was_told(api: Api, lamp: str, clock: Clock) -> None:
    reply = api.call(
        "changeSettings", thingName=lamp, query={"wait": 3}, body={"desired": {"time": 5}}
    )
    assert (reply.status, reply.body["pending"]) == (200, ["time"])
    assert clock.seconds == pytest.approx(3)


def test_a_look_that_fails_takes_nothing_back(api: Api, lamp: str, shadows: MemoryShadows) -> None:
    # given
    def refuse() -> None:
        raise Refusal("ThrottlingException", 429)

    def delete() -> None:
        shadows.delete_thing_shadow(lamp)

    for trouble in (refuse, delete):
        shadows.before_reading += [lambda: None, trouble]
        # when
        reply = api.call(
            "changeSettings", thingName=lamp, query={"wait": 1}, body={"desired": {"time": 5}}
        )
        # then
        assert (reply.status, reply.body["desired"]["time"], reply.body["pending"]) == (
            200,
            5,
            ["time"],
        )


def test_a_wish_that_the_device_runs_with_already_is_not_waited_for(
    api: Api, lamp: str, clock: Clock
) -> None:
    reply = api.call(
        "changeSettings", thingName=lamp, query={"wait": 20}, body={"desired": {"time": 60}}
    )
    assert (reply.status, reply.body["pending"]) == (200, [])
    assert clock.seconds == 0


def test_true_is_not_one(api: Api, lamp: str, shadows: MemoryShadows) -> None:
    shadows.reported[lamp]["reconnect"] = 1
    reply = api.call("changeSettings", thingName=lamp, body={"desired": {"reconnect": True}})
    assert reply.body["pending"] == ["reconnect"]


# --- who and what it can't be done for


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/desired"),
        ({"desired": {}}, "/desired"),
        ({"desired": [1]}, "/desired"),
        ({"time": 5}, "/desired"),
        ({"desired": {"time": 5}, "version": "4"}, "/version"),
        ({"desired": {"time": 5}, "version": -1}, "/version"),
        ({"desired": {"time": 5}, "colour": "red"}, "/colour"),
        ([], ""),
        ('{"desired": {"reconnect": NaN}}', "/desired/reconnect"),
        ('{"desired": {"reconnect": 1e999}}', "/desired/reconnect"),
        ('{"desired": {"reconnect": "\\ud800"}}', "/desired/reconnect"),
        ('{"desired": {"reconnect": 123456789012345678901}}', "/desired/reconnect"),
        ('{"desired": {"payload": {"t": [3.14159265358979323846]}}}', "/desired/payload/t/0"),
        ('{"desired": {"time": 5, "time": 6}}', ""),
        ('{"desired": {"payload": ' + '{"a":' * 70 + "1" + "}" * 72, ""),
        ('{"desired"', ""),
    ],
)
def test_a_body_that_is_no_change(
    api: Api, lamp: str, shadows: MemoryShadows, body: Any, field: str
) -> None:
    reply = api.call("changeSettings", thingName=lamp, body=body)
    assert (reply.status, reply.fields) == (400, [field])
    assert shadows.desired[lamp] == BEGINNING


@pytest.mark.parametrize("wait", ["-1", "21", "soon", "1.5"])
def test_a_time_that_nobody_waits(api: Api, lamp: str, wait: str) -> None:
    reply = api.call(
        "changeSettings", thingName=lamp, query={"wait": wait}, body={"desired": {"time": 5}}
    )
    assert (reply.status, reply.fields) == (400, ["wait"])


def test_a_device_that_is_offline_is_told_when_it_is_back(
    api: Api, lamp: str, catalog: Any
) -> None:
    catalog.update(lamp, EXECUTION, status="OFFLINE")
    assert api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}}).status == 200


def test_nobody_is_told_nothing(api: Api, shadows: MemoryShadows) -> None:
    reply = api.call("changeSettings", thingName="nobody", body={"desired": {"time": 0}})
    assert (reply.status, shadows.desired) == (404, {})


def test_a_device_that_is_gone_gets_no_shadow(
    api: Api, lamp: str, catalog: Any, shadows: MemoryShadows
) -> None:
    # given
    row = catalog.take(catalog.row(lamp), REMOVAL)
    shadows.delete_thing_shadow(lamp)
    # then
    assert api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}}).status == 409
    catalog.release(row["thing_name"], REMOVAL, "TERMINATED")
    assert api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}}).status == 404
    assert shadows.desired == {}


def test_a_device_that_is_being_made_has_no_settings_yet(
    api: Api, catalog: Any, shadows: MemoryShadows
) -> None:
    catalog.claim("lamp", "bulb", EXECUTION)
    assert api.call("changeSettings", thingName="lamp", body={"desired": {"time": 5}}).status == 409
    assert shadows.desired == {}


def test_viewers_change_nothing(context: Any, lamp: str, shadows: MemoryShadows) -> None:
    assert (
        Api(context, VIEWER)
        .call("changeSettings", thingName=lamp, body={"desired": {"time": 5}})
        .status
        == 403
    )
    assert shadows.desired[lamp] == BEGINNING


@pytest.mark.parametrize(
    ("refusal", "status", "fields"),
    [
        (Refusal("RequestEntityTooLargeException", 413), 413, []),
        (
            Refusal("InvalidRequestException", 400, "JSON contains too many levels of nesting"),
            400,
            ["/desired"],
        ),
        (Refusal("ThrottlingException", 429), 503, []),
        (Refusal("SomethingElse", 418), 500, []),
    ],
)
def test_what_the_shadow_service_refuses(
    api: Api, lamp: str, shadows: MemoryShadows, refusal: Refusal, status: int, fields: list[str]
) -> None:
    def refuse() -> None:
        raise refusal

    shadows.before_writing.append(refuse)
    reply = api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}})
    assert (reply.status, reply.fields) == (status, fields)


def test_the_document_tells_of_every_setting() -> None:
    schema = document()["components"]["schemas"]["SettingsChange"]["properties"]["desired"]
    assert list(schema["properties"]) == [key for key, row in rows().items() if "setBy" not in row]


def test_what_others_have_written_into_the_shadow_is_shown_and_hides_nothing(
    api: Api, lamp: str, monkeypatch: pytest.MonkeyPatch, shadows: MemoryShadows
) -> None:
    # given: numbers that no reader keeps, from another tool
    numbers = '"big": 123456789012345678901234567890, "long": 0.1234567890123456789, "far": 1e999'
    foreign = f'{{{numbers}, "half": "\\ud800"}}'
    document = f'{{"state": {{"desired": {foreign}, "reported": {{"time": 5}}}}, "version": 4}}'
    answer = {"get_thing_shadow": lambda **_: {"payload": io.BytesIO(document.encode())}}
    monkeypatch.setattr(shadows, "get_thing_shadow", answer["get_thing_shadow"])
    # when
    reply = api.call("changeSettings", thingName=lamp, body={"desired": {"time": 5}})
    shown = api.call("describeDevice", thingName=lamp)
    # then
    assert (reply.status, reply.body["pending"]) == (200, [])
    for found in (reply.body["desired"], shown.body["shadow"]["desired"]):
        assert found["big"] == 123456789012345678901234567890
        assert (found["long"], found["far"]) == ("0.1234567890123456789", "1e999")
