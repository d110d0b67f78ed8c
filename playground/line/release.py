"""Which version this is: the release, and the commit where the project is a clone."""

import subprocess
from pathlib import Path

LIMIT = 5.0


def name(root: Path) -> str:
    """Such as `iot-playground/0.2.0 (1a2b3c4d5e6f, with changes)`; the release alone without
    git.
    """
    # It takes a tenth of what most commands take, and every command loads this.
    from importlib.metadata import version  # noqa: PLC0415

    told = _git(
        root, "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=, with changes"
    )
    return f"iot-playground/{version('iot-playground')}" + (f" ({told})" if told else "")


def _git(root: Path, *arguments: str) -> str:
    """What git says of this very clone; "" where there is none, or the folder is within another
    one.
    """
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own git  # nosec B607
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
