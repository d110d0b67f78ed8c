"""Who writes a generation while the emulator goes on, and how the moment is held fast meanwhile.

`Forked`, on Linux: a child is a copy of the whole process at one moment, and takes its time. On
macOS a process with threads must not go on after a fork, so there `Copied`: the states are copied
on the event loop, where no request is served meanwhile, and written by a thread.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playground.base.readable import readable
from playground.local import snapshot
from playground.local.generations import Contents, Generation, Generations
from playground.local.keeper import NotWrittenError, Writer, Written

Copy = Callable[[Any], Any]
Write = Callable[[Generations, Copy], "Written"]

LIMIT = 60.0
"""Seconds that a child may take."""


def for_this_system(generations: Generations) -> Writer:
    """The one that is right here."""
    return Forked(generations) if sys.platform.startswith("linux") else Copied(generations)


def write_now(generations: Generations, copied: Copy = snapshot.deep_copy) -> Written:
    """Write in this very process, which serves nobody meanwhile. Raises NotWrittenError."""
    begun, moment = time.monotonic(), datetime.now(UTC)
    found = snapshot.contents(*snapshot.states(copied))
    try:
        made = generations.write(found, moment)
    except OSError as error:
        raise NotWrittenError(_why(error)) from error
    return _written(moment, made, found, 0.0, begun)


@dataclass
class Copied:
    """Copies on the event loop, writes in a thread."""

    generations: Generations
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "keeper"))

    async def write(self) -> Written:
        """See Writer."""
        begun, moment = time.monotonic(), datetime.now(UTC)
        found, left_out = snapshot.states(snapshot.deep_copy)
        held = time.monotonic() - begun
        loop = asyncio.get_running_loop()

        def finish() -> Written:
            contents = snapshot.contents(found, left_out)
            made = self.generations.write(contents, moment)
            return _written(moment, made, contents, held, begun)

        try:
            return await loop.run_in_executor(self._pool, finish)
        except OSError as error:
            raise NotWrittenError(_why(error)) from error


@dataclass
class Forked:
    """Writes in a child."""

    generations: Generations
    child: Write = write_now
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "keeper"))

    async def write(self) -> Written:
        """See Writer."""
        begun = time.monotonic()
        try:
            reading, writing = os.pipe()
            pid = _fork()
        except OSError as error:
            raise NotWrittenError(_why(error)) from error
        if pid == 0:
            _be_the_child(self.generations, writing, self.child)
        os.close(writing)
        held = time.monotonic() - begun
        loop = asyncio.get_running_loop()
        said = await loop.run_in_executor(self._pool, _hear, pid, reading)
        if "error" in said:
            raise NotWrittenError(said["error"])
        moment = datetime.fromisoformat(said["moment"])
        took = time.monotonic() - begun
        return Written(moment, held, took, said["size"], tuple(said["left_out"]))


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 and later warn in a process with threads. The child uses nothing that a thread
        # could have held in this moment, and is killed when it takes too long.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_the_child(generations: Generations, answer: int, write: Write) -> None:
    """Never returns: nothing of the emulator's must run a second time."""
    said: dict[str, Any] = {"error": "the writer has failed"}
    try:
        gc.disable()  # it would touch, and so copy, every page
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        # Above all the listening sockets: a child that outlives the emulator must not keep its
        # ports.
        os.closerange(3, answer)
        os.closerange(answer + 1, os.sysconf("SC_OPEN_MAX"))
        done = write(generations, snapshot.as_it_is)
        said = {
            "moment": done.moment.isoformat(),
            "size": done.size,
            "left_out": list(done.left_out),
        }
    except BaseException as error:  # noqa: BLE001 - whatever it is, the emulator is told
        said = {"error": _why(error)}
    finally:
        with suppress(OSError):
            os.write(answer, json.dumps(said).encode()[:4096])
        os._exit(0)


def _hear(pid: int, reading: int) -> dict[str, Any]:
    """What the child says before it ends."""
    text, deadline = b"", time.monotonic() + LIMIT
    while readable(reading, max(0.0, deadline - time.monotonic())):
        part = os.read(reading, 65536)
        if not part:
            break
        text += part
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(reading)
    os.waitpid(pid, 0)
    try:
        said: dict[str, Any] = json.loads(text)
    except ValueError:
        return {"error": "the writer was killed"}
    return said


def _written(
    moment: datetime,
    made: Generation | None,
    found: Contents,
    held: float,
    begun: float,
) -> Written:
    size = sum(map(len, found.files.values())) if made else 0
    left_out = tuple(f"{name} ({why})" for name, why in sorted(found.left_out.items()))
    return Written(moment, held, time.monotonic() - begun, size, left_out)


def _why(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__
