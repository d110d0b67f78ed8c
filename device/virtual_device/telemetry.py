"""Generated telemetry: a day's temperature and humidity, the same again for the same thing and time."""

import math
import zlib
from datetime import UTC, datetime

from virtual_device.jsonvalue import Json, JsonObject
from virtual_device.thing import Thing

SECONDS_PER_DAY = 86_400
MEAN_CELSIUS, SWING_CELSIUS = 21.0, 4.0
MEAN_HUMIDITY, SWING_HUMIDITY = 50.0, 10.0


def generate(thing: Thing, settings: JsonObject, wall: float, sequence: int) -> dict[str, Json]:
    """The telemetry message of docs/contracts.md for the Unix time `wall`, in seconds."""
    wave = _wave(thing.name, wall)
    celsius = MEAN_CELSIUS + SWING_CELSIUS * wave + 0.2 * _noise(thing.name, sequence)
    imperial = settings.get("unit") == "imperial"
    message: dict[str, Json] = {
        "thingName": thing.name,
        "timestamp": timestamp(wall),
        "sequence": sequence,
        "unit": settings.get("unit"),
        "temperature": round(celsius * 9 / 5 + 32 if imperial else celsius, 1),
        "humidity": round(MEAN_HUMIDITY - SWING_HUMIDITY * wave, 1),
    }
    if "status" in settings:
        message["status"] = settings["status"]
    return message


def timestamp(wall: float) -> str:
    """ISO 8601 in UTC with milliseconds, as in `2026-01-02T03:04:05.678Z`."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wave(name: str, wall: float) -> float:
    """A day's course from -1 to 1, warmest at a time of day of the device's own."""
    phase = zlib.crc32(name.encode()) % SECONDS_PER_DAY
    return math.sin(2 * math.pi * (wall + phase) / SECONDS_PER_DAY)


def _noise(name: str, sequence: int) -> float:
    """A number from -1 to 1 that looks random and isn't."""
    return zlib.crc32(f"{name}/{sequence}".encode()) / 2**31 - 1
