"""Data of a command as JSON has it. No number is changed on the way: one that JSON's readers would
change is text."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from common.jsonvalues import Unkept


def plain(value: Any) -> Any:
    """Numbers for DynamoDB's decimals, ISO 8601 for times, base64 for bytes, lists for tuples and
    sets."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _scalar(value)


def number(value: Decimal) -> int | float | str:
    """A decimal of DynamoDB, which has up to 38 digits; text when a double does not hold it."""
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, Unkept):
        return value.text
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | float) else str(value)
