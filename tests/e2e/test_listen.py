"""`playground listen`: what it hears, and that nothing of it stays whatever way it ends."""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Thread
from typing import Any

import pytest

from playground.errors import WatchError
from playground.messages.listening import Limits, listening
from tests.device.relay import wire_to
from tests.playground_cloud import COMMAND, Cloud, wait_for


@dataclass
class Listener:
    """A `playground listen` that runs."""

    process: "subprocess.Popen[str]"
    messages: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def hears(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return wait_for("a message", lambda: next(filter(wanted, list(self.messages)), None))

    def ends(self, number: int | None = None) -> int:
        """The exit code, after a signal."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def listener(cloud: Cloud, *arguments: str) -> Iterator[Listener]:
    command = [str(COMMAND), "listen", *arguments, "--output", "json"]
    with subprocess.Popen(
        command, env=cloud.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        found = Listener(process)

        def read() -> None:
            for line in process.stdout or ():
                found.messages.append(json.loads(line))

        def read_words() -> None:
            found.said.extend(process.stderr or ())

        for reader in (read, read_words):
            Thread(target=reader, daemon=True).start()
        try:
            wait_for("the listener", lambda: any("Ctrl-C" in line for line in list(found.said)))
            yield found
        finally:
            process.terminate()
            process.wait(30)


def policies(cloud: Cloud) -> list[str]:
    pages = cloud.client("iot").get_paginator("list_policies").paginate()
    return [
        found["policyName"]
        for page in pages
        for found in page["policies"]
        if "-listen-" in found["policyName"]
    ]


@pytest.fixture
def device(cloud: Cloud) -> Iterator[str]:
    name: str = cloud.provision({"thingName": "talker"}).output["thingName"]
    yield name
    assert cloud.deprovision(name).status == "SUCCEEDED"


SPOILT = {
    "abyss": b"[" * 60_000,
    "no text": b"\xff\x00",
    "half a pair": b'"\\ud800"',
    "orders": b"\x1b]52;c;AA==\x07",
}


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_no_message_ends_it(cloud: Cloud, device: str) -> None:
    topics = {name: f"dt/playground/{device}/{name.replace(' ', '-')}" for name in SPOILT}
    with listener(cloud) as everything:
        # when
        for name, topic in topics.items():
            cloud.client("iot-data").publish(topic=topic, qos=1, payload=SPOILT[name])
        # then
        heard = {name: everything.hears(partial(_is_on, topic)) for name, topic in topics.items()}
        assert heard["abyss"]["payload"] == "[" * 60_000
        assert base64.b64decode(heard["no text"]["payload_base64"]) == SPOILT["no text"]
        assert heard["half a pair"]["payload"] == '"\\ud800"'
        assert everything.ends(signal.SIGTERM) == 143


def _is_on(topic: str, heard: dict[str, Any]) -> bool:
    return bool(heard["topic"] == topic)


@pytest.mark.usefixtures("nothing_left")
def test_it_hears_telemetry_and_shadow_and_leaves_nothing(cloud: Cloud, device: str) -> None:
    with listener(cloud) as everything, listener(cloud, "$aws/things/+/shadow/#") as shadows:
        # when
        cloud.desire(device, time=1)
        # then
        telemetry = everything.hears(
            lambda heard: heard["topic"] == f"dt/playground/{device}/telemetry"
        )
        assert telemetry["payload"]["sequence"] >= 0
        delta = shadows.hears(
            lambda heard: heard["topic"] == f"$aws/things/{device}/shadow/update/delta"
        )
        assert delta["payload"]["state"] == {"time": 1}
        assert not any(
            heard["topic"].startswith("$") for heard in everything.messages
        )  # MQTT 5, 4.7.2
        assert len(policies(cloud)) == 2
        # when
        assert everything.ends(signal.SIGTERM) == 143
        assert shadows.ends(signal.SIGINT) == 130
    # then
    assert policies(cloud) == []
    assert list((cloud.folder / "listening").iterdir()) == []


@pytest.mark.usefixtures("nothing_left")
def test_every_part_of_a_message_is_told(cloud: Cloud) -> None:
    with listener(cloud, "test/+/#", "--count", "3") as heard:
        # when
        data = cloud.client("iot-data")
        properties = [{"room": "kitchen"}]
        data.publish(topic="test/a/b", qos=1, payload=b'{"a": [1]}', contentType="application/json")
        data.publish(topic="test/a/c", qos=0, payload=b"\xff\x00", responseTopic="test/answer")
        data.publish(topic="test/b/d", qos=1, payload="grüß".encode(), userProperties=properties)
        # then
        assert heard.ends() == 0
        first, binary, text = wait_for(
            "three", lambda: heard.messages if len(heard.messages) == 3 else None
        )
    assert (first["payload"], first["qos"], first["retain"]) == ({"a": [1]}, 1, False)
    assert first["content_type"] == "application/json"
    assert (binary["payload_base64"], binary["response_topic"]) == ("/wA=", "test/answer")
    assert (text["payload"], text["user_properties"]) == (
        "grüß",
        [{"name": "room", "value": "kitchen"}],
    )
    assert policies(cloud) == []


@pytest.mark.usefixtures("nothing_left")
def test_the_end_of_the_connection_is_an_error_that_leaves_nothing(cloud: Cloud) -> None:
    with wire_to("localhost", cloud.home.mqtt_port) as wire:
        home = replace(cloud.home, mqtt_port=wire.port)

        def listen() -> None:
            with listening(cloud.paths, home, "#", Limits(None, 60), lambda _: None) as packets:
                assert len(policies(cloud)) == 1
                # when
                wire.cut()
                next(packets)

        # then
        with pytest.raises(WatchError, match="was lost"):
            listen()
    assert policies(cloud) == []


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_a_reader_that_goes_away_ends_it(cloud: Cloud) -> None:
    with listener(cloud, "gone/#") as heard:
        # when
        assert heard.process.stdout is not None
        os.dup2(os.open(os.devnull, os.O_RDONLY), heard.process.stdout.fileno())

        def ended() -> bool:
            cloud.client("iot-data").publish(topic="gone/x", qos=1, payload=b"1")
            return heard.process.poll() is not None

        wait_for("the end", ended)
        # then
        assert heard.ends() == 141
    assert policies(cloud) == []


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_what_a_killed_one_has_left_goes_with_the_next_and_with_the_sweep(cloud: Cloud) -> None:
    # given one that runs, and two that were killed
    with listener(cloud, "still/#") as running:
        kept = policies(cloud)
        for _ in range(2):
            with listener(cloud) as killed:
                assert killed.ends(signal.SIGKILL) == -signal.SIGKILL
        # then: the second has removed what the first had left
        (left,) = set(policies(cloud)) - set(kept)
        # when
        found = json.loads(cloud.playground("sweep", "--dry-run", "--output", "json").stdout)[
            "findings"
        ]
        swept = json.loads(cloud.playground("sweep", "--output", "json").stdout)["findings"]
        # then
        assert [(one["kind"], one["name"], one["outcome"]) for one in found] == [
            ("listener", left, "found")
        ]
        assert [(one["kind"], one["name"], one["outcome"]) for one in swept] == [
            ("listener", left, "removed")
        ]
        assert policies(cloud) == kept
        cloud.client("iot-data").publish(topic="still/there", qos=1, payload=b"1")
        assert running.hears(lambda heard: heard["topic"] == "still/there")["payload"] == 1
        assert running.ends(signal.SIGTERM) == 143
    assert policies(cloud) == []
