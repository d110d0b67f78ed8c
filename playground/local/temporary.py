"""The folder's temporary directory: whoever is gone leaves nothing in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playground.base.removing import remove
from playground.home.paths import Paths

WORKERS = "ministack-lambda-*"
"""The emulator makes a folder for each process of a function, with the function's code in it."""

SAM = "sam-"


def clear(paths: Paths) -> None:
    """Remove what functions' processes and SAM have left; only while neither runs on the folder.

    What can't be removed today is removed the next time.
    """
    for pattern in (WORKERS, f"{SAM}*"):
        for left in sorted(paths.tmp.glob(pattern)):
            remove(left)


@contextmanager
def for_sam(paths: Paths) -> Iterator[Path]:
    """A temporary directory for one call of SAM, which forgets dozens of folders in it."""
    paths.make()
    made = Path(tempfile.mkdtemp(prefix=SAM, dir=paths.tmp))
    try:
        yield made
    finally:
        remove(made)
