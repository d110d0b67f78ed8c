"""JSON as the device takes it: strict, bounded, and never a reason to crash."""

import json
from collections.abc import Mapping
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = Mapping[str, "Json"]

MAX_DEPTH = 64
"""Levels of nesting that are read. A shadow document holds at most 8 below `desired` (AWS IoT Device Shadow quotas)."""


class NotJsonError(ValueError):
    """The bytes aren't a JSON text that the device takes; the message says why."""


def decode(payload: bytes) -> Json:
    """Read UTF-8 JSON; NaN, Infinity and absurd nesting are no JSON. Raises `NotJsonError`."""
    try:
        value: Json = json.loads(payload.decode("utf-8"), parse_int=_integer, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise NotJsonError("nested too deeply") from error
    except ValueError as error:
        raise NotJsonError(str(error)) from error
    if depth(value) > MAX_DEPTH:
        raise NotJsonError("nested too deeply")
    return value


def decode_object(payload: bytes) -> dict[str, Json]:
    """`decode`, and refuse everything but an object."""
    value = decode(payload)
    if not isinstance(value, dict):
        raise NotJsonError(f"not a JSON object but {type(value).__name__}")
    return value


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON. Raises `ValueError` for infinities and for text that isn't valid Unicode."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values. Python's own takes `true` for 1, and 1 for 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def depth(value: Json) -> int:
    """Levels of nesting: 0 for a scalar. Counted without recursion, for the value may be anything."""
    levels, layer = -1, [value]
    while layer:
        levels += 1
        layer = [inner for outer in layer for inner in _children(outer)]
    return levels


def _children(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _integer(text: str) -> int | float:
    # Python refuses to read integers of thousands of digits; as a float such a number is merely out of range.
    return int(text) if len(text) < 20 else float(text)


def _refuse_constant(name: str) -> Json:
    raise NotJsonError(f"{name} is not JSON")
