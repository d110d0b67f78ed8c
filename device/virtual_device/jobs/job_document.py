"""Job documents: `{"operation": "...", ...parameters}`, checked. No MQTT, nothing is done."""

from virtual_device.base.jsonvalue import MAX_DEPTH, Json, JsonObject, depth
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.core.capability import Surroundings
from virtual_device.jobs import operations
from virtual_device.jobs.operation import Kind


def read(document: Json, surroundings: Surroundings) -> tuple[Kind, JsonObject]:
    """The operation and its parameters. Raises `RefusedFieldError` with the field and what is wrong
    with it.
    """
    if not isinstance(document, dict):
        raise RefusedFieldError("document", "must be a JSON object")
    if depth(document) > MAX_DEPTH:
        raise RefusedFieldError("document", "is nested too deeply")
    name = document.get("operation")
    if not isinstance(name, str):
        raise RefusedFieldError("operation", "must be a string")
    kind = operations.ROWS.get(name)
    if kind is None:
        raise RefusedFieldError("operation", f"must be one of {', '.join(operations.ROWS)}")
    given = {key: value for key, value in document.items() if key != "operation"}
    return kind, kind.parse(given, surroundings)
