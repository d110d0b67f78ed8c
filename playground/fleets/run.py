"""Put a fleet through the stages of its file, and count what is heard of it meanwhile.

Nothing of it runs in the cloud: wishes go into the devices' shadows, commands and all messages
through one MQTT connection. So it is the same on the laptop and on AWS.
"""

import queue
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from awscrt import mqtt5

from common.fleet_stages import Act, Action, Measure, Stage
from common.fleet_wish import FleetWish
from common.jsonvalues import encode
from playground.devices.costs import Prices, costs_of, total
from playground.devices.devices import Devices, Row
from playground.errors import WatchError
from playground.fleets.figures import percentiles, share
from playground.fleets.fleets import AT_ONCE, Fleet
from playground.fleets.hearing import FILTERS, Arrival, Hearing
from playground.fleets.speeding import faster, sets_speed
from playground.fleets.stopping import Stopped, Stopping
from playground.fleets.tally import Tally
from playground.home.homes import Home
from playground.messages.watch import connection, message_of, subscribe

TICK = 0.1
"""Seconds between two looks at what is due, when nothing is heard."""

SAMPLE = 1.0
"""Seconds between two points of the series."""

MOST_POINTS = 2400
"""Of the series: of a longer one every second point goes."""

A_MINUTE = 60.0

EXPIRES = 30
"""Seconds for which the broker keeps a command for a device that is not there."""


@dataclass(frozen=True)
class Point:
    """The run at one moment; `heard` and `lost` are counted from its beginning."""

    at: float
    online: int
    heard: int
    lost: int
    pending: int

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "at": round(self.at, 1),
            "online": self.online,
            "heard": self.heard,
            "lost": max(self.lost, 0),
            "pending": self.pending,
        }


@dataclass(frozen=True)
class Staged:
    """A stage that is over, or as far as it came."""

    name: str
    began: float
    seconds: float
    tally: Tally

    def data(self) -> dict[str, Any]:
        """For programs."""
        times = {"began": round(self.began, 1), "seconds": round(self.seconds, 1)}
        return {"name": self.name, **times, **self.tally.data()}


@dataclass
class Run:
    """What became of it so far. `ended_by` is None as long as nothing has ended it early."""

    fleet: str
    seed: int
    devices: int
    started_at: datetime
    speed: int = 1
    stages: list[Staged] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    ended_by: Stopped | str | None = None
    cost: dict[str, Any] = field(default_factory=dict)

    def add(self, point: Point) -> None:
        """One more of the series."""
        self.points.append(point)
        if len(self.points) > MOST_POINTS:
            del self.points[1::2]

    def data(self) -> dict[str, Any]:
        """For programs; the file of the report."""
        whole = Tally()
        for staged in self.stages:
            whole.merge(staged.tally)
        ended = self.ended_by.data() if isinstance(self.ended_by, Stopped) else self.ended_by
        return {
            "fleet": self.fleet,
            "seed": self.seed,
            "speed": self.speed,
            "devices": self.devices,
            "startedAt": self.started_at.isoformat(timespec="milliseconds"),
            "seconds": round(self.seconds, 1),
            "endedBy": ended,
            "stages": [staged.data() for staged in self.stages],
            "total": whole.data(),
            "cost": self.cost,
            "series": [point.data() for point in self.points],
        }


@dataclass(frozen=True)
class Now:
    """What a run says of itself while it goes on."""

    stage: str
    left: float
    """Seconds of the stage."""
    online: int
    devices: int
    rate: float
    """Messages a second, of the latest second."""
    lost: int
    pending: int
    tally: Tally


Show = Callable[[Now], None]
Deed = Callable[[], None]


