"""python -m virtual_device.tools.settings_tool [about [DEVICE_TYPE [THING METRICS_FLOOR]]]

Prints the settings table as JSON, for those who can't import it, in the table's order:
`{key: {"rule", ..., "deviceTypes"?, "setBy"?}}`, a rule by its kind with its limits beside it.
functions/control_plane/settings.json is what it prints.

`about` prints what people choose by, of all settings or those of a type:
`[{"key", "rule", "default", "does", "deviceTypes", "setBy"}]`, the rule in words. With a thing's
name, and the least seconds between two metrics reports where it is hosted, of this thing.

Exit codes: 0; 2 for wrong usage.
"""

import json
import sys
from collections.abc import Iterable, Sequence

from virtual_device.base.jsonvalue import Json
from virtual_device.shadow.settings import TABLE, Setting, rows
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing

ANY_NAME = "NAME"
"""Stands for the thing's name where no thing is meant."""


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; the exit code."""
    match arguments:
        case []:
            return _print(document())
        case ["about"]:
            return _print(about(TABLE, Thing(ANY_NAME)))
        case ["about", device_type] if device_type in DEVICE_TYPES:
            return _print(about(rows(device_type).values(), Thing(ANY_NAME, device_type)))
        case ["about", device_type, name, floor] if device_type in DEVICE_TYPES:
            thing = Thing(name, device_type, metrics_floor=int(floor))
            return _print(about(rows(device_type).values(), thing))
    print(__doc__, file=sys.stderr)
    return 2


def document() -> dict[str, Json]:
    """The table."""
    return {row.key: _described(row) for row in TABLE}


def about(settings: Iterable[Setting], thing: Thing) -> list[Json]:
    """The rows as people choose by them: rule and default of this thing."""
    return [
        {
            "key": row.key,
            "rule": row.rule.told(thing),
            "default": row.default(thing),
            "does": row.effect,
            "deviceTypes": [*sorted(row.device_types or DEVICE_TYPES)],
            "setBy": "workflows" if row.set_by_workflows else None,
        }
        for row in settings
    ]


def _described(row: Setting) -> Json:
    described: dict[str, Json] = {"rule": row.rule.kind, **row.rule.limits}
    if row.device_types is not None:
        described["deviceTypes"] = [*sorted(row.device_types)]
    if row.set_by_workflows:
        described["setBy"] = "workflows"
    return described


def _print(value: Json) -> int:
    print(json.dumps(value, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
