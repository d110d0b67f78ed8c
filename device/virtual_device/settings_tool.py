"""python -m virtual_device.settings_tool

Prints the settings table as JSON, for those who can't import it: `{key: {"rule", ..., "deviceTypes"?}}` in the table's
order, a rule by its kind with its limits beside it. functions/control_plane/settings.json is what it prints.
"""

import json

from virtual_device.jsonvalue import Json
from virtual_device.settings import TABLE, Setting


def document() -> dict[str, Json]:
    """The table."""
    return {row.key: _described(row) for row in TABLE}


def _described(row: Setting) -> Json:
    described: dict[str, Json] = {"rule": row.rule.kind, **row.rule.limits}
    if row.device_types is not None:
        described["deviceTypes"] = [*sorted(row.device_types)]
    return described


if __name__ == "__main__":
    print(json.dumps(document(), indent=2))
