"""A way between places at a steady speed, round and round."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.moment import Moment

EARTH_RADIUS_KM = 6371.0
SECONDS_PER_HOUR = 3600.0
POSITION_DECIMALS = 6
"""About 0.1 m."""

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True)
class Route:
    """From place to place in straight lines on the map, from the last back to the first; `speed` in
    km/h.

    A line that crosses the 180th meridian would go around the other side of the Earth.
    """

    places: tuple[Place, ...]
    ends: tuple[float, ...]
    """How many km the end of each leg is from the first place."""
    speed: float
    numeric = False
    PARTS = ("latitude", "longitude", "heading")

    @classmethod
    def through(cls, places: tuple[Place, ...], speed: float) -> "Route":
        """The round trip through these places."""
        circle = (*places, places[0])
        return cls(circle, tuple(accumulate(distance(*leg) for leg in pairwise(circle))), speed)

    def value(self, moment: Moment) -> Json:
        """`{latitude, longitude, heading}` in degrees; a heading of 0 is north, of 90 east."""
        length = self.ends[-1]
        travelled = moment.through(length / self.speed * SECONDS_PER_HOUR) * length
        leg = min(bisect_right(self.ends, travelled), len(self.ends) - 1)
        begin = self.ends[leg - 1] if leg else 0.0
        part = (travelled - begin) / (self.ends[leg] - begin) if self.ends[leg] > begin else 0.0
        (south, west), (north, east) = self.places[leg], self.places[leg + 1]
        return {
            "latitude": round(south + (north - south) * part, POSITION_DECIMALS),
            "longitude": round(west + (east - west) * part, POSITION_DECIMALS),
            "heading": _heading(self.places[leg], self.places[leg + 1]),
        }


def distance(one: Place, other: Place) -> float:
    """Kilometres between two places (haversine formula)."""
    south, north = math.radians(one[0]), math.radians(other[0])
    across = math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    up = math.sin((north - south) / 2) ** 2
    return (
        2
        * EARTH_RADIUS_KM
        * math.asin(min(1.0, math.sqrt(up + math.cos(south) * math.cos(north) * across)))
    )


def _heading(one: Place, other: Place) -> int:
    east = (other[1] - one[1]) * math.cos(math.radians((one[0] + other[0]) / 2))
    return round(math.degrees(math.atan2(east, other[0] - one[0]))) % 360
