"""The commands: one row per command. Adding a command is adding a row and the function that says
what it does.

A function gives an `Action`: what to publish, what to answer when that has arrived. It publishes
nothing itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from virtual_device.base.clock import Now, timestamp
from virtual_device.base.jsonvalue import Json, JsonObject, encode
from virtual_device.connection import topics
from virtual_device.core import brain
from virtual_device.core.effects import Cycle, Publish
from virtual_device.shadow.setting_rules import RefusedError, integer, number_of, one_of
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.thing import Thing

MAX_MESSAGE_BYTES = 128 * 1024
"""Payload of a publish (AWS IoT Core message broker quotas)."""

LARGE_BYTES = 120_000
"""Size when none is given: under a limit of 128 KB that counts the topic and the header too."""

MIN_LARGE_BYTES = 512
"""Enough for the fields of the message with the longest thing name."""

MAX_DETAIL_BYTES = 256

MAX_AWAY_SECONDS = 86_400
"""A day."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a command may look at."""

    thing: Thing
    settings: JsonObject
    sequence: int
    now: Now
    telemetry_time: float
    """What the clock of its telemetry shows, Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a command does: publish or desire, if anything, and answer `result` when the server has
    acknowledged.
    """

    result: Mapping[str, Json] = field(default_factory=dict)
    publish: Publish | None = None
    desire: JsonObject | None = None
    """Change `desired` of the own shadow, and answer when the shadow holds it."""
    must_be_refused: bool = False
    """The publish is one that the policy forbids: its refusal is the success."""
    cycle: Cycle | None = None
    """Rebuild the connection after the answer."""


Run = Callable[[JsonObject, Situation], Action]


@dataclass(frozen=True, slots=True)
class Argument:
    """`parse` gives the value or raises `RefusedError`; `default` stands in for one that is not
    given.
    """

    name: str
    rule: str
    parse: Callable[[Json, Thing], Json]
    default: Json
    description: str


@dataclass(frozen=True, slots=True)
class Command:
    """A row."""

    name: str
    description: str
    run: Run
    arguments: tuple[Argument, ...] = ()
    device_types: frozenset[str] | None = None
    """Only these types have the command; None means all."""


def _text(value: Json, _thing: Thing) -> Json:
    if not isinstance(value, str) or not value.isprintable():
        raise RefusedError("must be a string without control characters")
    if len(value.encode()) > MAX_DETAIL_BYTES:
        raise RefusedError(f"is longer than {MAX_DETAIL_BYTES} bytes")
    return value


def _help(_arguments: JsonObject, situation: Situation) -> Action:
    declared = telemetry.model_of(situation.thing).replies
    of_model: dict[str, Json] = {
        row.name: {"description": row.description, "arguments": {}} for row in declared
    }
    return Action(
        {
            **of_model,
            **{name: _described(row) for name, row in rows(situation.thing.device_type).items()},
        }
    )


def _described(row: Command) -> Json:
    arguments: dict[str, Json] = {
        argument.name: {
            "rule": argument.rule,
            "default": argument.default,
            "description": argument.description,
        }
        for argument in row.arguments
    }
    return {"description": row.description, "arguments": arguments}


def _ping(_arguments: JsonObject, situation: Situation) -> Action:
    return Action({"timestamp": timestamp(situation.now.wall)})


def _status(_arguments: JsonObject, situation: Situation) -> Action:
    return Action(
        {
            "thingName": situation.thing.name,
            "deviceType": situation.thing.device_type,
            "timestamp": timestamp(situation.now.wall),
            "sequence": situation.sequence,
            "settings": {
                key: value for key, value in situation.settings.items() if value is not None
            },
        }
    )


def _tamper(arguments: JsonObject, situation: Situation) -> Action:
    event = brain.event(
        situation.thing, "tamper", situation.now.wall, {"detail": arguments["detail"]}
    )
    return Action({"topic": event.topic}, event)


def _reconnect(_arguments: JsonObject, _situation: Situation) -> Action:
    return Action(cycle=Cycle(clean=False))


def _clean(_arguments: JsonObject, _situation: Situation) -> Action:
    return Action(cycle=Cycle(clean=True))


def _offline(arguments: JsonObject, _situation: Situation) -> Action:
    seconds = number_of(arguments["seconds"])
    return Action({"seconds": seconds}, cycle=Cycle(clean=True, away=seconds))


def _large(arguments: JsonObject, situation: Situation) -> Action:
    size = number_of(arguments["bytes"])
    topic = str(situation.settings["topic"])
    return Action({"topic": topic, "bytes": size}, Publish(topic, _filled(size, situation)))


def _filled(size: int, situation: Situation) -> bytes:
    """A JSON object of exactly so many bytes."""
    content = {
        "thingName": situation.thing.name,
        "timestamp": timestamp(situation.now.wall),
        "filler": "",
    }
    return encode({**content, "filler": "x" * (size - len(encode(content)))})


def _authorization_error(_arguments: JsonObject, situation: Situation) -> Action:
    # The thing's own name stands in it, so that whoever looks for the culprit finds it in the
    # broker's log.
    topic = topics.forbidden(situation.thing.name)
    content = {"thingName": situation.thing.name, "timestamp": timestamp(situation.now.wall)}
    return Action({"topic": topic}, Publish(topic, encode(content)), must_be_refused=True)


def _press(arguments: JsonObject, situation: Situation) -> Action:
    # Through the shadow, so that the switch has one way to be told: there is no position that the
    # shadow doesn't know.
    position = arguments["position"]
    if position == "toggle":
        position = "off" if situation.settings["position"] == "on" else "on"
    wish: JsonObject = {"position": position}
    return Action(wish, desire=wish)


_SIZE = Argument(
    "bytes",
    f"integer from {MIN_LARGE_BYTES} to {MAX_MESSAGE_BYTES}",
    integer(MIN_LARGE_BYTES, MAX_MESSAGE_BYTES),
    LARGE_BYTES,
    "size of the payload",
)
_DETAIL = Argument(
    "detail",
    f"text of at most {MAX_DETAIL_BYTES} bytes",
    _text,
    "case opened",
    "what was done to it",
)
_AWAY = Argument(
    "seconds",
    f"integer from 1 to {MAX_AWAY_SECONDS}",
    integer(1, MAX_AWAY_SECONDS),
    30,
    "how long it stays away",
)
_POSITION = Argument(
    "position", "on, off or toggle", one_of("on", "off", "toggle"), "toggle", "the new position"
)

TABLE = (
    Command("help", "list the commands with their arguments", _help),
    Command("ping", "answer at once", _ping),
    Command("status", "return type, settings and number of messages sent", _status),
    Command("tamper", "publish the event `tamper`", _tamper, (_DETAIL,)),
    Command("reconnect", "drop the connection without a DISCONNECT and connect again", _reconnect),
    Command("clean", "disconnect cleanly and connect again", _clean),
    Command(
        "offline",
        "disconnect cleanly, stay away for a while, and connect again",
        _offline,
        (_AWAY,),
    ),
    Command("large", "publish a large message on the telemetry topic", _large, (_SIZE,)),
    Command(
        "authorization-error",
        "publish to a topic that the policy forbids; return the reason code",
        _authorization_error,
    ),
    Command(
        "press", "press the switch; its bulbs follow", _press, (_POSITION,), frozenset({"switch"})
    ),
)
NAMES = frozenset(row.name for row in TABLE)


@cache
def rows(device_type: str) -> Mapping[str, Command]:
    """The commands that a device of this type has, by name, in the table's order."""
    return {
        row.name: row
        for row in TABLE
        if row.device_types is None or device_type in row.device_types
    }
