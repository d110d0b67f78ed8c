"""The settings that devices have: settings.json, the device's own table as
`virtual_device.tools.settings_tool` prints it.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from common.jsontext import read
from control_plane.setting_rules import Subject, fault

TABLE = Path(__file__).with_name("settings.json")


@cache
def rows() -> Mapping[str, Mapping[str, Any]]:
    """The rule of each setting, by its key, in the device's order."""
    table: Mapping[str, Mapping[str, Any]] = read(TABLE.read_bytes())
    return table


def faults(desired: Mapping[str, Any], keys: Iterable[str], subject: Subject) -> Mapping[str, str]:
    """What the device would refuse of these keys of `desired`, and why."""
    found = {key: _fault(key, desired[key], subject) for key in keys}
    return {key: reason for key, reason in found.items() if reason is not None}


def reserved(keys: Iterable[str]) -> Mapping[str, str]:
    """What of these keys is not for anybody to set or to remove, and why; a device would take
    it.
    """
    table = rows()
    return {key: "is set by workflows alone" for key in keys if "setBy" in table.get(key, {})}


def _fault(key: str, value: Any, subject: Subject) -> str | None:
    row = rows().get(key)
    if row is None:
        return "is not a setting"
    if subject.device_type not in row.get("deviceTypes", (subject.device_type,)):
        return f"is not a setting of a {subject.device_type} device"
    return fault(row, value, subject)
