"""The rules that a setting's value may have to keep. Each says of itself, as JSON, what kind it is
and its limits.

What a rule says of itself is all that others know of it: the control plane refuses by it what the
device would refuse (`settings_tool`). A new kind of rule is therefore taught to
`functions/control_plane/setting_rules.py` too.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from virtual_device.base.jsonvalue import Json, encode, fault_of, is_integer, same
from virtual_device.connection import topics
from virtual_device.telemetry.thing import THING_NAME, Thing

WEB_URL = r"https?://[!-~]+"
"""An http or https URL, as far as a rule looks: ASCII without blanks."""

MAX_VERSION = 2**53 - 1


class RefusedError(ValueError):
    """A value that the device won't run with; the message is the `reason` of
    `reported.rejected`.
    """


@dataclass(frozen=True, slots=True)
class Rule:
    """Calling it gives the value to run with, or raises `RefusedError`."""

    kind: str
    limits: Mapping[str, Json]
    parse: Callable[[Json, Thing], Json]
    told: Callable[[Thing], str]
    """What it takes from this thing, in words: "an integer from 1 to 86400"."""

    def __call__(self, value: Json, thing: Thing) -> Json:
        """The value to run with; raises `RefusedError`."""
        return self.parse(value, thing)


def integer(low: int, high: int, *, or_null: bool = False) -> Rule:
    """An integer from `low` to `high`, and null if that is said; 10.0 is one too, and stays as it
    is given. A boolean is none.
    """

    told = f"an integer from {low} to {high}"

    def parse(value: Json, _thing: Thing) -> Json:
        if value is None and or_null:
            return value
        if not is_integer(value) or not low <= number_of(value) <= high:
            raise RefusedError(f"must be {told}")
        return value

    limits: dict[str, Json] = {"low": low, "high": high}
    if or_null:
        limits["orNull"] = True
    return Rule("integer", limits, parse, lambda _: told)


def reporting_interval(high: int) -> Rule:
    """Seconds between metrics reports, as often as is allowed where the thing is hosted, up to
    `high`; 0 for none.
    """

    def told(thing: Thing) -> str:
        return f"0 or an integer from {thing.metrics_floor} to {high}"

    def parse(value: Json, thing: Thing) -> Json:
        low = thing.metrics_floor
        if not is_integer(value) or not (value == 0 or low <= number_of(value) <= high):
            raise RefusedError(f"must be {told(thing)}")
        return value

    return Rule("reportingInterval", {"high": high}, parse, told)


def number_of(value: Json) -> int:
    """An integer that has passed such a rule, as Python's own."""
    assert isinstance(value, int | float)  # noqa: S101 - the rule lets nothing else through
    return int(value)


def one_of(*choices: str) -> Rule:
    """One of the given strings."""

    told = f"one of {', '.join(choices)}"

    def parse(value: Json, _thing: Thing) -> Json:
        if not isinstance(value, str) or value not in choices:
            raise RefusedError(f"must be {told}")
        return value

    return Rule("oneOf", {"choices": list(choices)}, parse, lambda _: told)


def telemetry_topic() -> Rule:
    """A topic that the thing may publish telemetry to."""

    def parse(value: Json, thing: Thing) -> Json:
        if not isinstance(value, str):
            raise RefusedError("must be a string")
        if fault := topics.telemetry_fault(value, thing.name):
            raise RefusedError(fault)
        return value

    form: dict[str, Json] = {"maxBytes": topics.MAX_TOPIC_BYTES, "maxSlashes": topics.MAX_SLASHES}
    owned: dict[str, Json] = {"below": topics.TELEMETRY, "reserved": list(topics.RESERVED)}
    return Rule(
        "telemetryTopic",
        {**form, **owned},
        parse,
        lambda thing: topics.telemetry_rule(thing.name),
    )


def json_object(max_bytes: int) -> Rule:
    """A JSON object of so many bytes at most, or null."""

    def parse(value: Json, _thing: Thing) -> Json:
        if value is not None and not isinstance(value, dict):
            raise RefusedError("must be a JSON object")
        _check_size(value, max_bytes)
        return value

    told = f"a JSON object of at most {max_bytes} bytes"
    return Rule("object", {"maxBytes": max_bytes}, parse, lambda _: told)


