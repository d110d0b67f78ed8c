"""Processes that outlive the command: start them, know them again, stop them.

A process id alone proves nothing after a crash or a reboot, so it is kept together with the time
the process started.
"""

import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from playground.base.descriptors import raise_limit


@dataclass(frozen=True)
class ProcessId:
    """A process: its id, and what tells it from a later one with the same id."""

    pid: int
    born: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.pid > 0 and birth(self.pid) == self.born


def birth(pid: int) -> str | None:
    """When a process started, in whatever form the system tells it; None when it is gone (or a
    zombie).

    Raises OSError when that can't be told, as without a free file descriptor: it may well be there.
    """
    if Path("/proc/self/stat").exists():
        return _birth_from_proc(pid)
    answer = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def _birth_from_proc(pid: int) -> str | None:
    try:
        # The command's name may hold spaces and brackets: fields count from the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # the last: another user's
        return None
    return None if fields[0] == "Z" else f"{boot}:{fields[19]}"


def start_detached(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    given: bytes | None = None,
) -> ProcessId:
    """Start a process in a session of its own, so that Ctrl-C in this terminal does not reach
    it. `given` is what it reads from its standard input: nobody else sees that.
    """
    raise_limit()
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=out,
            stderr=out,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin:  # one that has ended has said why in its log
            process.stdin.write(given or b"")
    # It is to outlive this object, which would complain of that; `_reap` collects its status.
    process.returncode = 0
    return ProcessId(process.pid, birth(process.pid) or "")


def stop(process: ProcessId, *, limit: float) -> None:
    """SIGTERM, and SIGKILL after `limit` seconds; returns when the process is gone."""
    for number, patience in ((signal.SIGTERM, limit), (signal.SIGKILL, 5.0)):
        if not process.alive():
            break
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            break
        _wait_gone(process, patience)
    _reap(process.pid)


def stop_together(processes: Collection[ProcessId], *, limit: float) -> None:
    """SIGTERM for all, and SIGKILL for those that are there after `limit` seconds; returns when all
    are gone.
    """
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + limit
    left = list(processes)
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if process.alive()]
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    for process in processes:
        _wait_gone(process, 5.0)
        _reap(process.pid)


def _wait_gone(process: ProcessId, limit: float) -> None:
    deadline = time.monotonic() + limit
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)


def _reap(pid: int) -> None:
    """Collect the exit status when the process happens to be our own child."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message; empty when there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").rstrip().splitlines()[-lines:])
    except OSError:
        return ""
