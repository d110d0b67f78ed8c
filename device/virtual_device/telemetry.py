"""Generated telemetry: what every message has, then what the device's model is the source of."""

from virtual_device.jsonvalue import Json, JsonObject
from virtual_device.model import Model, bundled
from virtual_device.moment import timestamp
from virtual_device.thing import Thing

__all__ = ["generate", "model_of", "timestamp"]


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
