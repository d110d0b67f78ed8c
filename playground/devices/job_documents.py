"""Job documents, checked by the device's own code before they are sent."""

from collections.abc import Mapping
from typing import Any

from common.jsonvalues import encode
from playground.devices.tools import run_tool
from playground.errors import JobUsageError
from playground.home.paths import Paths


def operations(paths: Paths) -> dict[str, str]:
    """What jobs can make a device do: name and description."""
    return {row["name"]: row["description"] for row in run_tool(paths, "job_tool", "list")}


def check(paths: Paths, document: Mapping[str, Any], thing: str, device_type: str) -> None:
    """Raises JobUsageError with the field and the rule that the document breaks."""
    fault = run_tool(paths, "job_tool", "check", thing, device_type, given=encode(document))
    if fault:
        raise JobUsageError(f"{fault['field']} {fault['reason']}")
