"""The rules of settings.json: what a device would say to a value. A rule is a kind, by which it is
found, and limits.

Whatever a device accepts is accepted here, and what it refuses is refused with the same words:
tests hold the two against each other. The rules themselves are the device's,
`device/virtual_device/shadow/setting_rules.py`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.jsonvalues import encode, fault_of, is_integer, same

Limits = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """The device that the values are for."""

    thing_name: str
    device_type: str
    metrics_floor: int
    """Seconds that are to be between two of its metrics reports at least."""


def fault(limits: Limits, value: Any, subject: Subject) -> str | None:
    """Which rule the value breaks; None when it keeps them all."""
    return _KINDS[limits["rule"]](limits, value, subject)


def _integer(limits: Limits, value: Any, _subject: Subject) -> str | None:
    low, high = limits["low"], limits["high"]
    null = value is None and limits.get("orNull", False)
    return (
        None
        if null or (is_integer(value) and low <= value <= high)
        else f"must be an integer from {low} to {high}"
    )


def _reporting_interval(limits: Limits, value: Any, subject: Subject) -> str | None:
    low, high = subject.metrics_floor, limits["high"]
    if is_integer(value) and (value == 0 or low <= value <= high):
        return None
    return f"must be 0 or an integer from {low} to {high}"


def _one_of(limits: Limits, value: Any, _subject: Subject) -> str | None:
    choices = limits["choices"]
    return (
        None
        if isinstance(value, str) and value in choices
        else f"must be one of {', '.join(choices)}"
    )


def _any(limits: Limits, value: Any, _subject: Subject) -> str | None:
    if fault_of(value) is not None:
        return "holds a number that is out of range or text that is not valid Unicode"
    return (
        None
        if len(encode(value)) <= limits["maxBytes"]
        else f"is longer than {limits['maxBytes']} bytes of JSON"
    )


def _object(limits: Limits, value: Any, subject: Subject) -> str | None:
    if value is not None and not isinstance(value, dict):
        return "must be a JSON object"
    return _any(limits, value, subject)


def _telemetry_topic(limits: Limits, value: Any, subject: Subject) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    return _form_fault(limits, value) or _ownership_fault(limits, value, subject.thing_name)


def _form_fault(limits: Limits, topic: str) -> str | None:
    try:
        size = len(topic.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if size > limits["maxBytes"]:
        return f"is longer than {limits['maxBytes']} bytes"
    if topic.count("/") > limits["maxSlashes"]:
        return f"has more than {limits['maxSlashes']} slashes"
    if any(character in topic for character in "+#") or not topic.isprintable():
        return "holds a wildcard or a control character"
    return None if all(topic.split("/")) else "has an empty level"


def _ownership_fault(limits: Limits, topic: str, thing_name: str) -> str | None:
    own = f"{limits['below']}{thing_name}/"
    if topic.startswith(own):
        return None
    if topic.startswith(tuple(limits["reserved"])):
        return "is reserved"
    return (
        None
        if topic.rpartition("/")[2] == thing_name
        else f"is neither below {own} nor ends in {thing_name}"
    )


def _other_things(limits: Limits, value: Any, subject: Subject) -> str | None:
    is_name = re.compile(limits["pattern"]).fullmatch
    if not isinstance(value, list) or len(value) > limits["maxItems"]:
        return f"must be an array of at most {limits['maxItems']} thing names"
    if not all(isinstance(name, str) and is_name(name) for name in value):
        return f"must be an array of at most {limits['maxItems']} thing names"
    if len(set(value)) < len(value):
        return "must not name a thing twice"
    return (
        "must not name the device itself"
        if subject.thing_name in value
        else _any(limits, value, subject)
    )


def _another_thing(limits: Limits, value: Any, subject: Subject) -> str | None:
    is_name = isinstance(value, str) and re.compile(limits["pattern"]).fullmatch(value)
    if value is not None and not is_name:
        return "must be a thing name"
    return "must not name the device itself" if value == subject.thing_name else None


def _all_or_some(limits: Limits, value: Any, _subject: Subject) -> str | None:
    everything, names = limits["all"], limits["names"]
    if same(value, everything):
        return None
    if not isinstance(value, list) or not all(
        isinstance(name, str) and name in names for name in value
    ):
        return f"must be {everything} or an array of {', '.join(names)}"
    return "must not hold one of them twice" if len(set(value)) < len(value) else None


def _boolean(_limits: Limits, value: Any, _subject: Subject) -> str | None:
    return None if value is None or isinstance(value, bool) else "must be true or false"


def _versioned_url(limits: Limits, value: Any, _subject: Subject) -> str | None:
    most, highest = limits["maxCharacters"], limits["maxVersion"]
    if value is None or (
        isinstance(value, dict)
        and value.keys() == {"version", "url"}
        and is_integer(value["version"])
        and 1 <= value["version"] <= highest
        and isinstance(value["url"], str)
        and len(value["url"]) <= most
        and re.compile(limits["pattern"]).fullmatch(value["url"])
    ):
        return None
    return (
        f"must be an object of version, an integer from 1 to {highest}, and url, an http or https "
        f"URL of at most {most} characters"
    )


_KINDS: Mapping[str, Callable[[Limits, Any, Subject], str | None]] = {
    "integer": _integer,
    "reportingInterval": _reporting_interval,
    "oneOf": _one_of,
    "any": _any,
    "object": _object,
    "telemetryTopic": _telemetry_topic,
    "otherThings": _other_things,
    "anotherThing": _another_thing,
    "allOrSome": _all_or_some,
    "boolean": _boolean,
    "versionedUrl": _versioned_url,
}
