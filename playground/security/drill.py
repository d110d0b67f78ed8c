"""A security exercise of a minute: a rogue misbehaves, is found, put into quarantine and released.

A healthy device beside it, the canary, shows that nobody else is disturbed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from common.jsonvalues import is_integer
from playground.devices.devices import Devices
from playground.devices.workflows import DEPROVISION, PROVISION, Workflow
from playground.errors import DrillError, PlaygroundError
from playground.home.homes import Home
from playground.messages.watch import Message, Watcher, kind_of, watching
from playground.security.findings import Found, findings
from playground.security.quarantine import quarantine, release
from playground.stack.demo import Screen, new_name

MISDEEDS = ("tamper", "forbidden-topic", "foreign-shadow")
PATIENCE = 90.0
SILENCE = 5.0
"""Seconds in which a rogue that is free would be heard several times."""


@dataclass
class Canary:
    """The healthy device: it numbers its messages, and this counts which arrived."""

    watcher: Watcher
    heard: list[int] = field(default_factory=list)

    def listen(self, limit: float) -> None:
        """Take the messages that arrive within `limit` seconds."""
        deadline = time.monotonic() + limit
        while (left := deadline - time.monotonic()) > 0:
            message = next(self.watcher.messages(limit=left), None)
            if message is not None:
                self.take(message)

    def take(self, message: Message) -> None:
        """Take one message; only telemetry counts."""
        if kind_of(message.topic) != "telemetry" or not isinstance(message.payload, dict):
            return
        number = message.payload.get("sequence")
        if isinstance(number, int | float) and is_integer(number):
            self.heard.append(int(number))

    @property
    def missed(self) -> list[int]:
        """Numbers that never arrived, between the first and the last that did."""
        there = set(self.heard)
        return (
            [number for number in range(min(there), max(there) + 1) if number not in there]
            if there
            else []
        )


def run_drill(home: Home, screen: Screen) -> list[int]:
    """Run the exercise; gives the numbers of the canary's messages that were lost.

    Both devices are deleted at the end, also after an error. Raises DrillError when a step does not
    go as it should, and what a workflow raises.
    """
    rogue, quiet = new_name(), new_name()
    with watching(home, quiet) as watcher, watching(home, rogue) as suspect:
        canary = Canary(watcher)
        try:
            _make(home, screen, rogue, quiet)
            _begin(home, screen, quiet, canary)
            _play(home, screen, rogue, quiet, suspect)
            heard = len(canary.heard)
            canary.listen(3)
            if len(canary.heard) == heard:
                raise DrillError(f"The canary {quiet} stopped sending.")
        finally:
            _remove(home, screen, rogue, quiet)
    _tell(screen, canary)
    return canary.missed


def _make(home: Home, screen: Screen, rogue: str, quiet: str) -> None:
    _act(screen, f"1. Create a rogue, {rogue}, and a healthy device beside it, the canary {quiet}.")
    for name, device_type in ((rogue, "rogue"), (quiet, "generic")):
        with screen.steps() as show:
            Workflow(home, PROVISION).run(
                {"thingName": name, "deviceType": device_type}, show
            ).require()


def _begin(home: Home, screen: Screen, quiet: str, canary: Canary) -> None:
    Devices(home).desire(quiet, {"time": 1})

    def counting() -> bool:
        canary.listen(1)
        return len(canary.heard) >= 2

    _wait("The canary's first messages", counting)
    screen.say(f"{quiet} sends one message a second. From now on each is counted.")


def _play(home: Home, screen: Screen, rogue: str, quiet: str, suspect: Watcher) -> None:
    devices = Devices(home)
    _act(screen, f"2. The rogue misbehaves: {', '.join(MISDEEDS)}.")
    devices.desire(
        rogue, {"time": 1, "misbehave": list(MISDEEDS), "seed": 1, "period": 1, "victim": quiet}
    )
    _wait("A finding", lambda: findings(home, rogue))
    found = findings(home, rogue)[-1]
    screen.say(f"Finding: {found.rule}, {found.reason}.")
    _act(screen, "3. Put the rogue into quarantine.")
    _confine(home, screen, rogue, found)
    _act(screen, "4. The rogue goes on, but the broker refuses what it publishes.")
    _drain(suspect)
    _expect_silence(screen, suspect)
    _act(
        screen,
        "5. Tell the rogue through its shadow to behave, and release it with a new certificate.",
    )
    devices.desire(rogue, {"misbehave": []})
    _wait(
        "The rogue's report that it behaves",
        lambda: _reported(devices, rogue).get("misbehave") == [],
    )
    with screen.steps() as show:
        release(home, rogue, show).require()
    _drain(suspect)
    message = next(
        (m for m in suspect.messages(limit=PATIENCE) if kind_of(m.topic) == "telemetry"), None
    )
    if message is None:
        raise DrillError(f"{rogue} was released but sends nothing.")
    screen.show(message)


def _confine(home: Home, screen: Screen, rogue: str, found: Found) -> None:
    """Quarantine it. If the detector has done so already, the workflow says so and changes
    nothing.
    """
    with screen.steps() as show:
        outcome = quarantine(
            home, rogue, f"{found.rule}: {found.reason}"[:512], show, verdict=asdict(found)
        ).require()
    screen.say(f"{rogue} is in quarantine: {outcome.get('reason', '')}.")


def _expect_silence(screen: Screen, suspect: Watcher) -> None:
    said = [
        message
        for message in _within(suspect, SILENCE)
        if kind_of(message.topic) in ("telemetry", "event")
    ]
    # Its last will is published by the broker, for the connection that was dropped.
    said = [message for message in said if not message.topic.endswith("/lwt")]
    for message in said:
        screen.show(message)
    if said:
        raise DrillError("The rogue's messages still arrive, although it is in quarantine.")
    screen.say(f"No message from it in {SILENCE:.0f} s.")


def _remove(home: Home, screen: Screen, *names: str) -> None:
    _act(screen, "6. Delete both.")
    known = {row["thing_name"] for row in Devices(home).rows()}
    for name in sorted(known & set(names)):
        with suppress(PlaygroundError), screen.steps() as show:
            Workflow(home, DEPROVISION).run({"thingName": name}, show).require()


def _tell(screen: Screen, canary: Canary) -> None:
    count = len(set(canary.heard))
    missed = canary.missed
    lost = f"{len(missed)} were lost" if missed else "none was lost"
    screen.say(f"\nThe canary sent {count + len(missed)} messages meanwhile; {lost}.")


def _act(screen: Screen, title: str) -> None:
    screen.say(f"\n{title}\n")


def _reported(devices: Devices, name: str) -> dict[str, Any]:
    return dict(devices.shadow(name).get("state", {}).get("reported", {}))


def _drain(watcher: Watcher) -> None:
    for _ in watcher.messages(limit=0.5):
        if watcher.inbox.empty():
            return


def _within(watcher: Watcher, seconds: float) -> Iterator[Message]:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        yield from iter([message] if (message := next(watcher.messages(limit=left), None)) else [])


def _wait(what: str, done: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise DrillError(f"{what} did not come within {PATIENCE:.0f} s.")
        time.sleep(0.1)
