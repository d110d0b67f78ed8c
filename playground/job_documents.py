"""Job documents, checked by the device's own code before they are sent."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from playground.errors import JobError
from playground.paths import Paths

LIMIT_SECONDS = 30


def operations(paths: Paths) -> dict[str, str]:
    """What jobs can make a device do: name and description."""
    return {row["name"]: row["description"] for row in _tool(paths, "list")}


def check(paths: Paths, document: Mapping[str, Any], thing: str, device_type: str) -> None:
    """Raises JobError with the field and the rule that the document breaks."""
    fault = _tool(paths, "check", thing, device_type, given=json.dumps(document))
    if fault:
        raise JobError(f"{fault['field']} {fault['reason']}")


def _tool(paths: Paths, *arguments: str, given: str = "") -> Any:
    """What the device's job tool prints. A process, as the devices are: this package does not import theirs."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "virtual_device.job_tool", *arguments],
        env={**os.environ, "PYTHONPATH": str(paths.root / "device"), "PYTHONUTF8": "1"},
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise JobError(f"The job tool of the device failed: {done.stderr.strip()}") from error
