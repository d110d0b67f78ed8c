"""The whole story in a minute: a rogue misbehaves, is found, confined and let out, while a bystander goes on."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from playground.demo import Screen, new_name
from playground.devices import Devices
from playground.errors import DrillError, PlaygroundError
from playground.homes import Home
from playground.quarantine import quarantine, release
from playground.verdicts import Found, verdicts
from playground.watch import Message, Watcher, kind_of, watching
from playground.workflows import DEPROVISION, PROVISION, Workflow

MISDEEDS = ("tamper", "forbidden-topic", "foreign-shadow")
PATIENCE = 90.0
SILENCE = 5.0
"""Seconds in which a rogue that is free would be heard several times."""


@dataclass
class Bystander:
    """What was heard of a device that counts its messages."""

    watcher: Watcher
    heard: list[int] = field(default_factory=list)

    def listen(self, limit: float) -> None:
        """Take what comes, for at most so many seconds."""
        deadline = time.monotonic() + limit
        while (left := deadline - time.monotonic()) > 0:
            message = next(self.watcher.messages(limit=left), None)
            if message is not None:
                self.take(message)

    def take(self, message: Message) -> None:
        """One message; anything but its telemetry is none of ours."""
        if kind_of(message.topic) == "telemetry" and isinstance(message.payload, dict):
            self.heard.append(int(message.payload["sequence"]))

    @property
    def missed(self) -> list[int]:
        """Numbers between the first and the last that was heard which never were; a repetition is none."""
        there = set(self.heard)
        return [number for number in range(min(there), max(there) + 1) if number not in there] if there else []


def run_drill(home: Home, screen: Screen) -> list[int]:
    """Give the drill; both devices are gone afterwards, whatever happens. Gives the messages that the bystander missed.

    Raises DrillError for an act that does not go as it should, and what a workflow raises.
    """
    rogue, quiet = new_name(), new_name()
    with watching(home, quiet) as watcher, watching(home, rogue) as suspect:
        bystander = Bystander(watcher)
        try:
            _make(home, screen, rogue, quiet)
            _begin(home, screen, quiet, bystander)
            _play(home, screen, rogue, quiet, suspect)
            heard = len(bystander.heard)
            bystander.listen(3)
            if len(bystander.heard) == heard:
                raise DrillError(f"The bystander {quiet} has fallen silent.")
        finally:
            _remove(home, screen, rogue, quiet)
    _tell(screen, bystander)
    return bystander.missed


def _make(home: Home, screen: Screen, rogue: str, quiet: str) -> None:
    _act(screen, f"1. A rogue, {rogue}, and a bystander, {quiet}.")
    for name, device_type in ((rogue, "rogue"), (quiet, "generic")):
        with screen.steps() as show:
            Workflow(home, PROVISION).run({"thingName": name, "deviceType": device_type}, show).require()


def _begin(home: Home, screen: Screen, quiet: str, bystander: Bystander) -> None:
    Devices(home).desire(quiet, {"time": 1})

    def counting() -> bool:
        bystander.listen(1)
        return len(bystander.heard) >= 2

    _wait("the bystander's first messages", counting)
    screen.say(f"{quiet} sends a message every second, and each is counted from now on.")


def _play(home: Home, screen: Screen, rogue: str, quiet: str, suspect: Watcher) -> None:
    devices = Devices(home)
    _act(screen, f"2. The rogue misbehaves: {', '.join(MISDEEDS)}.")
    devices.desire(rogue, {"time": 1, "misbehave": list(MISDEEDS), "seed": 1, "period": 1, "victim": quiet})
    _wait("a verdict", lambda: verdicts(home, rogue))
    found = verdicts(home, rogue)[-1]
    screen.say(f"Found: {found.rule}, {found.reason}.")
    _act(screen, "3. It is put into quarantine.")
    _confine(home, screen, rogue, found)
    _act(screen, "4. It goes on, and nobody hears it.")
    _drain(suspect)
    _expect_silence(screen, suspect)
    _act(screen, "5. It is told to behave, over its shadow, and let out with a new certificate.")
    devices.desire(rogue, {"misbehave": []})
    _wait("the rogue to behave", lambda: devices.shadow(rogue)["state"]["reported"].get("misbehave") == [])
    with screen.steps() as show:
        release(home, rogue, show).require()
    _drain(suspect)
    message = next((m for m in suspect.messages(limit=PATIENCE) if kind_of(m.topic) == "telemetry"), None)
    if message is None:
        raise DrillError(f"{rogue} was let out, and sends nothing.")
    screen.show(message)


def _confine(home: Home, screen: Screen, rogue: str, found: Found) -> None:
    """By hand, unless the detector has done it: then there is nothing left to do, and this says so."""
    with screen.steps() as show:
        outcome = quarantine(home, rogue, f"{found.rule}: {found.reason}"[:512], show, verdict=asdict(found)).require()
    screen.say(f"{rogue} is in quarantine: {outcome.get('reason', '')}.")


def _expect_silence(screen: Screen, suspect: Watcher) -> None:
    said = [message for message in _within(suspect, SILENCE) if kind_of(message.topic) in ("telemetry", "event")]
    # Its last will is published by the broker, for the connection that was dropped.
    said = [message for message in said if not message.topic.endswith("/lwt")]
    for message in said:
        screen.show(message)
    if said:
        raise DrillError("The rogue is heard in quarantine.")
    screen.say(f"Not a word in {SILENCE:.0f} s: what it publishes is refused.")


def _remove(home: Home, screen: Screen, *names: str) -> None:
    _act(screen, "6. Both are deleted.")
    known = {row["thing_name"] for row in Devices(home).rows()}
    for name in sorted(known & set(names)):
        with suppress(PlaygroundError), screen.steps() as show:
            Workflow(home, DEPROVISION).run({"thingName": name}, show).require()


def _tell(screen: Screen, bystander: Bystander) -> None:
    count = len(set(bystander.heard))
    missed = bystander.missed
    verdict = f"missed {len(missed)}" if missed else "missed none"
    screen.say(f"\nThe bystander sent {count + len(missed)} messages meanwhile, and {verdict}.")


def _act(screen: Screen, title: str) -> None:
    screen.say(f"\n{title}\n")


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
            raise DrillError(f"Waited {PATIENCE:.0f} s in vain for {what}.")
        time.sleep(0.1)
