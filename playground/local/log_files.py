"""Logs do not grow for ever: each file has a size, and so many are kept of devices that are
gone.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path

from playground.base.removing import remove
from playground.home.paths import Paths

MOST_BYTES = 1_000_000
"""Of a file; there is one older file beside each, so it is twice that."""

KEPT = 100
"""Logs of devices' tasks that are over: each `up` gives every device another task."""

OLDER = ".1"
DEVICE_LOG = re.compile(r"device-(.+)\.log(\.1)?")


def device_log(paths: Paths, task_id: str) -> Path:
    """Where a device's output goes."""
    return paths.logs / f"device-{task_id}.log"


def turn_over(file: Path, most: int = MOST_BYTES, read: int | None = None) -> bool:
    """Begin the file anew when it is too long, and keep the old one beside it; whether it was done.

    `read`: so many bytes somebody has read who must not miss the rest: when there is more, the file
    stays. For files that are open for appending: whoever writes goes on at the new end. What is
    written between copying and cutting is lost, as with `copytruncate` of logrotate(8).
    """
    try:
        with file.open("rb+") as log:
            size = os.fstat(log.fileno()).st_size
            if size <= most or read not in {None, size}:
                return False
            older = file.with_name(file.name + OLDER)
            with older.open("wb") as copy:
                while piece := log.read(1 << 16):
                    copy.write(piece)
            if read is not None and log.tell() != read:
                return False
            log.truncate(0)
    except FileNotFoundError:
        return False
    return True


def prune(paths: Paths, running: Collection[str], kept: int = KEPT) -> None:
    """Remove the logs of tasks that are over, but for the newest `kept`; those of `running`
    stay.
    """
    ended: dict[str, float] = {}
    for file in paths.logs.iterdir():
        found = DEVICE_LOG.fullmatch(file.name)
        if found and found[1] not in running:
            ended[found[1]] = max(ended.get(found[1], 0.0), _written(file))
    for task_id in sorted(ended, key=lambda one: ended[one])[: max(0, len(ended) - kept)]:
        log = device_log(paths, task_id)
        remove(log)
        remove(log.with_name(log.name + OLDER))


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
