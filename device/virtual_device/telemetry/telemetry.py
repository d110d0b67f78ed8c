"""Generated telemetry: what the device's model is the source of, and where it goes."""

from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.telemetry.messages import MessageModel
from virtual_device.telemetry.model import Model, bundled
from virtual_device.telemetry.moment import Moment
from virtual_device.telemetry.thing import Thing


def generate(
    thing: Thing, settings: JsonObject, wall: float, sequence: int, number: int = 0
) -> Json:
    """The telemetry message of docs/contracts.md for the Unix time `wall`, in seconds; of several
    the one of this number.
    """
    return messages_of(thing)[number].value(moment_of(thing, settings, wall, sequence))


def payload(
    thing: Thing, settings: JsonObject, wall: float, sequence: int, number: int = 0
) -> bytes | None:
    """The same as it is sent; None when there is nothing to send."""
    return messages_of(thing)[number].payload(moment_of(thing, settings, wall, sequence))


def moment_of(thing: Thing, settings: JsonObject, wall: float, sequence: int) -> Moment:
    """What the values of this thing depend on now."""
    return model_of(thing).moment(thing.name, settings, wall, sequence, thing)


def messages_of(thing: Thing) -> tuple[MessageModel, ...]:
    """The messages that it sends."""
    return model_of(thing).messages


def model_of(thing: Thing) -> Model:
    """Its own, or its type's."""
    return thing.model or bundled(thing.device_type)
