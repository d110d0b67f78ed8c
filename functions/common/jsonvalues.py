"""Values of JSON: what of them can be kept, when two are equal, how a message repeats them.

Standard library only: the command imports this module from outside Lambda.
"""

import json
from collections.abc import Mapping
from typing import Any

Json = Any
Place = tuple[str | int, ...]
"""Where in a document something stands: names of members, and numbers of entries."""

MAX_DEPTH = 64
"""Levels of nesting. A shadow holds 8 at most, a workflow's definition a dozen."""

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Integers in between are the same for all who read JSON with integers of their own; larger ones
become floats in many readers, which changes them (RFC 8259, 6)."""

NOT_UNICODE = "is not valid Unicode"
TOO_DEEP = f"must not be nested more than {MAX_DEPTH} levels deep"

_SHOWN, _REPEATED = 40, 200


class NotJsonError(ValueError):
    """Not taken. `rule` is what it breaks, `place` where: empty for the text as a whole. The
    message has both."""

    def __init__(self, rule: str, place: Place = ()) -> None:
        self.rule, self.place = rule, place
        super().__init__(f"{path_of(place)}: {rule}" if place else rule)


class JsonSyntaxError(NotJsonError):
    """It is no JSON text at all, but perhaps a text."""


class Unkept(float):
    """A number that would be changed by reading it, as `read` leaves it: no number to reckon with,
    but its text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "Unkept":
        """With the digits as they were written."""
        made = super().__new__(cls, "nan")
        made.text = text
        return made


def fault_of(value: Json) -> NotJsonError | None:
    """What of a value would not come through as it is, and where; None when all of it does."""
    return NotJsonError(TOO_DEEP) if depth(value) > MAX_DEPTH else _fault(value, ())


def encode(value: Json) -> bytes:
    """Compact UTF-8 JSON. Raises ValueError for infinities and for text that isn't valid
    Unicode.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def writable(value: Json) -> Json:
    """What `read` gives, with the text in place of each number that could not be kept: those are no
    JSON."""
    if isinstance(value, Mapping):
        return {key: writable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [writable(inner) for inner in value]
    return value.text if isinstance(value, Unkept) else value


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values: 1 is 1.0 and is not true, which Python thinks."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            same(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Unkept) and isinstance(right, Unkept):
        return left.text == right.text
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def depth(value: Json) -> int:
    """Levels of nesting: 0 for a scalar. Counted without recursion, for the value may be
    anything.
    """
    levels, layer = -1, [value]
    while layer:
        levels += 1
        layer = [inner for outer in layer for inner in _children(outer)]
    return levels


def is_integer(value: Json) -> bool:
    """Whether it is an integer as JSON Schema has it: 10.0 is one, true is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or value.is_integer()


def told(value: object) -> str:
    """A value as a message repeats it: cut, and whatever it is."""
    if depth(value) > MAX_DEPTH:
        return "something nested too deeply"
    text = repr(value)
    return text if len(text) <= _REPEATED else text[:_REPEATED] + "..."


def path_of(place: Place) -> str:
    """As people write it: `payload.values[2]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{clipped(part)}" for part in place)
    return "".join(parts).removeprefix(".")


def _fault(value: Json, place: Place) -> NotJsonError | None:
    if isinstance(value, str):
        return None if is_unicode(value) else NotJsonError(NOT_UNICODE, place)
    if isinstance(value, int | float) and not isinstance(value, bool):
        rule = _number_fault(value)
        return NotJsonError(rule, place) if rule else None
    for part, inner in _members(value):
        if isinstance(part, str) and not is_unicode(part):
            return NotJsonError(f"has a name that {NOT_UNICODE}", place)
        if error := _fault(inner, (*place, part)):
            return error
    return None


def _number_fault(value: float) -> str | None:
    if isinstance(value, Unkept):
        finite = value.text.lstrip("-")[:1].isdigit() and float(value.text) - float(value.text) == 0
        said = clipped(value.text)
        return (
            f"{said} has more digits than a number keeps"
            if finite
            else f"{said} is no number, or out of range"
        )
    if isinstance(value, int):
        return (
            None
            if LOWEST <= value <= HIGHEST
            else f"{clipped(str(value))} is out of range: integers have 64 bits"
        )
    return None if value - value == 0 else f"{value} is no number, or out of range"


def is_unicode(text: str) -> bool:
    """Whether it can be written at all: half of a surrogate pair can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _members(value: Json) -> list[tuple[str | int, Json]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _children(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def clipped(text: str, most: int = _SHOWN) -> str:
    """So much of it as a message takes, without what a terminal or an encoder would stumble
    over.
    """
    told = text if len(text) <= most else text[:most] + "..."
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in told
    )
