"""WriteConfig: the config document and the first shadow (docs/contracts.md)."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common.errors import TransientError
from provisioning import write_config
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.stack import BUCKET

KEY = "devices/lamp/config.json"
Objects = Callable[[], dict[str, Any]]
Write = Callable[..., dict[str, str]]


@pytest.fixture
def write(iot: MemoryIot, shadows: MemoryShadows, objects: Objects, context: Any) -> Write:
    """One attempt of the state."""

    def attempt(device_type: str = "generic", model: Any = None) -> dict[str, str]:
        event = {
            "thingName": "lamp",
            "deviceType": device_type,
            "attributes": {"room": "kitchen"},
            "model": model,
        }
        return write_config.handler(event, context)

    return attempt


def test_the_config_document_is_the_contracts(write: Write, objects: Objects) -> None:
    # when
    answer = write("bulb")
    # then
    endpoint = "abc123-ats.iot.eu-west-1.amazonaws.com"
    assert answer == {"endpoint": endpoint, "configUri": f"s3://{BUCKET}/{KEY}"}
    document = objects()[KEY]
    document.pop("identityUrl")
    assert document == {
        "version": 1,
        "thingName": "lamp",
        "deviceType": "bulb",
        "endpoint": endpoint,
        "port": 8883,
        "attributes": {"room": "kitchen"},
    }


def test_a_model_of_its_own_is_in_the_config_document(write: Write, objects: Objects) -> None:
    # given
    model = {"telemetry": {"power": {"constant": 5}}}
    # when
    write("bulb", model)
    # then
    assert objects()[KEY]["model"] == model


def test_the_reference_to_the_identity_is_signed_for_fifteen_minutes(
    write: Write, objects: Objects
) -> None:
    # when
    write()
    # then
    url = urlsplit(objects()[KEY]["identityUrl"])
    query = parse_qs(url.query)
    assert url.scheme == "https"
    assert f"{url.netloc}{url.path}".startswith(BUCKET)
    assert url.path == "/devices/lamp/identity.json"
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_no_reference_is_told_to_the_workflow_or_the_log(
    write: Write, printed: Callable[[], str]
) -> None:
    # when
    answer = write()
    # then
    output = printed()
    assert "config written" in output
    for told in (json.dumps(answer), output):
        assert "X-Amz-" not in told
        assert "identity.json" not in told


@pytest.mark.parametrize(
    ("device_type", "more"),
    [("generic", {}), ("switch", {"position": "off"}), ("rogue", {}), ("bulb", {"status": "off"})],
)
def test_the_first_shadow_holds_the_defaults(
    write: Write, shadows: MemoryShadows, device_type: str, more: dict[str, str]
) -> None:
    # when
    write(device_type)
    # then
    defaults = {
        "time": 60,
        "topic": "dt/playground/lamp/telemetry",
        "unit": "metric",
        "debug": "off",
    }
    assert shadows.desired == {"lamp": defaults | more}


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_attempt_after_any_interruption_completes(
    write: Write,
    objects: Objects,
    shadows: MemoryShadows,
    function_clients: list[Any],
    at: int,
    how: str,
) -> None:
    # given
    with (
        faults.interrupted(function_clients, at, how),
        pytest.raises((TransientError, faults.Killed)),
    ):
        write()
    # when
    write()
    # then
    assert list(objects()) == [KEY]
    assert list(shadows.desired) == ["lamp"]


def test_a_restart_leaves_the_shadow_and_the_model_as_they_are(
    write: Write, objects: Objects, shadows: MemoryShadows, context: Any
) -> None:
    # given
    model = {"telemetry": {"power": {"constant": 5}}}
    write("bulb", model)
    shadows.desired["lamp"]["time"] = 7
    before = {"models/lamp.json": objects()["models/lamp.json"], **shadows.desired["lamp"]}
    # when
    event = {
        "thingName": "lamp",
        "deviceType": "bulb",
        "attributes": {},
        "model": model,
        "keepShadow": True,
    }
    write_config.handler(event, context)
    # then
    assert {"models/lamp.json": objects()["models/lamp.json"], **shadows.desired["lamp"]} == before
    assert objects()[KEY]["model"] == model == objects()["models/lamp.json"]
