"""What messages of the record say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explaining.entries import Entry, Reader
from explaining.record import Told

DOCUMENTS = "$aws/things/lamp/shadow/update/documents"


def told(at_ms: int, topic: str, body: Any) -> Told:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Told(f"{at_ms:013}-x", at_ms, topic, content)


def document(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {"previous": {"state": before}, "current": {"state": after}}


def read(*messages: Told) -> list[Entry]:
    return list(Reader().entries(messages))


def lines(*messages: Told) -> list[tuple[str, str, int | None]]:
    return [(entry.kind, entry.text, entry.latency_ms) for entry in read(*messages)]


def test_a_change_is_desired_a_delta_and_reported_with_its_latency() -> None:
    old = {"desired": {"time": 60}, "reported": {"time": 60}}
    wished = {"desired": {"time": 5}, "reported": {"time": 60}}
    done = {"desired": {"time": 5}, "reported": {"time": 5}}
    assert lines(
        told(1000, DOCUMENTS, document(old, wished)), told(1042, DOCUMENTS, document(wished, done))
    ) == [
        ("desired", "was asked for time=5", None),
        ("delta", "was told of the difference: time=5", None),
        ("reported", "runs with time=5", 42),
    ]


def test_a_refused_setting_is_trouble_with_value_and_reason() -> None:
    wished = {"desired": {"time": 0}, "reported": {"time": 60}}
    rejection = {"time": {"value": 0, "reason": "must be an integer from 1 to 86400"}}
    refused = {"desired": {"time": 0}, "reported": {"time": 60, "rejected": rejection}}
    found = read(
        told(1000, DOCUMENTS, document({}, wished)),
        told(1019, DOCUMENTS, document(wished, refused)),
    )[-1]
    assert (found.kind, found.trouble, found.latency_ms) == ("rejected", True, 19)
    assert found.text == "refused time=0: must be an integer from 1 to 86400"


def test_true_is_not_one_and_a_removal_is_said() -> None:
    before = {"desired": {"a": 1, "b": 2}}
    assert lines(told(1, DOCUMENTS, document(before, {"desired": {"a": True}})))[0][1] == (
        "was asked for a=true, b removed"
    )


@pytest.mark.parametrize(
    ("reason", "trouble", "words"),
    [
        ("CLIENT_INITIATED_DISCONNECT", False, "it said goodbye"),
        ("CONNECTION_LOST", True, "the network connection broke"),
        ("DUPLICATE_CLIENTID", True, "another client connected with its client id"),
        ("AUTH_ERROR", True, "a policy or its certificate did not allow it"),
        ("MQTT_KEEP_ALIVE_TIMEOUT", True, "it was silent for too long"),
        ("A_NEW_ONE", True, "A_NEW_ONE"),
    ],
)
def test_a_disconnection_in_words(reason: str, trouble: bool, words: str) -> None:  # noqa: FBT001
    body = {"eventType": "disconnected", "disconnectReason": reason}
    (found,) = read(told(1, "$aws/events/presence/disconnected/lamp", body))
    assert (found.text, found.trouble) == (f"disconnected: {words}", trouble)
    assert found.detail["disconnectReason"] == reason


def test_a_command_and_its_reply() -> None:
    asked = {"command": "large", "arguments": {"bytes": 1}}
    refused = {
        "command": "large",
        "status": "refused",
        "error": {"field": "arguments.bytes", "reason": "must be more"},
    }
    assert lines(
        told(1000, "cmd/playground/lamp/req", asked),
        told(1007, "cmd/playground/lamp/res/api/12", refused),
    ) == [
        ("command", "was asked to large bytes=1", None),
        ("reply", "answered large: refused, arguments.bytes: must be more", 7),
    ]


def test_an_unknown_command_is_refused_without_a_name_and_told_with_one() -> None:
    refused = {"command": None, "status": "refused", "error": {"field": "command", "reason": "no"}}
    assert lines(
        told(1000, "cmd/playground/lamp/req", {"command": "dance"}),
        told(1003, "cmd/playground/lamp/res", refused),
    )[1] == ("reply", "answered dance: refused, command: no", 3)


@given(
    st.sampled_from(
        [
            DOCUMENTS,
            "$aws/events/presence/disconnected/lamp",
            "evt/playground/lamp/tamper",
            "cmd/playground/lamp/req",
            "cmd/playground/lamp/res/x",
            "dt/other",
        ]
    ),
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(
                st.sampled_from(
                    ["state", "previous", "current", "desired", "reported", "rejected", "command",
                     "error", "status", "eventType", "a"]
                ),
                inner,
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)  # fmt: skip
def test_whatever_a_device_writes_is_told_and_nothing_breaks(topic: str, body: bytes) -> None:
    for entry in read(told(1_700_000_000_000, topic, body)):
        document = entry.as_dict()
        json.dumps(document, allow_nan=False)
        assert entry.text.isprintable()
        assert len(entry.text) < 20_000
