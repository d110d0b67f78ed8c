"""JSON as the device takes it: strict, bounded, and never a reason to crash.

Functions and command read by the same rules, `functions/common/jsontext.py`; the device imports
neither, so one table of tests holds the two together (tests/unit/project/test_json_doors.py).
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = Mapping[str, "Json"]
Place = tuple[str | int, ...]
"""Where in a document something stands: names of members, and numbers of entries."""

MAX_BYTES = 1_048_576
"""More than any file or message that a device is meant to get; whoever expects less says so."""

MAX_DEPTH = 64
"""Levels of nesting. A shadow holds 8 at most, a workflow's definition a dozen."""

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Integers in between are the same for all who read JSON with integers of their own; larger ones
become floats in many readers, which changes them (RFC 8259, 6).
"""

MAX_NUMBER_CHARACTERS = 1024
NOT_UNICODE = "is not valid Unicode"
TOO_DEEP = f"must not be nested more than {MAX_DEPTH} levels deep"

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Made once: `json.dumps` makes one for every text."""

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_SHOWN = 40


class NotJsonError(ValueError):
    """Not taken. `rule` is what it breaks, `place` where: empty for the text as a whole. The
    message has both.
    """

    def __init__(self, rule: str, place: Place = ()) -> None:
        self.rule, self.place = rule, place
        super().__init__(f"{path_of(place)}: {rule}" if place else rule)


class JsonSyntaxError(NotJsonError):
    """It is no JSON text at all, but perhaps a text."""


class Unkept(float):
    """A number that would be changed by reading it, as `read` leaves it: no number to reckon with,
    but its text.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "Unkept":
        """With the digits as they were written."""
        made = super().__new__(cls, "nan")
        made.text = text
        return made


def decode(content: bytes | str, most_bytes: int = MAX_BYTES) -> Json:
    """The value of a JSON text in UTF-8, with or without a byte order mark. Raises NotJsonError.

    Refused: more than `most_bytes`; more than 64 levels; two members of one name in an object; NaN
    and Infinity; integers beyond 64 bits and decimals that a double does not hold; half of a
    surrogate pair.
    """
    text = text_of(content, most_bytes)
    value, doubtful = _parsed(text)
    if doubtful or _HALF_PAIR.search(text):
        error = fault_of(value)
        if error is not None:
            raise error
    return value


def decode_object(content: bytes | str, most_bytes: int = MAX_BYTES) -> dict[str, Json]:
    """`decode`, and refuse everything but an object."""
    return _an_object(decode(content, most_bytes))


def read_object(content: bytes | str, most_bytes: int = MAX_BYTES) -> dict[str, Json]:
    """`decode_object`, but one value that can't be kept hides nothing else: for shadows, which
    others write too.

    Integers stay exact, other such numbers are `Unkept`. Raises NotJsonError for the rest.
    """
    return _an_object(_parsed(text_of(content, most_bytes))[0])


def text_of(content: bytes | str, most_bytes: int = MAX_BYTES) -> str:
    """The text, without a byte order mark. Raises NotJsonError when it is too long, empty or not in
    UTF-8.
    """
    try:
        raw = content.encode() if isinstance(content, str) else content
    except UnicodeEncodeError:
        raise NotJsonError(NOT_UNICODE) from None
    if len(raw) > most_bytes:
        raise NotJsonError(f"must have at most {most_bytes} bytes")
    if raw.startswith(_UTF_16) or b"\0" in raw[:2]:
        raise NotJsonError("must be UTF-8, and seems to be UTF-16")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJsonError(f"must be UTF-8: byte {error.start} is not") from None
    if not text.strip():
        raise JsonSyntaxError("is empty")
    return text


def fault_of(value: Json) -> NotJsonError | None:
    """What of a value would not come through as it is, and where; None when all of it does."""
    return NotJsonError(TOO_DEEP) if depth(value) > MAX_DEPTH else _fault(value, ())


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON. Raises ValueError for infinities and for text that isn't valid
    Unicode.
    """
    return _COMPACT.encode(value).encode()


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values: 1 is 1.0 and is not true, which Python thinks."""
    if isinstance(left, dict) and isinstance(right, dict):
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


def identical(left: Json, right: Json) -> bool:
    """Whether they are written alike too: 1 is not 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            identical(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(identical, left, right))
    return type(left) is type(right) and same(left, right)


def is_integer(value: Json) -> bool:
    """Whether it is an integer as JSON Schema has it: 10.0 is one, true is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or value.is_integer()


def path_of(place: Place) -> str:
    """As people write it: `payload.values[2]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_clipped(part)}" for part in place)
    return "".join(parts).removeprefix(".")


def _an_object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise NotJsonError("must be a JSON object")
    return value


def _parsed(text: str) -> tuple[Json, bool]:
    """The value, and whether it may hold a number that can't be kept."""
    numbers = _Numbers()
    try:
        value = json.loads(
            text,
            parse_int=numbers.integer,
            parse_float=numbers.decimal,
            parse_constant=numbers.unkept,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise NotJsonError(TOO_DEEP) from None
    except NotJsonError:
        raise
    except ValueError as error:
        raise JsonSyntaxError(f"must be JSON: {error}") from None
    if depth(value) > MAX_DEPTH:
        raise NotJsonError(TOO_DEEP)
    return value, numbers.doubtful


class _Numbers:
    """Reads numbers, and remembers whether there was one that can't be kept."""

    doubtful = False

    def integer(self, text: str) -> int | float:
        if len(text) > MAX_NUMBER_CHARACTERS:
            return self.unkept(text)
        value = int(text)
        if value == 0 and text.startswith("-"):
            return -0.0
        self.doubtful = self.doubtful or not LOWEST <= value <= HIGHEST
        return value

    def decimal(self, text: str) -> float:
        value = float(text)
        # A double holds any 15 digits (IEEE 754); so short a text cannot have more.
        short = len(text) <= 16 and "e" not in text and "E" not in text
        return value if short or _holds(value, text) else self.unkept(text)

    def unkept(self, text: str) -> Unkept:
        self.doubtful = True
        return Unkept(text)


def _holds(value: float, text: str) -> bool:
    try:
        return len(text) <= MAX_NUMBER_CHARACTERS and Decimal(text) == Decimal(repr(value))
    except ArithmeticError:  # an exponent beyond all reason
        return False


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJsonError(f'has two members named "{_clipped(_first_twice(pairs))}"')
    return found


def _first_twice(pairs: list[tuple[str, Json]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


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
        said = _clipped(value.text)
        return (
            f"{said} has more digits than a number keeps"
            if finite
            else f"{said} is no number, or out of range"
        )
    if isinstance(value, int):
        return (
            None
            if LOWEST <= value <= HIGHEST
            else f"{_clipped(str(value))} is out of range: integers have 64 bits"
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


def _clipped(text: str) -> str:
    """So much of it as a message takes, without what a terminal or an encoder would stumble
    over.
    """
    told = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in told
    )
