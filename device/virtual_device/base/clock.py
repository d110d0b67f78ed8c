"""The present moment, and how it is told."""

import time
from datetime import UTC, datetime
from typing import NamedTuple


class Now(NamedTuple):
    """One moment on two clocks, in seconds.

    Unix time for what is told, monotonic for what is timed.
    """

    wall: float
    mono: float


def clock() -> Now:
    """The present moment."""
    return Now(time.time(), time.monotonic())


def timestamp(wall: float) -> str:
    """Of a Unix time in seconds: ISO 8601 in UTC with milliseconds, `2026-01-02T03:04:05.678Z`."""
    utc = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    return utc[:-6] + "Z"  # in the place of +00:00
