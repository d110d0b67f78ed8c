"""What the local builder says of its builds: one file each, named after the version of the source
that it was given.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from playground.errors import ImageError
from playground.home.paths import Paths

LIMIT = 120.0
PAUSE = 0.05


@dataclass(frozen=True)
class BuildResult:
    """How a build has ended. `digest` is that of the image, `message` says why there is none."""

    status: Literal["SUCCEEDED", "FAILED"]
    source: str
    digest: str = ""
    message: str = ""


def result_file(paths: Paths, version: str) -> Path:
    """Where the result of the build of that version stands once it has ended."""
    return paths.builds / f"{version}.json"


def save(paths: Paths, version: str, result: BuildResult) -> None:
    """Write it so that a reader sees all of it or nothing."""
    file = result_file(paths, version)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(result)))
    draft.replace(file)


def load(paths: Paths, version: str) -> BuildResult | None:
    """The result; None while there is none. A damaged one is none: the upload is built again."""
    try:
        return BuildResult(**json.loads(result_file(paths, version).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError, RecursionError):
        return None


@dataclass(frozen=True)
class LocalBuilds:
    """The builder of the local cloud, seen from the command."""

    paths: Paths
    trouble: Callable[[], str | None] = lambda: None

    def follow(self, version: str, step: Callable[[str], None]) -> None:
        """See `playground.images.codebuild.Builds`."""
        step("Building on this machine")
        deadline = time.monotonic() + LIMIT
        while (result := load(self.paths, version)) is None:
            if told := self.trouble():
                raise ImageError(told)
            if time.monotonic() > deadline:
                raise ImageError(
                    f"The upload was not built within {LIMIT:.0f} s: does the task agent "
                    "run? `playground status` "
                    f"tells, and {self.paths.logs / 'agent.log'} has its log."
                )
            time.sleep(PAUSE)
        if result.status != "SUCCEEDED":
            raise ImageError(f"The build failed: {result.message}")
