"""The rules that a setting's value may have to keep. Each says of itself, as JSON, what kind it is and its limits.

What a rule says of itself is all that others know of it: the control plane refuses by it what the device would refuse
(`settings_tool`). A new kind of rule is therefore taught to `functions/control_plane/setting_rules.py` too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from virtual_device import topics
from virtual_device.jsonvalue import Json, encode
from virtual_device.thing import THING_NAME, Thing


class RefusedError(ValueError):
    """A value that the device won't run with; the message is the `reason` of `reported.rejected`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Calling it gives the value to run with, or raises `RefusedError`."""

    kind: str
    limits: Mapping[str, Json]
    parse: Callable[[Json, Thing], Json]

    def __call__(self, value: Json, thing: Thing) -> Json:
        """The value to run with; raises `RefusedError`."""
        return self.parse(value, thing)


def integer(low: int, high: int) -> Rule:
    """An integer from `low` to `high`. A boolean is none, though Python thinks so."""

    def parse(value: Json, _thing: Thing) -> Json:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise RefusedError(f"must be an integer from {low} to {high}")
        return value

    return Rule("integer", {"low": low, "high": high}, parse)


def reporting_interval(high: int) -> Rule:
    """Seconds between metrics reports, as often as is allowed where the thing is hosted, up to `high`; 0 for none."""

    def parse(value: Json, thing: Thing) -> Json:
        low = thing.metrics_floor
        if not isinstance(value, int) or isinstance(value, bool) or not (value == 0 or low <= value <= high):
            raise RefusedError(f"must be 0 or an integer from {low} to {high}")
        return value

    return Rule("reportingInterval", {"high": high}, parse)


def one_of(*choices: str) -> Rule:
    """One of the given strings."""

    def parse(value: Json, _thing: Thing) -> Json:
        if not isinstance(value, str) or value not in choices:
            raise RefusedError(f"must be one of {', '.join(choices)}")
        return value

    return Rule("oneOf", {"choices": list(choices)}, parse)


def telemetry_topic() -> Rule:
    """A topic that the thing may publish telemetry to."""

    def parse(value: Json, thing: Thing) -> Json:
        if not isinstance(value, str):
            raise RefusedError("must be a string")
        if fault := topics.telemetry_fault(value, thing.name):
            raise RefusedError(fault)
        return value

    form: dict[str, Json] = {"maxBytes": topics.MAX_TOPIC_BYTES, "maxSlashes": topics.MAX_SLASHES}
    return Rule("telemetryTopic", {**form, "below": topics.TELEMETRY, "reserved": list(topics.RESERVED)}, parse)


def json_object(max_bytes: int) -> Rule:
    """A JSON object of so many bytes at most, or null."""

    def parse(value: Json, _thing: Thing) -> Json:
        if value is not None and not isinstance(value, dict):
            raise RefusedError("must be a JSON object")
        _check_size(value, max_bytes)
        return value

    return Rule("object", {"maxBytes": max_bytes}, parse)


def token(max_bytes: int) -> Rule:
    """Any value of so many bytes at most; that it is a new one is what counts."""

    def parse(value: Json, _thing: Thing) -> Json:
        _check_size(value, max_bytes)
        return value

    return Rule("any", {"maxBytes": max_bytes}, parse)


def other_things(max_items: int, max_bytes: int) -> Rule:
    """Distinct names of other things, so many and so many bytes at most."""

    def parse(value: Json, thing: Thing) -> Json:
        if not isinstance(value, list) or len(value) > max_items or not all(map(_is_thing_name, value)):
            raise RefusedError(f"must be an array of at most {max_items} thing names")
        if len(set(map(str, value))) < len(value):
            raise RefusedError("must not name a thing twice")
        if thing.name in value:
            raise RefusedError("must not name the device itself")
        _check_size(value, max_bytes)
        return value

    limits: dict[str, Json] = {"maxItems": max_items, "pattern": THING_NAME.pattern, "maxBytes": max_bytes}
    return Rule("otherThings", limits, parse)


def _is_thing_name(value: Json) -> bool:
    return isinstance(value, str) and THING_NAME.fullmatch(value) is not None


def _check_size(value: Json, limit: int) -> None:
    try:
        size = len(encode(value))
    except ValueError:
        raise RefusedError("holds a number that is out of range or text that is not valid Unicode") from None
    if size > limit:
        raise RefusedError(f"is longer than {limit} bytes of JSON")
