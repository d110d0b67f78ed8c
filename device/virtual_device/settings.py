"""The settings table: one row per setting of `desired`. Adding a setting is adding a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from virtual_device import misbehaviour, topics
from virtual_device.jsonvalue import Json, JsonObject, encode, same
from virtual_device.thing import THING_NAME, Thing

MAX_PAYLOAD_BYTES = 2048
"""A payload is repeated in `reported`, and desired and reported share the shadow's 8 KB."""

MAX_TOKEN_BYTES = 128
MAX_SECONDS = 86_400
MAX_LINKS = 10
MAX_SEED = 2**31 - 1
MAX_PERIOD = 3600
ROGUES = frozenset({"rogue"})
MAX_LINKS_BYTES = 512
"""Links stand in the shadow up to three times: desired, reported, and those of them that were refused."""


class RefusedError(ValueError):
    """A value that the device won't run with; the message is the `reason` of `reported.rejected`."""


class Act(Enum):
    """What a new value makes the device do at once, beyond running with it."""

    NOTHING = "nothing"
    SEND_NOW = "send now"
    SET_LOG_LEVEL = "set the log level"
    DROP_CONNECTION = "drop the connection"
    CLEAN_RECONNECT = "reconnect cleanly"


@dataclass(frozen=True, slots=True)
class Setting:
    """A row: `parse` gives the value to run with or raises `RefusedError`; a default of None isn't reported."""

    key: str
    parse: Callable[[Json, Thing], Json]
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


def integer(low: int, high: int) -> Callable[[Json, Thing], Json]:
    """An integer from `low` to `high`. A boolean is none, though Python thinks so."""

    def parse(value: Json, _thing: Thing) -> Json:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise RefusedError(f"must be an integer from {low} to {high}")
        return value

    return parse


def reporting_interval(value: Json, thing: Thing) -> Json:
    """Seconds between metrics reports, as often as is allowed where the thing is hosted; 0 for none."""
    try:
        seconds = integer(0, MAX_SECONDS)(value, thing)
    except RefusedError:
        seconds = None
    if not isinstance(seconds, int) or 0 < seconds < thing.metrics_floor:
        raise RefusedError(f"must be 0 or an integer from {thing.metrics_floor} to {MAX_SECONDS}")
    return seconds


def one_of(*choices: str) -> Callable[[Json, Thing], Json]:
    """One of the given strings."""

    def parse(value: Json, _thing: Thing) -> Json:
        if not isinstance(value, str) or value not in choices:
            raise RefusedError(f"must be one of {', '.join(choices)}")
        return value

    return parse


def telemetry_topic(value: Json, thing: Thing) -> Json:
    """A topic that the thing may publish telemetry to."""
    if not isinstance(value, str):
        raise RefusedError("must be a string")
    if fault := topics.telemetry_fault(value, thing.name):
        raise RefusedError(fault)
    return value


def json_object(value: Json, _thing: Thing) -> Json:
    """A JSON object that fits in the shadow twice, or null."""
    if value is not None and not isinstance(value, dict):
        raise RefusedError("must be a JSON object")
    _check_size(value, MAX_PAYLOAD_BYTES)
    return value


def token(value: Json, _thing: Thing) -> Json:
    """Any value; that it is a new one is what counts."""
    _check_size(value, MAX_TOKEN_BYTES)
    return value


def links(value: Json, thing: Thing) -> Json:
    """Distinct names of other things."""
    if not isinstance(value, list) or len(value) > MAX_LINKS or not all(map(_is_thing_name, value)):
        raise RefusedError(f"must be an array of at most {MAX_LINKS} thing names")
    if len(set(map(str, value))) < len(value):
        raise RefusedError("must not name a thing twice")
    if thing.name in value:
        raise RefusedError("must not name the device itself")
    _check_size(value, MAX_LINKS_BYTES)
    return value


def misdeeds(value: Json, _thing: Thing) -> Json:
    """`all`, or an array of distinct misbehaviours; stays as it is given."""
    if value == misbehaviour.ALL:
        return value
    if not isinstance(value, list) or not all(name in misbehaviour.NAMES for name in value):
        raise RefusedError(f"must be {misbehaviour.ALL} or an array of {', '.join(misbehaviour.NAMES)}")
    if len(set(map(str, value))) < len(value):
        raise RefusedError("must not name a misbehaviour twice")
    return value


def victim(value: Json, thing: Thing) -> Json:
    """The name of another thing, or null."""
    if value is not None and not _is_thing_name(value):
        raise RefusedError("must be a thing name")
    if value == thing.name:
        raise RefusedError("must not name the device itself")
    return value


def _is_thing_name(value: Json) -> bool:
    return isinstance(value, str) and THING_NAME.fullmatch(value) is not None


def _check_size(value: Json, limit: int) -> None:
    try:
        size = len(encode(value))
    except ValueError:
        raise RefusedError("holds a number that is out of range or text that is not valid Unicode") from None
    if size > limit:
        raise RefusedError(f"is longer than {limit} bytes of JSON")


def boolean(value: Json, _thing: Thing) -> Json:
    """True or false."""
    if not isinstance(value, bool):
        raise RefusedError("must be true or false")
    return value


def _nothing(_thing: Thing) -> Json:
    return None


TABLE = (
    Setting("time", integer(1, MAX_SECONDS), lambda _: 60, Act.SEND_NOW),
    Setting("topic", telemetry_topic, lambda thing: topics.telemetry(thing.name)),
    Setting("payload", json_object, _nothing, resets_when_removed=True),
    Setting("reconnect", token, _nothing, Act.DROP_CONNECTION),
    Setting("clean", token, _nothing, Act.CLEAN_RECONNECT),
    Setting("unit", one_of("metric", "imperial"), lambda _: "metric"),
    Setting("debug", one_of("on", "off"), lambda _: "off", Act.SET_LOG_LEVEL),
    Setting("metrics", reporting_interval, lambda _: 0),
    Setting("quarantine", boolean, _nothing, resets_when_removed=True),
    Setting("status", one_of("on", "off"), lambda _: "off", device_types=frozenset({"bulb"})),
    Setting("position", one_of("on", "off"), lambda _: "off", device_types=frozenset({"switch"})),
    Setting("links", links, lambda _: [], device_types=frozenset({"switch"}), resets_when_removed=True),
    Setting("misbehave", misdeeds, lambda _: [], device_types=ROGUES, resets_when_removed=True),
    Setting("seed", integer(0, MAX_SEED), lambda _: 0, device_types=ROGUES),
    Setting("period", integer(1, MAX_PERIOD), lambda _: 10, device_types=ROGUES),
    Setting("victim", victim, _nothing, device_types=ROGUES, resets_when_removed=True),
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
    return row.parse(value, thing)
