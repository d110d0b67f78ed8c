"""What the Device Shadow service refuses, and what becomes of nulls."""

from typing import Any

import pytest

from tests.gaps.filled import call, fill


def nested(levels: int) -> dict[str, Any]:
    """So many objects, one in the other."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


def listed(levels: int) -> dict[str, Any]:
    """As deep, by lists."""
    value: list[Any] = []
    for _ in range(levels - 2):
        value = [value]
    return {"in": value}


def of_size(size: int) -> dict[str, Any]:
    """A desired state that makes a document of so many bytes."""
    empty = len('{"desired":{"text":""}}')
    return {"state": {"desired": {"text": "x" * (size - empty)}}}


TOO_DEEP = "JSON contains too many levels of nesting; maximum is 6"
# What AWS refuses, with its words, and the same just within the rule.
REFUSED: dict[str, tuple[Any, str, Any]] = {
    "objects": ({"state": {"desired": nested(7)}}, TOO_DEEP, {"state": {"desired": nested(6)}}),
    "lists": ({"state": {"reported": listed(7)}}, TOO_DEEP, {"state": {"reported": listed(6)}}),
    "token": (
        {"state": {}, "clientToken": "é" * 33},
        "Invalid clientToken",
        {"state": {}, "clientToken": "é" * 32},
    ),
    "version": ({"state": {}, "version": "1"}, "Invalid version", {"state": {}}),
    "section": (
        {"state": {"desired": 1}},
        "Desired node must be an object",
        {"state": {"desired": None}},
    ),
    "node": (
        {"state": {"wanted": {}}},
        "State contains an invalid node",
        {"state": {"desired": {}}},
    ),
    "size": (of_size(8193), "The payload exceeds the maximum size allowed", of_size(8192)),
}


def updated(document: Any) -> Any:
    """What the service says to the update, over either way in."""
    from ministack.services import iot

    return iot.update_thing_shadow("lamp", "", document)


def test_the_emulator_still_takes_them() -> None:
    """When this fails the emulator has learned one: away with that row."""
    from tests.gaps.filled import in_scope

    in_scope()
    taken = {
        name: updated(document)[0]
        for name, (document, _, _) in REFUSED.items()
        if name != "version"
    }
    assert taken == dict.fromkeys(taken, 200)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_awss_words_and_nothing_has_changed(name: str) -> None:
    # given
    fill("shadow_limits")
    refused, words, taken = REFUSED[name]
    import json

    def put(document: Any) -> Any:
        return call(
            "iot-data",
            "iot_data",
            "UpdateThingShadow",
            thingName="lamp",
            payload=json.dumps(document).encode(),
        )

    # when
    answer = put(refused)
    # then
    assert answer.body["message"] == words
    assert answer.status == (413 if name == "size" else 400)
    assert answer.error == (
        "RequestEntityTooLargeException" if name == "size" else "InvalidRequestException"
    )
    assert (
        call("iot-data", "iot_data", "GetThingShadow", thingName="lamp").error
        == "ResourceNotFoundException"
    )
    assert put(taken).status == 200


def test_what_is_there_already_counts_and_what_is_deleted_does_not() -> None:
    # given
    fill("shadow_limits", "shadow_nulls")
    from tests.gaps.filled import in_scope

    in_scope()
    assert updated(of_size(8192))[0] == 200
    # then
    assert updated({"state": {"reported": {"a": 1}}})[0] == 413
    assert updated({"state": {"desired": {"text": None}, "reported": {"a": 1}}})[0] == 200
    assert updated({"state": {"desired": {"text": "x" * 8000}, "reported": None}})[0] == 200


def test_a_payload_that_is_nested_without_end_is_no_json() -> None:
    fill("shadow_limits")
    answer = call(
        "iot-data", "iot_data", "UpdateThingShadow", thingName="lamp", payload=b"[" * 60_000
    )
    assert (answer.status, answer.error) == (400, "InvalidRequestException")


@pytest.mark.parametrize("filled", [False, True])
def test_a_null_is_never_kept(*, filled: bool) -> None:
    """When the first fails the emulator has learned it: away with the gap."""
    # given
    if filled:
        fill("shadow_nulls")
    from ministack.services import iot

    from tests.gaps.filled import in_scope

    in_scope()
    # when
    updated({"state": {"desired": {"was": 1, "color": 7}}})
    updated(
        {
            "state": {
                "desired": {
                    "was": {"a": None, "b": {"c": None, "d": 2}},
                    "new": {"x": None},
                    "color": None,
                }
            }
        }
    )
    # then
    kept = {"was": {"b": {"d": 2}}, "new": {}}
    assert (iot.get_thing_shadow("lamp", "")[1]["state"]["desired"] == kept) is filled
