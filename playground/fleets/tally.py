"""What was heard of a fleet in a while: counts, and every single time.

Two tallies are merged. Percentiles are never averaged: each tally keeps its values, eight bytes for
each.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from playground.fleets.figures import percentiles, share


def _values() -> "array[float]":
    return array("d")


@dataclass
class Tally:
    """Times are in seconds."""

    heard: int = 0
    """Telemetry messages."""
    unnumbered: int = 0
    """Of these without a sequence number: nobody can say what is lost of them."""
    lost: int = 0
    """One that comes late is taken back, also from the stage after the one that missed it."""
    late: int = 0
    """After one with a higher number."""
    twice: int = 0
    accepted: int = 0
    rejected: int = 0
    pending: int = 0
    """Changes that were not answered before the stage was over."""
    away: int = 0
    """Devices that were told to reconnect and had not come back before the stage was over."""
    delays: "array[float]" = field(default_factory=_values)
    """From a message's own timestamp to its arrival here, by the two clocks."""
    jitters: "array[float]" = field(default_factory=_values)
    """Between two messages of a stream: how much their delays differ (RFC 3550, 6.4.1)."""
    changes: "array[float]" = field(default_factory=_values)
    """From the change of `desired` to the shadow that has the answer."""
    returns: "array[float]" = field(default_factory=_values)
    """From the wish to reconnect until the device is connected again."""
    disconnects: "Counter[str]" = field(default_factory=Counter)
    """By reason, as AWS IoT tells it."""

    def merge(self, other: "Tally") -> None:
        """Take in what another one has."""
        for name in ("heard", "unnumbered", "lost", "late", "twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("accepted", "rejected", "pending", "away"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("delays", "jitters", "changes", "returns"):
            getattr(self, name).extend(getattr(other, name))
        self.disconnects.update(other.disconnects)

    @property
    def lost_share(self) -> float:
        """Of all messages that had a number."""
        lost = max(self.lost, 0)
        return share(lost, self.heard - self.unnumbered - self.twice + lost)

    @property
    def rejected_share(self) -> float:
        """Of all changes that were answered."""
        return share(self.rejected, self.rejected + self.accepted)

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "messages": {
                "heard": self.heard,
                "lost": max(self.lost, 0),
                "late": self.late,
                "twice": self.twice,
                "unnumbered": self.unnumbered,
                "delay": percentiles(self.delays),
                "jitter": percentiles(self.jitters),
            },
            "changes": {
                "accepted": self.accepted,
                "rejected": self.rejected,
                "pending": self.pending,
                "seconds": percentiles(self.changes),
            },
            "reconnects": {
                "done": len(self.returns),
                "pending": self.away,
                "seconds": percentiles(self.returns),
            },
            "disconnects": dict(sorted(self.disconnects.items())),
        }
