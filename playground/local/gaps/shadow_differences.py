"""A delta holds what differs as JSON has it.

AWS: a delta has the fields of `desired` whose value differs from that in `reported`, and the
service keeps to the rules of JSON, where `true` is no number.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html, "Delta
state"

Emulator: compares as Python does, for which true is 1 and false is 0: a device that reports true is
not told that 1 is desired.
"""

from typing import Any

from ministack.services import iot


def fill() -> None:
    """Compare as JSON does."""
    iot._compute_delta = _delta


def _delta(desired: dict[str, Any], reported: dict[str, Any]) -> dict[str, Any]:
    delta: dict[str, Any] = {}
    for name, wish in desired.items():
        there = reported.get(name)
        if isinstance(wish, dict) and isinstance(there, dict):
            if inner := _delta(wish, there):
                delta[name] = inner
        elif not _same(wish, there):
            delta[name] = wish
    return delta


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)
