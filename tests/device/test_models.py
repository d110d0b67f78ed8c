"""What devices of several models send, through a real broker."""

import json
from typing import Any

import pytest

from tests.device.cloud import Cloud
from tests.device.process import Workbench

pytestmark = pytest.mark.timeout(400)


def test_each_device_of_a_process_sends_what_its_model_says(cloud: Cloud, bench: Workbench) -> None:
    # Given a vehicle, a thermostat, and a device with a model of its own
    bench.config("dev-VAN", "vehicle")
    bench.config("dev-WARM", "thermostat")
    own = bench.config("dev-OWN", "bulb")
    model = {
        "telemetry": {"light": {"setting": "status"}, "turn": {"sequence": {"of": ["a", "b"]}}}
    }
    own.write_text(json.dumps({**json.loads(own.read_text()), "model": model}))
    # When one process hosts them
    bench.start(bench.configs)
    # Then each sends its own kind of telemetry
    sent: dict[str, Any] = {
        name: cloud.wait_for(f"dt/playground/{name}/telemetry")[0].content
        for name in ("dev-VAN", "dev-WARM", "dev-OWN")
    }
    assert 48.1 < sent["dev-VAN"]["position"]["latitude"] < 48.2
    assert 20 < sent["dev-VAN"]["speed"] < 40
    assert sent["dev-WARM"]["target"] in {17, 20, 21}
    assert {name: sent["dev-OWN"][name] for name in ("light", "turn")} == {
        "light": "off",
        "turn": "a",
    }
    # And when the unit changes, so does what is sent
    cloud.change("dev-VAN", unit="imperial", time=1)
    cloud.wait_until(
        lambda: cloud.messages("dt/playground/dev-VAN/telemetry")[-1].content["unit"] == "imperial"
    )
    assert 12 < cloud.messages("dt/playground/dev-VAN/telemetry")[-1].content["speed"] < 25


def test_several_messages_go_to_their_topics_at_their_intervals(
    cloud: Cloud, bench: Workbench
) -> None:
    # Given a model of two messages, one of them without an interval of its own
    config = bench.config("dev-TWO")
    state = {"array": {"of": [{"thing": "name"}, {"counter": {}}]}}
    model = {
        "envelope": False,
        "messages": [
            {"telemetry": {"switch:0": {"object": {"id": {"constant": 0}}}}},
            {"topic": "tele/{thing}/STATE", "every": 1, "content": state},
        ],
    }
    config.write_text(json.dumps({**json.loads(config.read_text()), "model": model}))
    # When it is started
    bench.start(config)
    # Then both come, and the second one goes on by itself
    first = cloud.wait_for("dt/playground/dev-TWO/telemetry")[0].content
    assert first == {"switch:0": {"id": 0}}
    rows = cloud.wait_for("dt/playground/dev-TWO/tele/dev-TWO/STATE", 3)
    assert [row.content for row in rows[:3]] == [["dev-TWO", n] for n in range(3)]
    assert len(cloud.messages("dt/playground/dev-TWO/telemetry")) == 1


def test_a_device_does_not_start_with_a_bad_model(bench: Workbench) -> None:
    # Given a config whose model breaks two rules
    config = bench.config("dev-BAD")
    model = {"telemetry": {"a": 5, "b": {"sine": {"amplitude": 1, "period": -1}}}}
    config.write_text(json.dumps({**json.loads(config.read_text()), "model": model}))
    # When it is started
    device = bench.start(config)
    # Then it says what is wrong, and that starting it again is of no use
    assert device.exit_code() == 2
    message = device.log()[-1]["message"]
    assert "telemetry.a: must be an object" in message
    assert "telemetry.b.sine.period: must be a number > 0" in message
