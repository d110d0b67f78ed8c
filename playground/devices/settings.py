"""What can be set on a device, from the device's own table: rule, default, effect."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.jsonvalues import Json
from playground.base.command_lines import command_line
from playground.devices import models
from playground.devices.devices import Row
from playground.devices.tools import run_tool
from playground.errors import SettingError
from playground.home.paths import Paths


@dataclass(frozen=True)
class Setting:
    """One row of the table. A default of None is no value; `set_by` is `workflows`, or None."""

    key: str
    rule: str
    default: Json
    does: str
    device_types: Sequence[str]
    set_by: str | None


def of_type(paths: Paths, device_type: str | None = None) -> list[Setting]:
    """The settings of a device type, or all that there are."""
    return _read(paths, *([device_type] if device_type else []))


def of_device(paths: Paths, row: Row, metrics_floor: int) -> list[Setting]:
    """Those of a device of the catalog, with its name in defaults and rules.

    `metrics_floor`: seconds that are to be between two of its reports of metrics at least.
    """
    return _read(paths, str(row["device_type"]), str(row["thing_name"]), str(metrics_floor))


def require_settable(paths: Paths, row: Row, wishes: Mapping[str, Json]) -> None:
    """Raises SettingError for each key that this device can't have, or that only workflows set.

    What is removed, None, is never wrong: so a key that nobody knows can be got rid of. Values are
    the device's to judge. Of a device type that is not known here nothing is.
    """
    if row.get("device_type") not in models.types(paths):
        return
    table = {one.key: one for one in of_type(paths)}
    faults = [fault for key, value in wishes.items() if (fault := _fault(table, row, key, value))]
    if faults:
        raise SettingError("\n".join(faults))


def _fault(table: Mapping[str, Setting], row: Row, key: str, value: Json) -> str | None:
    device_type = str(row["device_type"])
    there = table.get(key)
    if there and device_type in there.device_types:
        if there.set_by is None:
            return None
        name = str(row["thing_name"])
        how = f"`{command_line('quarantine', name)}`, `{command_line('release', name)}`"
        return f"{key}: is set by {there.set_by} alone: {how}."
    if value is None:
        return None
    if there:
        hint = f"Only {' and '.join(there.device_types)} devices have it."
    else:
        own = [key for key, one in table.items() if _is_open(one, device_type)]
        near = difflib.get_close_matches(key.lower(), own, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(own)}."
    more = f"`{command_line('settings', device_type)}` tells of each."
    return f"{key}: is not a setting of a {device_type} device. {hint} {more}"


def _is_open(one: Setting, device_type: str) -> bool:
    """Whether anybody may set it on devices of this type."""
    return device_type in one.device_types and one.set_by is None


def _read(paths: Paths, *of: str) -> list[Setting]:
    found = run_tool(paths, "settings_tool", "about", *of)
    return [
        Setting(
            key=one["key"],
            rule=one["rule"],
            default=one["default"],
            does=one["does"],
            device_types=one["deviceTypes"],
            set_by=one["setBy"],
        )
        for one in found
    ]
