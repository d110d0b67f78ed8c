"""`python -m checks.fleet_schema`: the JSON Schema of a fleet file, for editors and programs.

It is the part of the API's OpenAPI document (3.1, whose schemas are JSON Schema 2020-12) that a
fleet file is checked by, in a document of its own: docs/fleet.schema.json.
"""

import json
from collections.abc import Mapping
from typing import Any

from control_plane.document import document

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODEL_FILE = {
    "type": "string",
    "minLength": 1,
    "description": "A model file, from where the fleet file is; the command alone takes it",
}
HERE, THERE = "#/components/schemas/", "#/$defs/"


def fleet_schema() -> dict[str, Any]:
    """The schema, with all that it refers to."""
    schemas: Mapping[str, Any] = document()["components"]["schemas"]
    wanted, found = ["FleetFile"], {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _moved(schemas[name], wanted)
    group = found["FleetGroup"]["properties"]
    group["model"] = {"anyOf": [group["model"], MODEL_FILE]}
    return {
        "$schema": DIALECT,
        "title": "A fleet file of the AWS IoT Playground",
        "$ref": f"{THERE}FleetFile",
        "$defs": dict(sorted(found.items())),
    }


def _moved(value: Any, wanted: list[str]) -> Any:
    """The value with its references as they are here; what they lead to is `wanted`."""
    if isinstance(value, dict):
        return {key: _moved(item, wanted) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, wanted) for item in value]
    if isinstance(value, str) and value.startswith(HERE):
        wanted.append(value.removeprefix(HERE))
        return value.replace(HERE, THERE)
    return value


if __name__ == "__main__":
    print(json.dumps(fleet_schema(), indent=2, ensure_ascii=False))
