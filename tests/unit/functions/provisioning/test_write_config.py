"""WriteConfig: the config document and the first shadow (docs/contracts.md)."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common.errors import RestartLost, TransientError
from common.identifiers import owner_of
from devices.catalog import Catalog
from provisioning import write_config
from tests.unit.built import built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot, MemoryShadows, Thing
from tests.unit.stack import BUCKET, EXECUTION, OTHER_RESTART, RESTART

KEY = "devices/lamp/config.json"
Objects = Callable[[], dict[str, Any]]
Write = Callable[..., dict[str, str]]


@pytest.fixture
def write(iot: MemoryIot, shadows: MemoryShadows, objects: Objects, context: Any) -> Write:
    """One attempt of the state."""

    def attempt(device_type: str = "generic", model: Any = None) -> dict[str, str]:
        asked = {"deviceType": device_type, "attributes": {"room": "kitchen"}}
        given = asked if model is None else {**asked, "model": model}
        answer: dict[str, str] = built(write_config)({"thingName": "lamp", "input": given}, context)
        return answer

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


@pytest.mark.thorough
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


@pytest.fixture
def restarted(catalog: Catalog, iot: MemoryIot) -> Catalog:
    """A device that a restart holds; somebody has moved it to another room."""
    held = {"device_type": "bulb", "execution_arn": EXECUTION, "restarting": RESTART}
    catalog.table.put_item(Item={"thing_name": "lamp", "status": "OFFLINE", **held})
    moved = {"room": "cellar", "execution": owner_of(EXECUTION)}
    iot.things["lamp"] = Thing(thing_type="playground-bulb", attributes=moved)
    return catalog


@pytest.mark.parametrize("model", [None, {"telemetry": {"power": {"constant": 5}}}])
@pytest.mark.usefixtures("restarted")
def test_a_restart_writes_what_the_device_was_made_for_and_leaves_shadow_and_model(
    write: Write, objects: Objects, shadows: MemoryShadows, context: Any, model: Any
) -> None:
    # given
    write("bulb", model)
    shadows.desired["lamp"]["time"] = 7
    first, before = objects(), dict(shadows.desired["lamp"])
    # when
    built(write_config)({"thingName": "lamp", "restart": RESTART}, context)
    # then
    assert shadows.desired["lamp"] == before
    assert objects().get("models/lamp.json") == model
    written = objects()[KEY]
    assert written.pop("identityUrl")
    assert written == {
        **{name: value for name, value in first[KEY].items() if name != "identityUrl"},
        "attributes": {"room": "cellar"},
    }


def test_a_restart_that_does_not_hold_the_device_writes_nothing(
    write: Write, objects: Objects, restarted: Catalog, context: Any
) -> None:
    # given
    write("bulb")
    before = objects()
    restarted.table.put_item(Item={**(restarted.row("lamp") or {}), "restarting": OTHER_RESTART})
    # then
    with pytest.raises(RestartLost):
        built(write_config)({"thingName": "lamp", "restart": RESTART}, context)
    assert objects() == before
