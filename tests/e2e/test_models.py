"""Device types with a life of their own, and models that a user writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.messages.watch import watching
from tests.playground_cloud import Cloud

MODEL = {
    "name": "beehive",
    "seed": "apiary",
    "telemetry": {
        "brood": {"sine": {"mean": 35, "amplitude": 0, "period": 60}, "quantity": "temperature"},
        "bees": {"counter": {"start": 40_000, "step": -1}},
        "queen": {"object": {"marked": {"constant": True}}},
    },
}


@pytest.fixture
def made(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """The name of the device that the test makes; removed afterwards."""
    yield "dev-MODEL"
    cloud.playground("delete", "dev-MODEL")


def next_telemetry(cloud: Cloud, name: str, **settings: Any) -> dict[str, Any]:
    """What the device sends after a change of its settings."""
    with watching(cloud.home, name) as watcher:
        cloud.desire(name, **settings)
        for message in watcher.messages():
            if (
                message.topic == f"dt/playground/{name}/telemetry"
                and message.payload["unit"] == settings["unit"]
            ):
                content: dict[str, Any] = message.payload
                return content
    raise AssertionError("no telemetry")


@pytest.mark.thorough
def test_a_thermostat_sends_what_its_model_says(cloud: Cloud, made: str) -> None:
    # when
    cloud.playground("create", "--type", "thermostat", "--name", made)
    # then
    message = next_telemetry(cloud, made, time=1, unit="metric")
    assert {"temperature", "target", "humidity", "mode", "battery"} <= message.keys()
    assert cloud.row(made)["device_type"] == "thermostat"
    thing = cloud.client("iot").describe_thing(thingName=made)
    assert thing["thingTypeName"] == f"{cloud.home.stack_name}-thermostat"


def test_a_model_of_ones_own(cloud: Cloud, made: str, tmp_path: Path) -> None:
    # given
    file = tmp_path / "beehive.json"
    file.write_text(json.dumps(MODEL))
    # when
    cloud.playground("create", "--model", str(file), "--name", made)
    # then
    message = next_telemetry(cloud, made, time=1, unit="imperial")
    assert message["brood"] == 95.0
    assert message["bees"] == 40_000 - message["sequence"]
    assert message["queen"] == {"marked": True}


@pytest.mark.thorough
def test_a_meter_is_read_by_a_command_of_its_model(cloud: Cloud, made: str) -> None:
    # given
    cloud.playground("create", "--type", "meter", "--name", made)
    # when
    reply = json.loads(
        cloud.playground("command", made, "read", "reader=me", "--output", "json").stdout
    )
    shown = cloud.playground("command", made, "help").stdout
    # then
    assert reply["status"] == "accepted"
    assert {"energy", "tariff", "readAt"} < reply["result"].keys()
    assert reply["result"]["reader"] == "me"
    assert "read the meter" in shown


@pytest.mark.thorough
def test_a_message_of_ones_own_is_answered_as_the_model_says(
    cloud: Cloud, made: str, tmp_path: Path
) -> None:
    # given
    file = tmp_path / "beehive.json"
    hello = {
        "on": {"hello": "bees"},
        "reply": {"buzz": {"telemetry": "queen"}, "to": {"request": "from"}},
    }
    file.write_text(json.dumps({**MODEL, "replies": [hello]}))
    cloud.playground("create", "--model", str(file), "--name", made)
    # when
    with watching(cloud.home, made) as watcher:
        request = json.dumps({"hello": "bees", "from": "keeper"}).encode()
        cloud.client("iot-data").publish(topic=f"cmd/playground/{made}/req", qos=1, payload=request)
        answer = next(
            message
            for message in watcher.messages()
            if message.topic == f"cmd/playground/{made}/res"
        )
    # then
    assert answer.payload == {"buzz": {"marked": True}, "to": "keeper"}


def test_a_bad_model_is_refused_before_anything_is_made(
    cloud: Cloud, tmp_path: Path, nothing_left: None
) -> None:
    # given
    file = tmp_path / "bad.json"
    file.write_text(
        json.dumps({"telemetry": {"t": {"sine": {"amplitude": 1, "period": 0}}, "u": {"walk": {}}}})
    )
    # when
    refused = cloud.playground("create", "--model", str(file), check=False)
    # then
    assert refused.returncode == 1
    assert f"{file}: telemetry.t.sine.period: must be a number > 0" in refused.stderr
    assert f"{file}: telemetry.u.walk.step: is missing" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_models_are_listed_and_shown(cloud: Cloud) -> None:
    # when
    listed = json.loads(cloud.playground("models", "--output", "json").stdout)["models"]
    shown = json.loads(cloud.playground("models", "vehicle").stdout)
    unknown = cloud.playground("models", "toaster", check=False)
    # then
    names = [model["name"] for model in listed]
    assert set(names) == {
        "generic", "bulb", "switch", "rogue", "thermostat", "vehicle", "meter", "host",
    }  # fmt: skip
    assert all(model["sample"]["thingName"] for model in listed)
    assert [model["name"] for model in listed if "read" in model["replies"]] == ["meter"]
    assert "route" in shown["telemetry"]["position"]
    assert unknown.returncode == 4
    assert "vehicle" in unknown.stderr
