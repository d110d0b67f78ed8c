"""A tour in a quarter of a minute: provision a device, see its telemetry, change it through its
shadow.
"""

import json
import secrets
import string
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from common.jsonvalues import same
from playground.devices.devices import Devices
from playground.devices.history import Step
from playground.devices.workflows import PROVISION, Workflow
from playground.errors import PlaygroundError
from playground.home.homes import Home
from playground.messages.watch import Message, Watcher, kind_of, reported_by, watching

PATIENCE = 15.0
FAST = 2  # seconds between messages, after the change


@dataclass(frozen=True)
class Screen:
    """Where the tour is shown: text, MQTT messages, and the steps of a workflow as they change."""

    say: Callable[[str], None]
    show: Callable[[Message], None]
    steps: Callable[[], AbstractContextManager[Callable[[Sequence[Step]], None]]]


def run_demo(home: Home, screen: Screen) -> str:
    """Take the tour; the device goes on. Gives its name. Raises PlaygroundError when a part fails
    or takes too long.
    """
    name = new_name()
    # Listening begins first, because a device sends its first message as soon as it is connected.
    with watching(home, name) as watcher:
        with screen.steps() as show_steps:
            Workflow(home, PROVISION).run(
                {"deviceType": "bulb", "thingName": name}, show_steps
            ).require()
        screen.say(f"\n{name} is online. It sends telemetry now, and then every 60 seconds:\n")
        _follow(watcher, screen, _Goal(telemetry=1, report=False))
        screen.say(
            f"\nAsk it for one every {FAST} seconds. The same with the AWS CLI:\n\n  "
            f"{update_command(name)}\n"
        )
        Devices(home).desire(name, {"time": FAST})
        _follow(watcher, screen, _Goal(telemetry=2, report=True))
    return name


def new_name() -> str:
    """A name in the form that the workflow makes up itself."""
    return "dev-" + "".join(
        secrets.choice(string.ascii_uppercase + string.digits) for _ in range(6)
    )


def update_command(name: str) -> str:
    """The AWS CLI command that does what the tour does. Version 2 wants base64 in --payload,
    version 1 text; both read a file's bytes as they are.
    """
    payload = json.dumps({"state": {"desired": {"time": FAST}}})
    update = (
        f"aws iot-data update-thing-shadow --thing-name {name} --payload fileb:///dev/stdin "
        "/dev/stdout"
    )
    return f"echo '{payload}' | {update}"


def is_telling(message: Message) -> bool:
    """Whether a message belongs on the tour: the shadow's inner traffic does not."""
    return (
        kind_of(message.topic) == "telemetry"
        or message.topic.endswith("/shadow/update/delta")
        or is_report(message)
    )


def is_report(message: Message) -> bool:
    """Whether this is the device's report of the new delay."""
    return same(reported_by(message).get("time"), FAST)


@dataclass(frozen=True)
class _Goal:
    """What to wait for: a number of telemetry messages, and perhaps the report of the new delay."""

    telemetry: int
    report: bool


def _follow(watcher: Watcher, screen: Screen, goal: _Goal) -> None:
    reported, telemetry = False, 0
    for message in _until(watcher, PATIENCE):
        # What comes before the change is the device taking its first settings over.
        if kind_of(message.topic) == "telemetry" or (goal.report and is_telling(message)):
            screen.show(message)
        reported = reported or is_report(message)
        telemetry += kind_of(message.topic) == "telemetry"
        if telemetry >= goal.telemetry and (reported or not goal.report):
            return
    raise PlaygroundError(
        f"{watcher.name} did not answer in {PATIENCE:.0f} s: see `playground show {watcher.name}`."
    )


def _until(watcher: Watcher, seconds: float) -> Iterator[Message]:
    deadline = time.monotonic() + seconds
    for message in watcher.messages(limit=seconds):
        yield message
        if time.monotonic() > deadline:
            return
