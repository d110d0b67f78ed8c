"""`python -m checks.settings_pages [--check]`: writes whatever repeats the device's table of
settings, and the list of device types.

The table is TABLE in device/virtual_device/shadow/settings.py. From it come what the control plane
checks by (functions/control_plane/settings.json), what its OpenAPI document tells of each setting,
what a new device's shadow holds (functions/provisioning/first_shadow.json), and the table in
docs/contracts.md. From DEVICE_TYPES in functions/common/identifiers.py come the thing types in
template.yaml, and what the OpenAPI document takes. With --check nothing is written; exit code 1
when a file differs.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.identifiers import DEVICE_TYPES as NAMED_TYPES
from virtual_device.shadow.settings import TABLE
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing
from virtual_device.tools.settings_tool import ANY_NAME, about, document

PROJECT = Path(__file__).parents[1]
API_TABLE = "functions/control_plane/settings.json"
API_DOCUMENT = "functions/control_plane/openapi/settings.json"
API_DEVICES = "functions/control_plane/openapi/devices.json"
TEMPLATE = "template.yaml"
FIRST_SHADOW = "functions/provisioning/first_shadow.json"
CONTRACTS = "docs/contracts.md"
THING_NAME = "{thingName}"
"""Stands for the name of the device."""
THING_TYPES = "  # Thing types: written by `make settings`"
END_OF_THING_TYPES = "  # End of thing types"
BEGIN, END = "<!-- settings: written by `make settings` -->", "<!-- end of settings -->"
PROPERTIES = "components", "schemas", "SettingsChange", "properties", "desired", "properties"


def pages() -> Mapping[str, str]:
    """The files as they should be: their path from the project's folder, and their text."""
    rows: list[Any] = list(about(TABLE, Thing(ANY_NAME)))
    return {
        API_TABLE: json.dumps(document(), indent=2) + "\n",
        API_DOCUMENT: _api((PROJECT / API_DOCUMENT).read_text(), rows),
        FIRST_SHADOW: json.dumps(first_shadow(), indent=2) + "\n",
        API_DEVICES: _types_of_the_api((PROJECT / API_DEVICES).read_text()),
        TEMPLATE: _thing_types((PROJECT / TEMPLATE).read_text()),
        CONTRACTS: _between((PROJECT / CONTRACTS).read_text(), _table(rows)),
    }


def _api(text: str, rows: Sequence[Any]) -> str:
    """The document with a line for each setting; all else stays as it is, to the letter."""
    current: Any = json.loads(text)
    for name in PROPERTIES:
        current = current[name]
    told = {row["key"]: {"description": _told(row)} for row in rows if not row["setBy"]}
    if current == told:
        return text
    lines = ",\n".join(
        f"              {json.dumps(key)}: {json.dumps(value)}" for key, value in told.items()
    )
    begin = text.index('"properties": {', text.index('"description": "By setting;')) + len(
        '"properties": {'
    )
    return f"{text[:begin]}\n{lines}\n            {text[text.index('            }', begin) + 12 :]}"


def first_shadow() -> Mapping[str, Any]:
    """The wishes that a new device's shadow begins with, by setting, and which types have them."""
    any_thing = Thing(THING_NAME)
    return {
        row.key: {
            "value": row.default(any_thing),
            **({} if row.device_types is None else {"deviceTypes": sorted(row.device_types)}),
        }
        for row in TABLE
        if row.in_first_shadow
    }


def _types_of_the_api(text: str) -> str:
    named = f'"DeviceType": {{"type": "string", "enum": {json.dumps(NAMED_TYPES)}}}'
    return re.sub(r'"DeviceType": \{"type": "string", "enum": \[[^]]*\]\}', named, text)


def _thing_types(text: str) -> str:
    """The template with a thing type for each device type."""
    begin = text.index("\n", text.index(THING_TYPES)) + 1
    resources = "".join(
        f"  {name.title()}ThingType:\n"
        "    Type: AWS::IoT::ThingType\n"
        f'    Properties: {{ThingTypeName: !Sub "${{AWS::StackName}}-{name}"}}\n'
        for name in NAMED_TYPES
    )
    return text[:begin] + resources + text[text.index(END_OF_THING_TYPES) :]


def _told(row: Mapping[str, Any]) -> str:
    return f"{row['does']} {_capital(row['rule'])}.{_only(row)}"


def _table(rows: Sequence[Any]) -> str:
    lines = ["| key | value | default | what it does |", "|---|---|---|---|"]
    for row in rows:
        default = "-" if row["default"] is None else f"`{_bare(row['default'])}`"
        by = " Workflows alone set it." if row["setBy"] else ""
        lines.append(
            f"| `{row['key']}` | {row['rule']} | {default} | {row['does']}{by}{_only(row)} |"
        )
    return "\n".join(lines)


def _only(row: Mapping[str, Any]) -> str:
    types = row["deviceTypes"]
    return "" if len(types) == len(DEVICE_TYPES) else f" Only a {' or a '.join(types)} has it."


def _bare(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _between(text: str, table: str) -> str:
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}\n\n{table}\n\n{text[end:]}"


def main(arguments: Sequence[str]) -> int:
    """Write the files, or say which differ."""
    code = 0
    for name, text in pages().items():
        if (PROJECT / name).read_text() == text:
            continue
        if "--check" in arguments:
            print(f"{name} is not what the device's table says: `make settings`", file=sys.stderr)
            code = 1
        else:
            (PROJECT / name).write_text(text)
            print(f"written: {name}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
