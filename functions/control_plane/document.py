"""The OpenAPI document, joined from the files of openapi/: the one place that says what the API
takes and answers.

Routes, parameters and bodies are checked by it. Each capability has a file, which adds `paths` and
`components`.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import fastjsonschema

from common.jsontext import read

FOLDER = Path(__file__).with_name("openapi")
BASE = "base"
METHODS = ("get", "put", "post", "delete", "patch")

Check = Callable[[Any], Any]


class DocumentError(RuntimeError):
    """The files of openapi/ do not fit together."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: `place` is path, query or header."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]

    @property
    def is_integer(self) -> bool:
        """Whether its text stands for a whole number."""
        return resolved(self.schema).get("type") == "integer"

    @cached_property
    def check(self) -> Check:
        """Gives the value, or raises fastjsonschema.JsonSchemaValueException."""
        return _compiled(self.schema)


@dataclass(frozen=True)
class Operation:
    """One operation: `path` as in the document, `/v1/devices/{thingName}`."""

    operation_id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Mapping[str, Any] | None
    groups: frozenset[str] = frozenset()
    """Who may use it; `admins` may use everything."""

    def is_at(self, path: str) -> bool:
        """Whether it is what was asked for."""
        template = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path))
        return re.fullmatch(template, path) is not None

    @cached_property
    def check_body(self) -> Check:
        """Gives the body, or raises fastjsonschema.JsonSchemaValueException."""
        return _compiled(self.body or {})


@cache
def document() -> Mapping[str, Any]:
    """The whole document. Raises DocumentError when two files define the same thing."""
    joined: dict[str, Any] = read((FOLDER / f"{BASE}.json").read_bytes())
    for file in sorted(FOLDER.glob("*.json")):
        if file.stem != BASE:
            section = read(file.read_bytes())
            _add(joined["paths"], section.get("paths", {}), file.name)
            for kind, entries in section.get("components", {}).items():
                _add(joined["components"].setdefault(kind, {}), entries, file.name)
    return joined


@cache
def operations() -> Mapping[str, Operation]:
    """Every operation by its id."""
    found: dict[str, Operation] = {}
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                operation = _operation(path, method, item)
                found[operation.operation_id] = operation
    return found


def methods_of(path: str) -> list[str]:
    """The methods that the document has for what was asked for; empty when it knows no such
    path.
    """
    return [operation.method for operation in operations().values() if operation.is_at(path)]


def is_for_viewers(method: str, path: str) -> bool:
    """Whether viewers may use it: what only reads, whatever its method."""
    return any(
        "viewers" in operation.groups
        for operation in operations().values()
        if operation.method == method and operation.is_at(path)
    )


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the one of the document that it refers to."""
    if "$ref" not in schema:
        return schema
    found: Any = document()
    for part in str(schema["$ref"]).removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found)


def _operation(path: str, method: str, item: Mapping[str, Any]) -> Operation:
    asked = item[method]
    parameters = [
        resolved(entry) for entry in [*item.get("parameters", []), *asked.get("parameters", [])]
    ]
    body = asked.get("requestBody")
    return Operation(
        asked["operationId"],
        method.upper(),
        path,
        tuple(
            Parameter(one["name"], one["in"], one.get("required", False), one["schema"])
            for one in parameters
        ),
        body["content"]["application/json"]["schema"] if body else None,
        frozenset(group for one in asked.get("security", []) for group in one["accessToken"]),
    )


def _compiled(schema: Mapping[str, Any]) -> Check:
    """fastjsonschema knows draft 7: the document keeps to what means the same there and in OpenAPI
    3.1.
    """
    whole = {**schema, "components": document()["components"]}
    check: Check = fastjsonschema.compile(whole, use_default=False, use_formats=False)
    return check


def main() -> None:
    """Print the document: what docs/openapi.json holds (`make openapi`)."""
    sys.stdout.write(json.dumps(document(), indent=2) + "\n")


def _add(to: dict[str, Any], entries: Mapping[str, Any], file: str) -> None:
    for name in entries:
        if name in to:
            raise DocumentError(f"{file}: {name} is defined twice")
    to.update(entries)


if __name__ == "__main__":
    main()