def token(max_bytes: int) -> Rule:
    """Any value of so many bytes at most; that it is a new one is what counts."""

    def parse(value: Json, _thing: Thing) -> Json:
        _check_size(value, max_bytes)
        return value

    told = f"any JSON value of at most {max_bytes} bytes"
    return Rule("any", {"maxBytes": max_bytes}, parse, lambda _: told)


def other_things(max_items: int, max_bytes: int) -> Rule:
    """Distinct names of other things, so many and so many bytes at most."""

    told = f"an array of at most {max_items} thing names"

    def parse(value: Json, thing: Thing) -> Json:
        if (
            not isinstance(value, list)
            or len(value) > max_items
            or not all(map(_is_thing_name, value))
        ):
            raise RefusedError(f"must be {told}")
        if len(set(map(str, value))) < len(value):
            raise RefusedError("must not name a thing twice")
        if thing.name in value:
            raise RefusedError("must not name the device itself")
        _check_size(value, max_bytes)
        return value

    limits: dict[str, Json] = {
        "maxItems": max_items,
        "pattern": THING_NAME.pattern,
        "maxBytes": max_bytes,
    }
    return Rule("otherThings", limits, parse, lambda _: f"{told}, of other things, each once")


def another_thing() -> Rule:
    """The name of another thing, or null."""

    def parse(value: Json, thing: Thing) -> Json:
        if value is not None and not _is_thing_name(value):
            raise RefusedError("must be a thing name")
        if value == thing.name:
            raise RefusedError("must not name the device itself")
        return value

    told = "a thing name, not its own"
    return Rule("anotherThing", {"pattern": THING_NAME.pattern}, parse, lambda _: told)


def all_or_some(everything: str, names: Sequence[str]) -> Rule:
    """The word `everything`, or an array of distinct `names`; stays as it is given."""
    told = f"{everything} or an array of {', '.join(names)}"

    def parse(value: Json, _thing: Thing) -> Json:
        if same(value, everything):
            return value
        if not isinstance(value, list) or not all(
            isinstance(name, str) and name in names for name in value
        ):
            raise RefusedError(f"must be {told}")
        if len(set(map(str, value))) < len(value):
            raise RefusedError("must not hold one of them twice")
        return value

    return Rule("allOrSome", {"all": everything, "names": list(names)}, parse, lambda _: told)


def boolean() -> Rule:
    """True or false, or null."""

    def parse(value: Json, _thing: Thing) -> Json:
        if value is not None and not isinstance(value, bool):
            raise RefusedError("must be true or false")
        return value

    return Rule("boolean", {}, parse, lambda _: "true or false")


def versioned_url(max_characters: int) -> Rule:
    """Where a document is to be had, and which of its versions is meant; or null.

    An object of exactly `version`, an integer, and `url`, an http or https URL in ASCII of
    so many characters at most. No refusal repeats anything of the URL.
    """
    told = (
        f"an object of version, an integer from 1 to {MAX_VERSION}, and url, an http or https URL "
        f"of at most {max_characters} characters"
    )
    is_url = re.compile(WEB_URL).fullmatch

    def parse(value: Json, _thing: Thing) -> Json:
        if value is None:
            return value
        if not isinstance(value, dict) or value.keys() != {"version", "url"}:
            raise RefusedError(f"must be {told}")
        version, url = value["version"], value["url"]
        if not is_integer(version) or not 1 <= number_of(version) <= MAX_VERSION:
            raise RefusedError(f"must be {told}")
        if not isinstance(url, str) or len(url) > max_characters or not is_url(url):
            raise RefusedError(f"must be {told}")
        return value

    limits: dict[str, Json] = {
        "maxVersion": MAX_VERSION,
        "pattern": WEB_URL,
        "maxCharacters": max_characters,
    }
    return Rule("versionedUrl", limits, parse, lambda _: told)


def _is_thing_name(value: Json) -> bool:
    return isinstance(value, str) and THING_NAME.fullmatch(value) is not None


def _check_size(value: Json, limit: int) -> None:
    if fault_of(value) is not None:
        raise RefusedError("holds a number that is out of range or text that is not valid Unicode")
    if len(encode(value)) > limit:
        raise RefusedError(f"is longer than {limit} bytes of JSON")
