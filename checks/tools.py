"""Running the tools that check."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 180


class CheckError(Exception):
    """A check found something, or could not be made: one line for each thing."""


def python_of(environment: str) -> Path:
    """The interpreter of one of the project's environments."""
    return ROOT / ".venvs" / environment / "bin" / "python"


def run_json(tool: str, *arguments: str, environment: str = "checks") -> Any:
    """What a tool of an environment prints, as JSON. Raises CheckError when it prints none in
    time.
    """
    command = [str(python_of(environment).parent / tool), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - the command is written in this package
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
        )
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise CheckError(f"{tool} took longer than {LIMIT_SECONDS} s") from None
    except ValueError:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise CheckError(f"{tool} failed: {last}") from None
