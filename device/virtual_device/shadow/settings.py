"""The settings table: one row per setting of `desired`. Adding a setting is adding a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from virtual_device.base.jsonvalue import Json, JsonObject, same
from virtual_device.connection import topics
from virtual_device.shadow.setting_rules import (
    RefusedError,
    Rule,
    all_or_some,
    another_thing,
    boolean,
    integer,
    json_object,
    one_of,
    other_things,
    reporting_interval,
    telemetry_topic,
    token,
    versioned_url,
)
from virtual_device.telemetry.thing import HOST, Thing

MAX_PAYLOAD_BYTES = 2048
"""A payload is repeated in `reported`, and desired and reported share the shadow's 8 KB."""

MAX_TOKEN_BYTES = 128
MAX_SECONDS = 86_400
MAX_LINKS = 10
MAX_SEED = 2**31 - 1
MAX_PERIOD = 3600
MAX_SPEED = 1000
ROGUES = frozenset({"rogue"})
MISBEHAVIOURS = (
    "forbidden-topic",
    "flood",
    "oversized",
    "tamper",
    "stranger",
    "clone",
    "foreign-shadow",
    "expired-certificate",
)
"""What a rogue can do wrong: `rogue.misdeeds` has a row for each, in this order."""

ALL_MISBEHAVIOURS = "all"
MAX_MANIFEST_URL = 3072
"""A manifest's URL stands in the shadow twice, in `desired` and `reported`, which share 8 KB. A
presigned URL with the session token of a role has some 1,700 characters.
"""

MAX_LINKS_BYTES = 512
"""Links stand in the shadow up to three times: desired, reported, and those of them that were
refused.
"""


def _itself(value: Json) -> Json:
    return value


def _without_url(value: Json) -> Json:
    """A URL that was handed out for a document is a secret."""
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if key != "url"}


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
    effect: str
    """What it does, for whoever chooses a value."""
    rule: Rule
    default: Callable[[Thing], Json]
    act: Act = Act.NOTHING
    device_types: frozenset[str] | None = None
    """Only these types have the setting; None means all."""
    resets_when_removed: bool = False
    """Gone from `desired`, it goes back to its default. The others stay: no wish is no change."""
    in_first_shadow: bool = False
    """A new device's shadow has its default as a wish, so that a user sees what can be wished."""
    set_by_workflows: bool = False
    """It tells the device something: the control plane takes it from nobody."""
    in_log: Callable[[Json], Json] = _itself
    """What of a value the device's log may show."""


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
    Setting(
        "time",
        "Seconds between two telemetry messages; a new value also sends one at once.",
        integer(1, MAX_SECONDS),
        lambda _: 60,
        Act.SEND_NOW,
        in_first_shadow=True,
    ),
    Setting(
        "topic",
        "Where telemetry is published.",
        telemetry_topic(),
        lambda thing: topics.telemetry(thing.name),
        in_first_shadow=True,
    ),
    Setting(
        "payload",
        "Is sent in place of the generated telemetry.",
        json_object(MAX_PAYLOAD_BYTES),
        _nothing,
        resets_when_removed=True,
    ),
    Setting(
        "reconnect",
        "Each new value drops the connection, so that the last will is sent, and connects.",
        token(MAX_TOKEN_BYTES),
        _nothing,
        Act.DROP_CONNECTION,
    ),
    Setting(
        "clean",
        "Each new value disconnects cleanly, which ends the MQTT session, and connects again.",
        token(MAX_TOKEN_BYTES),
        _nothing,
        Act.CLEAN_RECONNECT,
    ),
    Setting(
        "unit",
        "Unit of the generated telemetry.",
        one_of("metric", "imperial"),
        lambda _: "metric",
        in_first_shadow=True,
    ),
    Setting(
        "debug",
        "on: the device's log has more of what it does.",
        one_of("on", "off"),
        lambda _: "off",
        Act.SET_LOG_LEVEL,
        in_first_shadow=True,
    ),
    Setting(
        "metrics",
        "Seconds between two reports of metrics for Device Defender; 0 for none.",
        reporting_interval(MAX_SECONDS),
        lambda _: 0,
    ),
    Setting(
        "quarantine",
        "true, while the device is in quarantine: no telemetry, and no event online.",
        boolean(),
        _nothing,
        resets_when_removed=True,
        set_by_workflows=True,
    ),
    Setting(
        "status",
        "The light.",
        one_of("on", "off"),
        lambda _: "off",
        device_types=frozenset({"bulb"}),
        in_first_shadow=True,
    ),
    Setting(
        "position",
        "How the switch stands; the command press turns it over.",
        one_of("on", "off"),
        lambda _: "off",
        device_types=frozenset({"switch"}),
        in_first_shadow=True,
    ),
    Setting(
        "links",
        "The devices whose light it drives; `playground link` gives it the right to.",
        other_things(MAX_LINKS, MAX_LINKS_BYTES),
        lambda _: [],
        device_types=frozenset({"switch"}),
        resets_when_removed=True,
    ),
    Setting(
        "misbehave",
        "What it does wrong.",
        all_or_some(ALL_MISBEHAVIOURS, MISBEHAVIOURS),
        lambda _: [],
        device_types=ROGUES,
        resets_when_removed=True,
    ),
    Setting(
        "seed",
        "Makes the schedule of misbehaviours: the same on every machine.",
        integer(0, MAX_SEED),
        lambda _: 0,
        device_types=ROGUES,
    ),
    Setting(
        "period",
        "Seconds between two misbehaviours, on average.",
        integer(1, MAX_PERIOD),
        lambda _: 10,
        device_types=ROGUES,
    ),
    Setting(
        "victim",
        "Whom stranger and foreign-shadow are about; a made-up name when there is none.",
        another_thing(),
        _nothing,
        device_types=ROGUES,
        resets_when_removed=True,
    ),
    Setting(
        "manifest",
        "Which devices it runs, by version and URL of the list; removed, they stay as they are.",
        versioned_url(MAX_MANIFEST_URL),
        _nothing,
        device_types=frozenset({HOST}),
        set_by_workflows=True,
        in_log=_without_url,
    ),
    Setting(
        "speed",
        "How many times as fast as time the clock of its telemetry runs.",
        integer(1, MAX_SPEED, or_null=True),
        _nothing,
        resets_when_removed=True,
    ),
)

