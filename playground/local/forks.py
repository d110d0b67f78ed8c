"""Device processes that are copies of one which has their modules loaded: see `fork_server`.

A device that is started anew imports for a tenth of a second and more, and has all of it in memory
for itself; a copy does neither. A copy is the agent's own child all the same: it is stopped, waited
for and left behind as any other. Where there is no copy to be had, the caller starts the device as
ever, so every method here says "no" instead of raising.

On Linux alone. On macOS a process may not go on after a fork once it has used the system's
frameworks, and the system would show the wrong command line.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from playground.local.fork_server import CHANNEL, MOST_BYTES, READY, ROOM

log = logging.getLogger("agent")

COMMAND = (sys.executable, "-m", "playground.local.fork_server")
MOST_SERVERS = 2
"""Images whose code is held: the one of now and, while devices are moved, the one before."""
PATIENCE = 2.0
"""Seconds in which a copy is made, which takes milliseconds, and for which a start waits for the
modules.
"""
LOADING_LIMIT = 30.0
"""Seconds after which nobody waits for the modules any more."""
ROOM_BYTES = 8192
"""Of an environment: it holds a few signed addresses."""
READ_AT_START = ("PYTHON", "LC_", "LD_", "LANG", "TZ", "MALLOC_", "GLIBC_", "OPENSSL_")
"""Names that a process goes by when it begins: with another value of these, nothing can be a
copy.
"""
PR_SET_CHILD_SUBREAPER = 36


class Process(Protocol):
    """What the runner needs of a device's process, as of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Its code, as of `Popen`, when it has ended."""

    def send_signal(self, number: int) -> None:
        """Send one, unless it has ended."""

    def wait(self) -> int:
        """Until it ends."""


@dataclass
class Copied:
    """A process that is our child and was not started by us."""

    pid: int
    _code: int | None = None

    def poll(self) -> int | None:
        """Its code when it has ended."""
        return self._collect(os.WNOHANG)

    def send_signal(self, number: int) -> None:
        """Never to another process: until it is waited for, nobody else gets its id."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Its code when it has ended."""
        while (code := self._collect(0)) is None:
            pass
        return code

    def _collect(self, options: int) -> int | None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:  # somebody else has waited for it: as `Popen` has it
                self._code = 0
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


@dataclass
class Server:
    """The process of one image, or of one package of functions."""

    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    ready: bool = False
    begun: float = field(default_factory=time.monotonic)

    @classmethod
    def started(
        cls,
        program: Path,
        environment: Mapping[str, str],
        command: Sequence[str] = COMMAND,
        *,
        pipes: bool = False,
    ) -> "Server":
        """One that loads its modules now, in that folder. Raises OSError.

        With `pipes`, input, output and errors are pipes with nobody at their other end, which
        copies have others for.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made = {**environment, CHANNEL: str(theirs.fileno()), ROOM: "." * ROOM_BYTES}
        try:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else None,
                stderr=subprocess.PIPE if pipes else None,
                env=made,
                cwd=program,
                pass_fds=[theirs.fileno()],
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.stdin = process.stdout = process.stderr = None
        return cls(environment, process, ours)

    def wait_ready(self, patience: float = PATIENCE) -> None:
        """Raises OSError, with the reason; TimeoutError when it is still at it."""
        if not self.ready:
            self.channel.settimeout(patience)
            said = self.channel.recv(MOST_BYTES)
            if said != READY:
                raise OSError(said.decode(errors="replace") or "it has ended")
            self.ready = True

    def copy(
        self, command: Sequence[str], environment: Mapping[str, str], output: int
    ) -> Copied | None:
        """A copy that runs this. None when there is none of that; raises OSError when there will be
        none at all.
        """
        gate, opens = os.pipe()
        try:
            pid = self.ask(
                {"command": list(command), "environment": dict(environment)}, [output, gate]
            )
            if pid is None:
                return None
            os.write(opens, b"!")
            return Copied(pid)
        finally:
            os.close(gate)
            os.close(opens)

    def ask(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> int | None:
        """The id of a copy, our child, with these files (see `fork_server.Request`).

        None when there is none of that; raises OSError when there will be none at all.
        """
        said = json.dumps(request).encode()
        if len(said) > MOST_BYTES:
            return None
        self.channel.settimeout(PATIENCE)
        socket.send_fds(self.channel, [said], list(descriptors))
        pid: int | None = json.loads(self.channel.recv(MOST_BYTES) or "{}").get("pid", 0)
        if pid == 0:
            raise OSError("it has ended")
        if pid is not None:
            # Raises when it has not become our child: then the caller has nothing for it, and it
            # ends.
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return pid

    def end(self) -> None:
        """It, and no copy of it."""
        self.channel.close()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def takes_orphans() -> bool:
    """Whether this process gets the children of its children when those end (prctl(2)): copies,
    above all.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # noqa: PLC0415 - the command loads this module too

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


@dataclass
class Forks:
    """The servers of images, by the image's folder, the one that was used last at the end. For one
    thread only.
    """

    base_env: Mapping[str, str]
    possible: bool = field(default_factory=takes_orphans)
    _servers: dict[Path, Server] = field(default_factory=dict)
    _refused: set[Path] = field(default_factory=set)

    def prepare(self, program: Path) -> None:
        """Have the modules of this image loaded, beside everything else. Its content must never
        change.
        """
        if not self.possible or program in self._servers or program in self._refused:
            return
        while len(self._servers) >= MOST_SERVERS:
            self._end(next(iter(self._servers)))
        with suppress(OSError):
            self._servers[program] = Server.started(
                program, {**self.base_env, "PYTHONPATH": str(program)}
            )

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], output: int, program: Path
    ) -> Process | None:
        """A device in the image's folder, as a copy; None when it has to be started in another
        way.
        """
        server = self._servers.pop(program, None)
        if (
            server is None
            or tuple(command[1:]) != ("-m", "virtual_device")
            or command[0] != COMMAND[0]
        ):
            return None
        self._servers[program] = server
        if at_start(environment) != at_start(server.environment):
            return None
        try:
            server.wait_ready()
        except OSError as error:
            if isinstance(error, TimeoutError) and time.monotonic() - server.begun < LOADING_LIMIT:
                return None
            log.warning("devices of %s are started one by one: %s", program.name, error)
            self._refused.add(program)
            self._end(program)
            return None
        try:
            return server.copy(command, environment, output)
        except (OSError, ValueError) as error:
            log.warning("no copy for a device of %s: %s", program.name, error)
            self._end(program)
            return None

    def close(self) -> None:
        """End all servers; devices stay."""
        for program in list(self._servers):
            self._end(program)

    def _end(self, program: Path) -> None:
        self._servers.pop(program).end()


def at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """What of it an interpreter goes by when it begins."""
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
