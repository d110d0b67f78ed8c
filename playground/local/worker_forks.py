"""Functions' workers that are copies of a process that has loaded what they load.

AWS: an execution environment is a machine of its own. On a laptop it is a process, which the
emulator starts for each function: half a second of CPU and 45 MB, nearly all of it what every
function imports. A copy shares that (see `worker_server`). It has its own environment, directory,
input and output, and it is the emulator's own child, so that it is waited for, stopped and killed
as any other; when the emulator is gone it reads the end of its input, as any other, and ends.

Where there is no copy to be had, the emulator starts the worker as ever: on another system than
Linux, with layers, which may bring anything, from a package that is used for the first time, or
when the server is not ready in time. For the reasons of the rest see `worker_server`.
"""

import io
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from playground.local.forks import MOST_SERVERS, Copied, Server, at_start, takes_orphans

log = logging.getLogger("workers")

COMMAND = (sys.executable, "-P", "-m", "playground.local.worker_server", "." * 512)
"""The last one is room for the command lines of copies."""
PROGRAM = "_worker.py"
"""The emulator's, which talks to it and calls the handler."""
PACKAGES = "lambda-packages"
"""The folder of packages, as of the gap `code_folders`: what is in it never changes."""
LAYERS = "_LAMBDA_LAYERS_DIRS"
LOADING_LIMIT = 5.0
"""Seconds from its start for which workers wait for a server."""
WORTH_IT = 2
"""Workers of a package from which on it has a server, unless more are expected."""
FIRST_PAUSE, LONGEST_PAUSE = 0.0005, 0.05
"""Seconds between two looks at a process that is waited for, as in `subprocess`."""


class Child(Copied):
    """A copy, for any thread."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self._alone = threading.RLock()

    @property
    def code(self) -> int | None:
        """Its code when it was seen to have ended."""
        return self._code

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        with self._alone:
            super().send_signal(number)

    def _collect(self, options: int) -> int | None:
        with self._alone:
            return super()._collect(options)


class Worker:
    """A copy as `subprocess.Popen` would have it with text in lines, as far as the emulator
    looks.
    """

    def __init__(self, args: Sequence[str], child: Child, ends: Sequence[int]) -> None:
        """`ends`: of the pipes to its input and from its output and its errors."""
        self.args, self.pid, self.child = args, child.pid, child
        given, said, complained = ends
        writer = io.BufferedWriter(io.FileIO(given, "wb"))
        self.stdin = io.TextIOWrapper(writer, line_buffering=True, write_through=True)
        self.stdout, self.stderr = (
            io.TextIOWrapper(io.BufferedReader(io.FileIO(end, "rb"))) for end in (said, complained)
        )

    @property
    def returncode(self) -> int | None:
        """Its code, when it was seen to have ended."""
        return self.child.code

    def poll(self) -> int | None:
        """Its code when it has ended."""
        return self.child.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Its code once it has ended. Raises TimeoutExpired after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_PAUSE
        while (code := self.poll()) is None:
            left = LONGEST_PAUSE if deadline is None else deadline - time.monotonic()
            if timeout is not None and left <= 0:
                raise subprocess.TimeoutExpired(list(self.args), timeout)
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        self.child.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(15)

    def kill(self) -> None:
        """End it."""
        self.send_signal(9)


@dataclass
class WorkerForks:
    """The servers of packages, by the folder where one is unpacked, the one that was used last at
    the end. For any thread.
    """

    base_env: Mapping[str, str]
    """Of the servers: nothing that is one function's."""
    possible: bool = field(default_factory=takes_orphans)
    _worth_it: int = WORTH_IT
    _servers: dict[Path, Server] = field(default_factory=dict)
    _refused: set[Path] = field(default_factory=set)
    _used: dict[Path, int] = field(default_factory=dict)
    """How many workers of a package were asked for."""
    _children: list[Child] = field(default_factory=list)
    _alone: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def expecting_more(self) -> Iterator[None]:
        """Workers that are started meanwhile are the first of many: their package has a server at
        once.
        """
        self._worth_it = 1
        try:
            yield
        finally:
            self._worth_it = WORTH_IT

    def popen(self, args: Sequence[str], **options: Any) -> Any:
        """What `subprocess.Popen` gives, or a copy that is the same."""
        worker = None
        if self.possible and _is_worker(args, options):
            package = Path(options["cwd"]).resolve()
            worker = self._start(args, options["env"], options["cwd"], package)
        return subprocess.Popen(args, **options) if worker is None else worker  # noqa: S603

    def close(self) -> None:
        """End all servers; workers stay."""
        with self._alone:
            for package in list(self._servers):
                self._end(package)

    def _start(
        self, args: Sequence[str], environment: Mapping[str, str], directory: str, package: Path
    ) -> Worker | None:
        with self._alone:
            # Nobody may have waited for one that has ended.
            self._children = [child for child in self._children if child.poll() is None]
            server = self._server_of(package)
            if server is None or at_start(environment) != at_start(server.environment):
                return None
            request = {
                "command": list(args),
                "environment": dict(environment),
                "directory": directory,
            }
            try:
                worker = _copied(server, request)
            except (OSError, ValueError) as error:
                log.warning("no copy for a worker of %s: %s", package.name, error)
                self._end(package)
                return None
            if worker is not None:
                self._children.append(worker.child)
            return worker

    def _server_of(self, package: Path) -> Server | None:
        """The one of this package, when it is ready."""
        self._used[package] = self._used.get(package, 0) + 1
        if self._used[package] >= self._worth_it:
            self._prepare(package)
        server = self._servers.pop(package, None)
        if server is None:
            return None
        self._servers[package] = server
        waited = time.monotonic() - server.begun
        try:
            server.wait_ready(max(0.001, LOADING_LIMIT - waited))
        except TimeoutError:
            return None
        except OSError as error:
            log.warning("workers of %s are started one by one: %s", package.name, error)
            self._refused.add(package)
            self._end(package)
            return None
        return server

    def _prepare(self, package: Path) -> None:
        if not self.possible or package in self._servers or package in self._refused:
            return
        for gone in [held for held in self._servers if not held.is_dir()]:
            self._end(gone)
        while len(self._servers) >= MOST_SERVERS:
            self._end(next(iter(self._servers)))
        with suppress(OSError):
            self._servers[package] = Server.started(package, self.base_env, COMMAND, pipes=True)

    def _end(self, package: Path) -> None:
        self._servers.pop(package).end()


def _copied(server: Server, request: Mapping[str, Any]) -> Worker | None:
    """A copy with pipes; None when there is none of that. Raises OSError when there will be none
    at all.
    """
    reads, writes = zip(*(os.pipe() for _ in range(3)), strict=True)
    theirs = (reads[0], writes[1], writes[2])
    ours = (writes[0], reads[1], reads[2])
    pid = None
    try:
        pid = server.ask(request, theirs)
    finally:
        for end in theirs if pid is not None else (*theirs, *ours):
            os.close(end)
    return None if pid is None else Worker(request["command"], Child(pid), ours)


def _is_worker(args: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Whether this starts a worker in Python, of a package that was unpacked for good."""
    return (
        len(args) == 2
        and args[0] == COMMAND[0]
        and Path(args[1]).name == PROGRAM
        and LAYERS not in options["env"]
        and Path(options["cwd"]).resolve().parent.name == PACKAGES
    )


def of_all(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Of the emulator's environment, what is no account's."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")}


def install() -> WorkerForks:
    """Have the emulator start workers so."""
    from ministack.core import lambda_runtime  # noqa: PLC0415 - not in the tests' environment

    forks = WorkerForks(of_all())
    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": forks.popen})
    return forks
