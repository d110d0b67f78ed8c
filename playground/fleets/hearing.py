"""What the devices of a fleet say, taken apart: pure, by the messages and the times they came at.

Topics and payloads are those of docs/contracts.md; presence events are AWS IoT's own. A device can
publish anything, so nothing is taken for granted of a payload.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common import answers
from common.jsonvalues import Json, is_integer
from playground.fleets.sequences import Heard, Sequence
from playground.fleets.tally import Tally

TELEMETRY = "dt/playground/+/#"
PRESENCE = "$aws/events/presence/+/+"
DOCUMENTS = "$aws/things/+/shadow/update/documents"
FILTERS = (TELEMETRY, PRESENCE, DOCUMENTS)


@dataclass(frozen=True)
class Arrival:
    """A message. `at` is in seconds of a clock that never jumps, `wall` in seconds since 1970."""

    topic: str
    payload: Any
    at: float
    wall: float


@dataclass
class _Return:
    """A device that is to reconnect."""

    since: float
    gone: bool = False


@dataclass
class Hearing:
    """Counts into `tally`, which may be exchanged for another one at any time."""

    names: Collection[str]
    online: set[str]
    timed: bool = True
    """Whether timestamps are of the real time: no delay can be told of others."""
    tally: Tally = field(default_factory=Tally)
    changes: dict[str, tuple[float, Mapping[str, Json]]] = field(default_factory=dict)
    """Changes that wait for an answer: since when, and what is wished."""
    returns: dict[str, _Return] = field(default_factory=dict)
    _streams: dict[str, Sequence] = field(default_factory=dict)
    _delays: dict[str, float] = field(default_factory=dict)

    def changed(self, name: str, wanted: Mapping[str, Json], at: float) -> None:
        """A change of `desired` begins."""
        if name in self.changes:
            self.tally.pending += 1
        self.changes[name] = at, wanted

    def told_to_reconnect(self, name: str, at: float) -> None:
        """A wish to reconnect is written."""
        self.returns[name] = _Return(at)

    def close(self) -> Tally:
        """End the tally: what waits is pending. Another one begins."""
        closed, self.tally = self.tally, Tally()
        closed.pending += len(self.changes)
        closed.away += len(self.returns)
        self.changes, self.returns = {}, {}
        return closed

    def waiting(self, at: float) -> list[float]:
        """How long each change has waited that is not answered yet."""
        return [at - since for since, _ in self.changes.values()]

    def take(self, arrival: Arrival) -> None:
        """A message of any of the filters."""
        words = arrival.topic.split("/")
        if words[:2] == ["dt", "playground"]:
            self._telemetry(words[2], arrival)
        elif words[:3] == ["$aws", "events", "presence"]:
            self._presence(words[3], words[4], arrival)
        elif words[:2] == ["$aws", "things"]:
            self._document(words[2], arrival)

    def _telemetry(self, name: str, arrival: Arrival) -> None:
        if name not in self.names:
            return
        tally, payload = self.tally, arrival.payload
        tally.heard += 1
        members = payload if isinstance(payload, dict) else {}
        number = members.get("sequence")
        # A bool is none, and 7.0 is one.
        if number is None or not is_integer(number) or number < 0:
            tally.unnumbered += 1
            return
        stream = self._streams.setdefault(arrival.topic, Sequence())
        said, skipped = stream.hear(int(number))
        tally.lost += skipped - (said is Heard.LATE)
        tally.late += said is Heard.LATE
        tally.twice += said is Heard.TWICE
        if self.timed:
            self._time(members.get("timestamp"), arrival)

    def _time(self, timestamp: object, arrival: Arrival) -> None:
        sent = _seconds(timestamp)
        if sent is None:
            return
        delay = arrival.wall - sent
        before = self._delays.get(arrival.topic)
        if before is not None:
            self.tally.jitters.append(abs(delay - before))
        self._delays[arrival.topic] = delay
        self.tally.delays.append(delay)

    def _presence(self, what: str, name: str, arrival: Arrival) -> None:
        if name not in self.names:
            return
        if what == "connected":
            self.online.add(name)
            back = self.returns.get(name)
            if back is not None and back.gone:
                del self.returns[name]
                self.tally.returns.append(arrival.at - back.since)
        elif what == "disconnected":
            self.online.discard(name)
            payload = arrival.payload if isinstance(arrival.payload, dict) else {}
            self.tally.disconnects[str(payload.get("disconnectReason", "UNKNOWN"))] += 1
            if name in self.returns:
                self.returns[name].gone = True

    def _document(self, name: str, arrival: Arrival) -> None:
        if name not in self.changes:
            return
        since, wanted = self.changes[name]
        state = _state(arrival.payload)
        desired, reported = (_object(state.get(key)) for key in ("desired", "reported"))
        found = [answers.answer(key, wish, desired, reported) for key, wish in wanted.items()]
        if any(answer.result == answers.PENDING for answer in found):
            return
        del self.changes[name]
        self.tally.changes.append(arrival.at - since)
        if any(answer.result == answers.REJECTED for answer in found):
            self.tally.rejected += 1
        else:
            self.tally.accepted += 1


def _state(payload: object) -> Mapping[str, Any]:
    return _object(_object(_object(payload).get("current")).get("state"))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _seconds(timestamp: object) -> float | None:
    if not isinstance(timestamp, str):
        return None
    try:
        found = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo else None
