"""A tour in a quarter of a minute: provision a device, see its telemetry, change it through its shadow."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from playground.devices import Devices
from playground.errors import PlaygroundError
from playground.homes import Home
from playground.watch import Message, Watcher, kind_of, watching

PATIENCE = 15.0
FAST = 2  # seconds between messages, after the change

Say = Callable[[str], None]


def run_demo(home: Home, name: str, show: Callable[[Message], None], say: Say) -> None:
    """Speed a new device up and show how it answers. Raises PlaygroundError when it does not, in time."""
    say(f"\n{name} is online. It tells its temperature every 60 seconds, as its shadow desires:")
    say(json.dumps(Devices(home).shadow(name).get("state", {}).get("desired", {})))
    with watching(home, name) as watcher:
        say(f"\nAsk it to do so every {FAST} seconds. The same with the AWS CLI:\n\n  {update_command(name)}\n")
        Devices(home).desire(name, {"time": FAST})
        _follow(watcher, show)


def update_command(name: str) -> str:
    """The AWS CLI command that does what the tour does."""
    payload = json.dumps({"state": {"desired": {"time": FAST}}})
    return (
        f"aws iot-data update-thing-shadow --thing-name {name} "
        f"--cli-binary-format raw-in-base64-out --payload '{payload}' /dev/stdout"
    )


def is_telling(message: Message) -> bool:
    """Whether a message belongs on the tour: the shadow's inner traffic does not."""
    return kind_of(message.topic) == "telemetry" or message.topic.endswith("/shadow/update/delta") or is_report(message)


def is_report(message: Message) -> bool:
    """Whether this is the device's report of the new delay."""
    if not message.topic.endswith("/shadow/update/accepted") or not isinstance(message.payload, dict):
        return False
    reported: dict[str, Any] = (message.payload.get("state") or {}).get("reported") or {}
    return reported.get("time") == FAST


def _follow(watcher: Watcher, show: Callable[[Message], None]) -> None:
    reported, telemetry = False, 0
    for message in _until(watcher, PATIENCE):
        if is_telling(message):
            show(message)
        reported = reported or is_report(message)
        telemetry += kind_of(message.topic) == "telemetry"
        if reported and telemetry >= 3:
            return
    raise PlaygroundError(
        f"The device did not answer within {PATIENCE:.0f} s: `playground show {watcher.name}` tells more."
    )


def _until(watcher: Watcher, seconds: float) -> Iterator[Message]:
    deadline = time.monotonic() + seconds
    for message in watcher.messages(limit=seconds):
        yield message
        if time.monotonic() > deadline:
            return