KEYS = frozenset(row.key for row in TABLE)


@cache
def rows(device_type: str) -> Mapping[str, Setting]:
    """The rows that a device of this type has, by key, in the table's order."""
    return {
        row.key: row for row in TABLE if row.device_types is None or device_type in row.device_types
    }


def defaults(thing: Thing) -> JsonObject:
    """The settings of a device that nobody has told anything."""
    return {key: row.default(thing) for key, row in rows(thing.device_type).items()}


def logged(device_type: str, settings: JsonObject) -> dict[str, Json]:
    """Of these settings, what a log may show."""
    table = rows(device_type)
    return {
        key: table[key].in_log(value) if key in table else value for key, value in settings.items()
    }


def adopt(thing: Thing, remembered: JsonObject) -> JsonObject:
    """Settings from a memory (state file, `reported`): what is valid in it, defaults for the rest,
    no acts.
    """
    known = {key: value for key, value in remembered.items() if key in rows(thing.device_type)}
    return apply(thing, defaults(thing), known).settings


def apply(thing: Thing, current: JsonObject, desired: JsonObject) -> Outcome:
    """Bring `current` to `desired` (complete), key by key: a bad key is refused and blocks no
    other.
    """
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
            acts.append(row.act)
        # Also when it is 10.0 after 10, which is nothing new: it is reported as it is desired.
        settings[key] = wanted
    # In the order of the enumeration, so that a connection is dropped after all else and whatever
    # the order of keys.
    return Outcome(
        settings, refused, tuple(act for act in Act if act in acts and act is not Act.NOTHING)
    )


def _removed(thing: Thing, desired: JsonObject) -> dict[str, Json]:
    present = rows(thing.device_type).items()
    return {
        key: row.default(thing)
        for key, row in present
        if row.resets_when_removed and key not in desired
    }


def _parse(row: Setting | None, key: str, value: Json, thing: Thing) -> Json:
    if row is None:
        reason = (
            f"is not a setting of a {thing.device_type} device"
            if key in KEYS
            else "is not a setting"
        )
        raise RefusedError(reason)
    return row.rule(value, thing)
