"""JSON that somebody else has written: strict, bounded, and never a reason to crash. The one place
that reads it.

Used by all functions and by the `playground` command. The device, which imports neither, has the
same rules in `virtual_device/base/jsonvalue.py`; one table of tests holds the two together
(tests/unit/project/test_json_doors.py). Standard library only: the command imports this module from
outside Lambda.
"""

import json
import re
from decimal import Decimal

from common.jsonvalues import (
    HIGHEST,
    LOWEST,
    MAX_DEPTH,
    NOT_UNICODE,
    TOO_DEEP,
    Json,
    JsonSyntaxError,
    NotJsonError,
    Unkept,
    clipped,
    depth,
    fault_of,
)

MAX_BYTES = 1_048_576
"""More than any service hands over at once; whoever expects less says so."""

MAX_NUMBER_CHARACTERS = 1024

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


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
    value = decode(content, most_bytes)
    if not isinstance(value, dict):
        raise NotJsonError("must be a JSON object")
    return value


def read(content: bytes | str, most_bytes: int = MAX_BYTES) -> Json:
    """`decode`, but one value that can't be kept hides nothing else: for shadows, which others
    write too.

    Integers stay exact, other such numbers are `Unkept`. Raises NotJsonError for the rest.
    """
    return _parsed(text_of(content, most_bytes))[0]


def read_or_none(content: bytes | str | None) -> Json:
    """`read`, and None for what is not taken or not there: for what is only looked at, and may be
    anything."""
    try:
        return None if content is None else read(content)
    except NotJsonError:
        return None


def text_of(content: bytes | str, most_bytes: int = MAX_BYTES) -> str:
    """The text, without a byte order mark. Raises NotJsonError when it is too long, empty or not in
    UTF-8."""
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
        raise NotJsonError(f'has two members named "{clipped(_first_twice(pairs))}"')
    return found


def _first_twice(pairs: list[tuple[str, Json]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""
