"""What the operating system says of the local cloud's processes."""

import psutil

from playground.home.state import LocalState
from tests.playground_cloud import Cloud


def emulator_of(cloud: Cloud) -> psutil.Process:
    """The emulator's process."""
    state = LocalState.load(cloud.paths)
    assert state.emulator is not None
    return psutil.Process(state.emulator.pid)


def cpu_seconds(process: psutil.Process) -> float:
    """Seconds of CPU so far, with those of threads that have ended."""
    times = process.cpu_times()
    return float(times.user + times.system)
