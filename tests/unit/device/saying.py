"""What a model says, asked as a device asks."""

from typing import Any

from virtual_device.shadow import settings as table
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import shared
from virtual_device.telemetry.thing import Thing

WALL = 1_795_930_412.513
NAME = "dev-TEST"
BEGIN = {"min": 0, "max": 1}


def value(member: Any, wall: float = WALL, sequence: int = 0, **model: Any) -> Any:
    """What a member gives, through a whole message."""
    return message({"telemetry": {"t": member}, "envelope": False, **model}, wall, sequence)["t"]


def message(
    document: Any, wall: float = WALL, sequence: int = 0, number: int = 0, unit: str = "metric"
) -> Any:
    """A message of the device `NAME`, of several the one of this number."""
    thing = Thing(NAME, "generic", {"room": "hall"}, shared(document))
    chosen = {**table.defaults(thing), "unit": unit}
    return telemetry.generate(thing, chosen, wall, sequence, number)