@dataclass
class Conductor:
    """Carries out the stages on one open connection."""

    devices: Devices
    wish: FleetWish
    groups: dict[str, list[str]]
    """Names of the devices that are there, by group."""
    hearing: Hearing
    run: Run
    client: mqtt5.Client
    inbox: "queue.Queue[Deed | WatchError]"
    stopping: Stopping
    show: Show
    began: float = field(default_factory=time.monotonic)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    whole: Tally = field(default_factory=Tally)
    """Of the stages that are over."""
    _calls: list["Future[None]"] = field(default_factory=list)
    _sampled: float = 0.0
    _before: int = 0

    def conduct(self) -> None:
        """All stages, one after the other, until one of the stops holds.

        Whatever ends it, the run has what was heard until then.
        """
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            try:
                for number, stage in enumerate(self.wish.stages):
                    self._stage(number, stage, pool)
                    if self.run.ended_by is not None:
                        return
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                self.run.seconds = time.monotonic() - self.began

    def follow(self) -> None:
        """No stage: listen until somebody ends it. The figures begin anew every minute."""
        while True:
            self._tick_until(Stage("watch", A_MINUTE, ()), time.monotonic(), [], None)
            self.whole.heard += self.hearing.close().heard

    def _stage(self, number: int, stage: Stage, pool: ThreadPoolExecutor) -> None:
        began = time.monotonic()
        try:
            self._tick_until(stage, began, self._deeds(number, stage, began), pool)
        finally:
            tally = self.hearing.close()
            self.whole.merge(tally)
            took = time.monotonic() - began
            self.run.stages.append(Staged(stage.name, began - self.began, took, tally))

    def _tick_until(
        self,
        stage: Stage,
        began: float,
        due: list[tuple[float, Deed]],
        pool: ThreadPoolExecutor | None,
    ) -> None:
        end = began + stage.seconds
        while (now := time.monotonic()) < end and self.run.ended_by is None:
            while pool is not None and due and due[-1][0] <= now:
                self._calls.append(pool.submit(due.pop()[1]))
            self._hear(min(TICK, end - now))
            if time.monotonic() - self._sampled >= SAMPLE:
                self._sample(stage, end)

    def _hear(self, patience: float) -> None:
        """What has come, and what comes within so many seconds."""
        try:
            deed = self.inbox.get(timeout=max(patience, 0.001))
            while True:
                if isinstance(deed, WatchError):
                    raise deed
                deed()
                deed = self.inbox.get_nowait()
        except queue.Empty:
            pass

    def _sample(self, stage: Stage, end: float) -> None:
        for call in [call for call in self._calls if call.done()]:
            self._calls.remove(call)
            call.result()
        now, tally = time.monotonic(), self.hearing.tally
        heard = self.whole.heard + tally.heard
        rate = (heard - self._before) / (now - self._sampled) if self._sampled else 0.0
        self._sampled, self._before = now, heard
        pending = len(self.hearing.changes)
        online, lost = len(self.hearing.online), self.whole.lost + tally.lost
        self.run.add(Point(now - self.began, online, heard, lost, pending))
        devices = len(self.hearing.names)
        self.show(Now(stage.name, end - now, online, devices, rate, max(lost, 0), pending, tally))
        self.run.ended_by = self.stopping.look(self._values(now), now)

    def _values(self, now: float) -> dict[Measure, float]:
        hearing, tally = self.hearing, self.hearing.tally
        changes = [*tally.changes, *hearing.waiting(now)]
        devices = len(hearing.names)
        elapsed = now - self.began
        return {
            Measure.SECONDS: elapsed,
            Measure.MESSAGES: self.whole.heard + tally.heard,
            Measure.DOLLARS: self.run.cost["so_far"] + self.run.cost["hour"] * elapsed / 3600,
            Measure.CHANGE_P95: percentiles(changes).get("p95", 0.0),
            Measure.LOST_SHARE: tally.lost_share,
            Measure.REJECTED_SHARE: tally.rejected_share,
            Measure.OFFLINE_SHARE: share(devices - len(hearing.online), devices),
        }

    # --- actions

    def _deeds(self, number: int, stage: Stage, began: float) -> list[tuple[float, Deed]]:
        """Of the whole stage, the last one first."""
        found = [
            (began + after, partial(self._act, name, action, f"{number}-{at}"))
            for at, action in enumerate(stage.actions)
            for after, name in self._spread(action, f"{self.wish.seed}/{stage.name}/{at}")
        ]
        return sorted(found, key=lambda deed: deed[0], reverse=True)

    def _spread(self, action: Action, seed: str) -> Iterator[tuple[float, str]]:
        """Who does it, and how many seconds after the beginning: the same again with the same
        seed.
        """
        names = chosen(self.groups, action, seed)
        for at, name in enumerate(names):
            yield action.over * at / max(len(names), 1), name

    def _act(self, name: str, action: Action, mark: str) -> None:
        match action.act, action.value:
            case Act.DESIRED, dict(wanted):
                self._begun(partial(self.hearing.changed, name, wanted))
                self.devices.desire(name, wanted)
            case Act.RECONNECT, str(how):
                key = "clean" if how == "clean" else "reconnect"
                self._begun(partial(self.hearing.told_to_reconnect, name))
                self.devices.desire(name, {key: f"{self.token}-{mark}"})
            case Act.OFFLINE, int(seconds):
                self.client.publish(self._command(name, "offline", {"seconds": seconds}))

    def _begun(self, noted: Callable[[float], None]) -> None:
        """Put in before the call is made: so it is noted before the answer can come."""
        self.inbox.put(partial(noted, time.monotonic()))

    def _command(self, name: str, command: str, arguments: dict[str, Any]) -> mqtt5.PublishPacket:
        return mqtt5.PublishPacket(
            payload=encode({"command": command, "arguments": arguments}),
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            topic=f"cmd/playground/{name}/req",
            correlation_data_bytes=uuid.uuid4().bytes,
            message_expiry_interval_sec=EXPIRES,
        )


def chosen(groups: dict[str, list[str]], action: Action, seed: str) -> list[str]:
    """The devices that do it, in the order in which they begin."""
    names = [name for group in action.groups for name in groups[group]]
    count = round(action.share * len(names))
    return random.Random(seed).sample(names, count)  # noqa: S311 - to be repeated


@contextmanager
def conducting(  # noqa: PLR0913, PLR0917 - joined in one place
    home: Home, fleet: Fleet, rows: Sequence[Row], stops: Stopping, show: Show, speed: int = 1
) -> Iterator[Conductor]:
    """A conductor with an open connection that hears the fleet's devices, whose clocks run so fast.
    Raises WatchError.
    """
    wish = faster(FleetWish.of(fleet.file), speed)
    there = {str(row["thing_name"]): row for row in rows}
    groups = {
        group: [name for name in names if name in there] for group, names in fleet.groups.items()
    }
    online = {name for name, row in there.items() if row["status"] == "ONLINE"}
    hearing = Hearing(there.keys(), online, timed=speed == 1 and not sets_speed(wish))
    run = Run(fleet.name, wish.seed, len(there), datetime.now(UTC), speed)
    prices = Prices.of_file()
    run.cost = total(costs_of(rows, prices, Devices(home).rows()), prices)
    inbox: queue.Queue[Deed | WatchError] = queue.Queue()

    def receive(packet: mqtt5.PublishPacket) -> None:
        at, wall = time.monotonic(), time.time()
        inbox.put(lambda: hearing.take(_arrival(packet, at, wall)))

    with connection(home, receive, inbox.put) as client:
        subscribe(client, FILTERS)
        yield Conductor(Devices(home), wish, groups, hearing, run, client, inbox, stops, show)


def _arrival(packet: mqtt5.PublishPacket, at: float, wall: float) -> Arrival:
    message = message_of(packet)
    return Arrival(message.topic, message.payload, at, wall)
