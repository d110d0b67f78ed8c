"""Tools that the device brings along, run as processes, as the devices are: this package does not
import theirs.
"""

import os
import subprocess
import sys
from typing import Any

from common.jsontext import decode
from common.jsonvalues import NotJsonError
from playground.errors import DeviceToolError
from playground.home.paths import Paths

LIMIT_SECONDS = 30


def run_tool(paths: Paths, name: str, *arguments: str, given: bytes = b"") -> Any:
    """The JSON that a tool of the device prints, such as of `run_tool(paths, "model_tool",
    "list")`.

    `given` is its standard input. Raises DeviceToolError.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", f"virtual_device.tools.{name}", *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(paths.root / "device"),
                "PYTHONUTF8": "1",
                "PYTHONIOENCODING": "utf-8",
            },
            input=given,
            capture_output=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        return decode(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise DeviceToolError(
            f"The device's {name} has not ended within {LIMIT_SECONDS} s."
        ) from error
    except NotJsonError as error:
        said = done.stderr.decode(errors="replace").strip()
        raise DeviceToolError(f"The device's {name} failed: {said}") from error
