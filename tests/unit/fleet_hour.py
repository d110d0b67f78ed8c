"""Well-behaved devices for a while, by a clock of their own: the device's real brain, and what AWS
would tell of it.

Nobody waits: time goes from one event to the next.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.unit.sightings import disconnected, message, queue, report
from virtual_device.base.clock import Now
from virtual_device.base.jsonvalue import JsonObject, encode
from virtual_device.connection import topics
from virtual_device.connection.traffic import Traffic
from virtual_device.core import brain
from virtual_device.core.effects import Effects, Publish, UpdateShadow
from virtual_device.shadow.shadow import Delta, Document
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing

START = 1_767_268_800.0
BATCH_SECONDS = 2
BATCH_MESSAGES = 100
INTERVALS = (1, 2, 5, *[60] * 17)
"""What people set `time` to: the shortest that there is among them."""

REPORT_SECONDS = 300.0
CHANGE_SECONDS = 600.0
"""On average, between two things that happen to a device: a setting, a command, a lost
connection.
"""


@dataclass
class Player:
    """One device on the clock of its fleet."""

    fleet: "Fleet"
    thing: Thing
    state: brain.State = field(init=False)
    traffic: Traffic = field(default_factory=Traffic)
    reported: Any = None
    desired: dict[str, Any] = field(default_factory=dict)
    version: int = 1

    def __post_init__(self) -> None:
        """Switch it on, some time in the first minute, and have it come back as often as it
        must.
        """
        self.state = brain.start(self.thing, None)
        self.reported = self.traffic.counts()
        dice = self.fleet.dice
        self.desired = {"time": dice.choice(INTERVALS), "metrics": int(REPORT_SECONDS)}
        self.fleet.at(dice.uniform(0, 60), self.connect)
        self.fleet.at(dice.uniform(60, 60 + REPORT_SECONDS), self.report)
        self.fleet.at(dice.expovariate(1 / CHANGE_SECONDS), self.something)

    def connect(self) -> None:
        """With its shadow read, and telemetry from then on."""
        self.traffic.connected()
        self.do(brain.on_connected(self.thing, self.state, self.fleet.now))
        self.do(
            brain.on_document(
                self.thing, self.state, Document(self.version, self.desired, {}), self.fleet.now
            )
        )
        self.tick()

    def tick(self) -> None:
        """What is due, and the next time."""
        due = self.state.due
        if not self.state.connected or due is None:
            return
        if due <= self.fleet.seconds:
            self.do(brain.on_time(self.thing, self.state, self.fleet.now))
            due = self.state.due
        assert due is not None
        self.fleet.at(max(due - self.fleet.seconds, 0.001), self.tick, key=self.thing.name)

    def do(self, step: brain.Step) -> None:
        """Have the effects that leave the device."""
        self.state, effects = step
        self._send(effects)

    def _send(self, effects: Effects) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                self.publish(effect.topic, effect.payload)
            elif isinstance(effect, UpdateShadow):
                self.publish(
                    f"{topics.shadow(self.thing.name)}/update",
                    encode({"state": {"reported": effect.reported}}),
                )
                self.version += 1
                self.do(brain.on_update_accepted(self.state, self.version))

    def publish(self, topic: str, payload: bytes) -> None:
        """By the queue, as the rule on messages has it."""
        self.traffic.sent(payload)
        self.fleet.publish(self.thing.name, topic, payload)

    def report(self) -> None:
        """Its metrics, with the counts that the real device keeps."""
        if self.state.connected:
            counts = self.traffic.counts()
            sent = counts.messages_sent - self.reported.messages_sent
            refused = counts.publishes_refused - self.reported.publishes_refused
            now = self.fleet.now
            self.fleet.tell(
                report(self.thing.name, int(now.wall), sent, refused, int(now.wall * 1000))
            )
            self.reported = counts
        self.fleet.at(REPORT_SECONDS, self.report)

    def something(self) -> None:
        """Happens to every device now and then."""
        self.fleet.dice.choice((self.changed, self.asked, self.lost, self.switched))()
        self.fleet.at(self.fleet.dice.expovariate(1 / CHANGE_SECONDS), self.something)

    def changed(self) -> None:
        """A setting: often, and as large as it may be."""
        dice = self.fleet.dice
        patches: tuple[JsonObject, ...] = (
            {"unit": dice.choice(("metric", "imperial"))},
            {"time": dice.choice(INTERVALS)},
            {"payload": {"filler": "x" * 2000}},
            {"debug": "on"},
        )
        patch = dice.choice(patches)
        self.desired |= patch
        if self.state.connected:
            self.version += 1
            self.do(
                brain.on_delta(self.thing, self.state, Delta(self.version, patch), self.fleet.now)
            )
            self.tick()

    def asked(self) -> None:
        """Five commands in a row."""
        for _ in range(5 if self.state.connected else 0):
            self.publish(
                topics.response(self.thing.name),
                encode(telemetry.generate(self.thing, self.state.settings, 0, 0)),
            )

    def lost(self) -> None:
        """Its connection. In half of the cases the server notices when it comes back: a duplicate,
        once.
        """
        self.away(
            self.fleet.dice.choice(
                ("CONNECTION_LOST", "DUPLICATE_CLIENTID", "MQTT_KEEP_ALIVE_TIMEOUT")
            )
        )

    def switched(self) -> None:
        """Off and on."""
        self.away("CLIENT_INITIATED_DISCONNECT")

    def away(self, reason: str) -> None:
        """For some seconds."""
        if not self.state.connected:
            return
        self.state = brain.on_disconnected(self.state)
        self.fleet.tell(
            disconnected(
                self.thing.name, reason, int(self.fleet.now.wall * 1000), f"{self.fleet.number()}"
            )
        )
        self.fleet.at(self.fleet.dice.uniform(0.5, 20), self.connect)


class Fleet:
    """So many devices, and what is told of them to `tell`."""

    def __init__(self, size: int, seed: int, tell: Callable[[dict[str, Any]], None]) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be kept secret
        self.seconds = 0.0
        self.told: Counter[str] = Counter()
        self._tell = tell
        self._events: list[tuple[float, int, Callable[[], None], str]] = []
        self._latest: dict[str, int] = {}
        self._numbers: Iterator[int] = itertools.count()
        self._queue: list[dict[str, Any]] = []
        types = sorted(DEVICE_TYPES)
        self.players = [
            Player(self, Thing(f"dev-{n:04}", types[n % len(types)])) for n in range(size)
        ]

    @property
    def now(self) -> Now:
        """On both clocks."""
        return Now(START + self.seconds, self.seconds)

    def number(self) -> int:
        """Another one."""
        return next(self._numbers)

    def at(self, seconds: float, call: Callable[[], None], key: str = "") -> None:
        """Call it then; of several with one key, the last alone."""
        number = self.number()
        if key:
            self._latest[key] = number
        heapq.heappush(self._events, (self.seconds + seconds, number, call, key))

    def run(self, seconds: float) -> None:
        """For so long."""
        self.at(0, self._deliver)
        while self._events and self._events[0][0] <= seconds:
            self.seconds, number, call, key = heapq.heappop(self._events)
            if not key or self._latest[key] == number:
                call()
        self._deliver()

    def publish(self, thing: str, topic: str, payload: bytes) -> None:
        """A message that the rule puts into the queue."""
        self.told["messages"] += 1
        self._queue.append(
            message(thing, int(self.now.wall * 1000), f"m{self.number()}", payload, topic)
        )

    def tell(self, event: dict[str, Any]) -> None:
        """What a rule hands over at once."""
        self.told[event.get("disconnectReason", event["source"])] += 1
        self._tell(event)

    def _deliver(self) -> None:
        """Batches: out of order, and one message in a hundred twice."""
        self._queue += [record for record in self._queue if self.dice.random() < 0.01]
        self.dice.shuffle(self._queue)
        for start in range(0, len(self._queue), BATCH_MESSAGES):
            self._tell(queue(*self._queue[start : start + BATCH_MESSAGES]))
        self._queue = []
        self.at(BATCH_SECONDS, self._deliver)
