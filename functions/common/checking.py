"""Checks of single values of an input that have a path. Standard library only."""

from collections.abc import Collection, Mapping
from typing import Any

from common.errors import InvalidInput
from common.jsonvalues import is_integer, told


def checked_object(path: str, value: Any, fields: Collection[str]) -> Mapping[str, Any]:
    """`value` as an object with no other fields than these; the path of the whole input is `input`.

    Raises InvalidInput.
    """
    if not isinstance(value, dict):
        raise InvalidInput(path, f"must be a JSON object, got {told(value)}")
    for field in sorted(value.keys() - set(fields)):
        where = field if path == "input" else f"{path}.{field}"
        raise InvalidInput(where, f"is not a field here; there are {', '.join(fields)}")
    return value


def whole(path: str, value: Any, least: int, most: int | None = None) -> int:
    """`value` as a whole number; 2.0 is one, as in JSON Schema. Raises InvalidInput."""
    if not isinstance(value, int | float) or not is_integer(value) or value < least:
        raise InvalidInput(path, f"must be a whole number of at least {least}, got {told(value)}")
    if most is not None and value > most:
        raise InvalidInput(path, f"must be at most {most}, got {told(value)}")
    return int(value)


def number(path: str, value: Any, least: float, most: float) -> float:
    """`value` as a number. Raises InvalidInput."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise InvalidInput(path, f"must be a number from {least:g} to {most:g}, got {told(value)}")
    return float(value)
