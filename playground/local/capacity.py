"""Whether so many devices have room here: each is a connection, and so a file, of the emulator."""

import psutil

from playground.devices.devices import Devices
from playground.errors import CapacityError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.home.state import LocalState

SPARE = 400
"""For the rest: the processes of functions, three pipes each, requests, and files."""


FEW = 20


def require_room(paths: Paths, home: Home, count: int) -> None:
    """Raise CapacityError when the local cloud can't have so many more. On AWS there is room."""
    limit = _limit(paths) if home.kind == "local" else None
    # Whoever makes a few need not look at the whole catalog.
    if limit is None or count < FEW:
        return
    there = sum(row.get("status") != "TERMINATED" for row in Devices(home).rows())
    if there + count + SPARE > limit:
        needed = there + count + SPARE
        raise CapacityError(
            f"{there + count} devices need {needed} file descriptors, and the emulator "
            f"may have {limit}, enough "
            f"for {max(0, limit - SPARE)}: raise the hard limit (`ulimit -Hn`) and "
            "restart the local cloud, or "
            "create fewer."
        )


def _limit(paths: Paths) -> int | None:
    """How many files the emulator may have open; None where the system does not tell, as macOS."""
    emulator = LocalState.load(paths).emulator
    if emulator is None or not hasattr(psutil.Process, "rlimit"):
        return None
    try:
        soft, _hard = psutil.Process(emulator.pid).rlimit(psutil.RLIMIT_NOFILE)
    except psutil.Error:
        return None
    return soft if soft > 0 else None
