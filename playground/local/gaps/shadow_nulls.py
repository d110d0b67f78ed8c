"""A null in a shadow's update deletes what it stands at, at any depth, and is never kept.

AWS: `{"desired": {"color": {"red": null}}}` leaves no `red`, whether there was a `color` before or
not.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html and
https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-data-flow.html

Emulator: keeps the nulls of an object that comes for something that was not there, or was no
object.
"""

from typing import Any

from ministack.services import iot


def fill() -> None:
    """Merge without nulls."""
    iot._deep_merge = _merged


def _merged(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Changes `base`, and gives it."""
    for name, value in patch.items():
        below = base.get(name)
        if value is None:
            base.pop(name, None)
        elif isinstance(value, dict):
            base[name] = _merged(below if isinstance(below, dict) else {}, value)
        else:
            base[name] = value
    return base
