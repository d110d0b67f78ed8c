"""How a message tells its time: the forms that devices use."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from virtual_device.base.clock import timestamp
from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.moment import Moment

UNITS = {"seconds": 1, "milliseconds": 1000, "microseconds": 10**6, "nanoseconds": 10**9}
"""Integers of Unix time, by how many make a second."""

FORMS = ("iso", "local", *UNITS, "fraction")
TEXTS = ("iso", "local")
FRACTION_DECIMALS = 3
CODES = "YymdHMSfLzjab"
"""Of `strftime`, with days and months in English, and `L`, milliseconds."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip

_CODE = re.compile(f"%([{CODES}%])")


@dataclass(frozen=True, slots=True)
class Timestamp:
    """The moment itself, in one of `FORMS` or by a pattern of `%` codes; `offset` is how many hours
    the device's clock is ahead of UTC, `shift` how many seconds away the time is that is told.
    """

    form: str
    pattern: str | None = None
    offset: float = 0
    shift: float = 0

    @property
    def numeric(self) -> bool:
        """Not as text."""
        return self.pattern is None and self.form not in TEXTS

    def value(self, moment: Moment) -> Json:
        """In that form; all but `fraction` of the numbers are integers."""
        wall = moment.wall + self.shift if self.shift else moment.wall
        if self.pattern is not None:
            return _patterned(self.pattern, _on_clock(wall, self.offset))
        if self.form == "iso":
            return timestamp(wall) if not self.offset else _iso(_on_clock(wall, self.offset))
        if self.form == "local":
            return _on_clock(wall, self.offset).strftime("%Y-%m-%dT%H:%M:%S")
        if self.form == "fraction":
            return wall
        return int(wall if self.form == "seconds" else wall * UNITS[self.form])


def _on_clock(wall: float, offset: float) -> datetime:
    zone = timezone(timedelta(hours=offset)) if offset else UTC
    return datetime.fromtimestamp(wall, zone)


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _patterned(pattern: str, time: datetime) -> str:
    def told(match: re.Match[str]) -> str:
        code = match.group(1)
        own = {
            "%": "%",
            "L": f"{time.microsecond // 1000:03}",
            "a": DAYS[time.weekday()],
            "b": MONTHS[time.month - 1],
            "z": time.isoformat()[-6:],
        }
        return own[code] if code in own else time.strftime(f"%{code}")

    return _CODE.sub(told, pattern)
