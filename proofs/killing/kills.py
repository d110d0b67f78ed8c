"""One kill: the work goes on, some of the local cloud's processes end at once, `up` brings it back,
all is counted.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from playground.home.state import LocalState
from proofs.killing.look import settled
from proofs.killing.work import Ledger, Work
from tests.playground_cloud import UP_LIMIT, Cloud

WITHIN = 5.0
"""Seconds after which what was acknowledged must not be lost (docs/homes.md)."""
FIRST = 4
"""Devices that are there before the first kill."""
MOMENTS = (2.0, 20.0)
"""Seconds after which it comes. The first provisioning after an `up` takes five and more."""
VICTIMS = ("emulator", "emulator", "agent", "machine")


@dataclass
class Counted:
    """Over all kills."""

    kills: int = 0
    devices: int = 0
    """Acknowledged for longer than WITHIN when the kill came, summed over the kills."""
    lost: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    """Removed for longer than that, and there again."""
    half_made: list[str] = field(default_factory=list)
    other_identity: list[str] = field(default_factory=list)
    changes: int = 0
    seconds_up: list[float] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All that must not be."""
        return self.lost + self.back + self.half_made + self.other_identity


def victims(cloud: Cloud, which: str) -> list[int]:
    """Process ids: of the emulator, of the agent, or of everything that the local cloud runs."""
    state = LocalState.load(cloud.paths)
    assert state.emulator is not None
    assert state.agent is not None
    if which != "machine":
        return [getattr(state, which).pid]
    heads = [psutil.Process(state.emulator.pid), psutil.Process(state.agent.pid)]
    return [one.pid for head in heads for one in (*head.children(recursive=True), head)]


def kill(cloud: Cloud, which: str) -> None:
    """SIGKILL, all at once."""
    for pid in victims(cloud, which):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_and_count(
    cloud: Cloud,
    kills: int,
    rng: random.Random,
    say: Callable[[str], None] = lambda _text: None,
    within: float = WITHIN,
) -> Counted:
    """Kill so many times. `within`: seconds after which what was acknowledged must not be lost."""
    counted, ledger = Counted(), Ledger()
    identities: dict[str, str] = {}
    work = Work(cloud, ledger, rng)
    work.create_some(FIRST)
    for number in range(kills):
        which, after = rng.choice(VICTIMS), rng.uniform(*MOMENTS)
        work.begin()
        time.sleep(after)
        moment = time.monotonic() - within
        kill(cloud, which)
        must, gone = ledger.must_be_there(moment), ledger.must_be_gone(moment)
        work.end()
        begun = time.monotonic()
        cloud.playground("up", timeout=UP_LIMIT)
        counted.seconds_up.append(time.monotonic() - begun)
        found = settled(cloud)
        counted.kills += 1
        counted.devices += len(must)
        where = f"kill {number + 1} ({which})"
        counted.lost += [f"{where}: {name} is lost" for name in sorted(must - found.there)]
        counted.back += [f"{where}: {name} is back" for name in sorted(gone & found.there)]
        counted.half_made += [f"{where}: {text}" for text in found.half_made]
        counted.other_identity += [
            f"{where}: {name} has another certificate"
            for name in sorted(must & found.there & identities.keys())
            if found.certificates[name] != identities[name]
        ]
        identities = found.certificates
        say(
            f"{where} after {after:.1f} s: {len(must)} devices older than {within:.0f} "
            f"s; {len(counted.wrong)} wrong"
        )
        ledger.settle(found.there)
    counted.changes = ledger.changes
    return counted
