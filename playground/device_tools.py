"""Tools that the device brings along, run as processes, as the devices are: this package does not import theirs."""

import json
import os
import subprocess
import sys
from typing import Any

from playground.errors import DeviceToolError
from playground.paths import Paths

LIMIT_SECONDS = 30


def run_tool(paths: Paths, name: str, *arguments: str, given: str = "") -> Any:
    """The JSON that a tool of the device prints, such as `run_tool(paths, "model_tool", "list")`, `given` this text."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", f"virtual_device.{name}", *arguments],
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
        raise DeviceToolError(f"The device's {name} failed: {done.stderr.strip()}") from error
