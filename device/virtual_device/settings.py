"""The settings table: one row per setting of `desired`. Adding a setting is adding a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from virtual_device import topics
from virtual_device.jsonvalue import Json, JsonObject, same
from virtual_device.setting_rules import (
    RefusedError,
    Rule,
    integer,
    json_object,
    one_of,
    other_things,
    reporting_interval,
    telemetry_topic,
    token,
)
from virtual_device.thing import Thing

MAX_PAYLOAD_BYTES = 2048
"""A payload is repeated in `reported`, and desired and reported share the shadow's 8 KB."""

MAX_TOKEN_BYTES = 128
MAX_SECONDS = 86_400
MAX_LINKS = 10
MAX_LINKS_BYTES = 512
"""Links stand in the shadow up to three times: desired, reported, and those of them that were refused."""


class Act(Enum):
    """What a new value makes the device do at once, beyond running with it."""

    NOTHING = "nothing"
    SEND_NOW = "send now"
    SET_LOG_LEVEL = "set the log level"
    DROP_CONNECTION = "drop the connection"
    CLEAN_RECONNECT = "reconnect cleanly"


@dataclass(frozen=True, slots=True)
class Setting:
    """A row. A default of None isn't reported."""

    key: str
    rule: Rule
    default: Callable[[Thing], Json]
    act: Act = Act.NOTHING
    device_types: frozenset[str] | None = None
    """Only these types have the setting; None means all."""
    resets_when_removed: bool = False
    """Gone from `desired`, it goes back to its default. The others stay: no wish is no change."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused value and why."""

    value: Json
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `desired` leads to: settings in force, refused keys, and what is to be done."""

    settings: JsonObject
    refused: Mapping[str, Refusal]
    acts: tuple[Act, ...]


def _nothing(_thing: Thing) -> Json:
    return None


TABLE = (
    Setting("time", integer(1, MAX_SECONDS), lambda _: 60, Act.SEND_NOW),
    Setting("topic", telemetry_topic(), lambda thing: topics.telemetry(thing.name)),
    Setting("payload", json_object(MAX_PAYLOAD_BYTES), _nothing, resets_when_removed=True),
    Setting("reconnect", token(MAX_TOKEN_BYTES), _nothing, Act.DROP_CONNECTION),
    Setting("clean", token(MAX_TOKEN_BYTES), _nothing, Act.CLEAN_RECONNECT),
    Setting("unit", one_of("metric", "imperial"), lambda _: "metric"),
    Setting("debug", one_of("on", "off"), lambda _: "off", Act.SET_LOG_LEVEL),
    Setting("metrics", reporting_interval(MAX_SECONDS), lambda _: 0),
    Setting("status", one_of("on", "off"), lambda _: "off", device_types=frozenset({"bulb"})),
    Setting("position", one_of("on", "off"), lambda _: "off", device_types=frozenset({"switch"})),
    Setting(
        "links",
        other_things(MAX_LINKS, MAX_LINKS_BYTES),
        lambda _: [],
        device_types=frozenset({"switch"}),
        resets_when_removed=True,
    ),
)

KEYS = frozenset(row.key for row in TABLE)


@cache
def rows(device_type: str) -> Mapping[str, Setting]:
    """The rows that a device of this type has, by key, in the table's order."""
    return {row.key: row for row in TABLE if row.device_types is None or device_type in row.device_types}


def defaults(thing: Thing) -> JsonObject:
    """The settings of a device that nobody has told anything."""
    return {key: row.default(thing) for key, row in rows(thing.device_type).items()}


def adopt(thing: Thing, remembered: JsonObject) -> JsonObject:
    """Settings from a memory (state file, `reported`): what is valid in it, defaults for the rest, no acts."""
    known = {key: value for key, value in remembered.items() if key in rows(thing.device_type)}
    return apply(thing, defaults(thing), known).settings


def apply(thing: Thing, current: JsonObject, desired: JsonObject) -> Outcome:
    """Bring `current` to `desired` (complete), key by key: a bad key is refused and blocks no other."""
    settings = {**current, **_removed(thing, desired)}
    refused: dict[str, Refusal] = {}
    acts: list[Act] = []
    for key, value in desired.items():
        row = rows(thing.device_type).get(key)
        try:
            wanted = _parse(row, key, value, thing)
        except RefusedError as error:
            refused[key] = Refusal(value, str(error))
            continue
        if row and not same(wanted, settings[key]):
            settings[key] = wanted
            acts.append(row.act)
    # In the order of the enumeration, so that a connection is dropped after all else and whatever the order of keys.
    return Outcome(settings, refused, tuple(act for act in Act if act in acts and act is not Act.NOTHING))


def _removed(thing: Thing, desired: JsonObject) -> dict[str, Json]:
    present = rows(thing.device_type).items()
    return {key: row.default(thing) for key, row in present if row.resets_when_removed and key not in desired}


def _parse(row: Setting | None, key: str, value: Json, thing: Thing) -> Json:
    if row is None:
        reason = f"is not a setting of a {thing.device_type} device" if key in KEYS else "is not a setting"
        raise RefusedError(reason)
    return row.rule(value, thing)
