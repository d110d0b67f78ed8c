"""Generated telemetry: what every message has, then what the device's model is the source of."""

from virtual_device.base.clock import timestamp
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.telemetry.model import Model, bundled
from virtual_device.telemetry.thing import Thing


def generate(thing: Thing, settings: JsonObject, wall: float, sequence: int) -> dict[str, Json]:
    """The telemetry message of docs/contracts.md for the Unix time `wall`, in seconds."""
    return {
        "thingName": thing.name,
        "timestamp": timestamp(wall),
        "sequence": sequence,
        "unit": settings.get("unit"),
        **model_of(thing).message(thing.name, settings, wall, sequence),
    }


def model_of(thing: Thing) -> Model:
    """Its own, or its type's."""
    return thing.model or bundled(thing.device_type)
