"""A process that has a device's modules loaded and becomes the devices: each is a copy of it.

`python -m playground.local.fork_server`, started by the task agent (see `forks`), one for each
image, in the image's folder. Most of what a device takes to start, in time and in memory, are its
imports: copies share them. On Linux only: a copy changes what the system shows of its command line
and environment, so that whoever looks sees `python -m virtual_device` with the device's own.

It has one thread and has used nothing of awscrt, which a copy must not have from another process.
An image whose import starts threads, or fails, has no copies, nor has one that while it is imported
asks for a variable that only a device has: its devices are started as they are elsewhere.

Messages go over a socket: the first says whether it is ready, then each request has an answer. It
ends when the agent does.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

CHANNEL, ROOM = "PLAYGROUND_CHANNEL", "PLAYGROUND_ROOM"
"""Of its environment: the socket's number, and nothing but room for the environments of copies."""
DEVICE = "virtual_device"
LOADED = (f"{DEVICE}.host", f"{DEVICE}.state.enrol", f"{DEVICE}.web.request")
"""What every device imports; not `__main__`, which may be a program from its first line on. An
image may lack them.
"""
FETCHING = ("http.client", "ssl", "urllib.request", "encodings.idna", "encodings.utf_8_sig")
"""The same, of the standard library."""
MOST_BYTES = 1 << 16
MOST_DESCRIPTORS = 3
READY = b"ready"


@dataclass(frozen=True)
class Place:
    """Where the system finds what it shows of this process (proc(5), fields 48 to 51 of `stat`)."""

    arguments: int
    environment: int
    end: int

    @classmethod
    def of_this_process(cls) -> "Place":
        """Raises OSError or ValueError when it can't be told."""
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        arguments, after, environment, end = map(int, fields[45:49])
        if not 0 < arguments < after == environment < end:
            raise ValueError("the system does not tell where a process has its environment")
        return cls(arguments, environment, end)

    def fits(self, command: list[str], environment: Mapping[str, str]) -> bool:
        """Whether there is room."""
        return (
            len(_block(command)) <= self.environment - self.arguments
            and len(_block(_pairs(environment))) <= self.end - self.environment
        )

    def show(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Have the system show these. Nothing else may use what was there: see `_become`."""
        arguments = _block(command).ljust(self.environment - self.arguments, b"\0")
        variables = _block(_pairs(environment)).ljust(self.end - self.environment, b"\0")
        self._write(arguments + variables)

    def try_out(self) -> None:
        """Raises OSError when the system refuses to have it changed: better now than in a copy."""
        self._write(
            Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes()
        )

    def _write(self, content: bytes) -> None:
        memory = os.open("/proc/self/mem", os.O_WRONLY)
        try:
            os.pwrite(memory, content, self.arguments)
        finally:
            os.close(memory)


def _pairs(environment: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


def _block(texts: list[str]) -> bytes:
    return b"".join(os.fsencode(text) + b"\0" for text in texts)


@dataclass(frozen=True)
class Request:
    """One copy: how it is to run, and the files that are handed to it.

    A device gets the one that its output goes to, and the gate that opens when the agent knows of
    it.
    """

    command: list[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int]
    directory: str = ""
    """Where it is to run, when not where this process does."""


class Noting(os._Environ[str]):
    """Notes which variables somebody has asked for, and what was in them."""

    seen: ClassVar[dict[str, str | None]] = {}
    """None: it was not there."""
    read: ClassVar[bool] = False
    """Whether somebody has looked at all of them."""

    def __getitem__(self, name: str) -> str:
        try:
            value = super().__getitem__(name)
        except KeyError:
            self.seen.setdefault(name, None)
            raise
        self.seen.setdefault(name, value)
        return value

    def __iter__(self) -> Iterator[str]:
        Noting.read = True
        return super().__iter__()

    @classmethod
    def would_be_the_same(cls, environment: Mapping[str, str]) -> bool:
        """Whether what was loaded would have found the same in this environment."""
        there = _own_locale() | dict(environment)
        return not cls.read and all(there.get(name) == value for name, value in cls.seen.items())


def serve(channel: socket.socket, place: Place) -> Request | None:
    """Answer requests until the agent has gone: then None. In a copy, the request that it is of."""
    while True:
        said, descriptors, _flags, _address = socket.recv_fds(channel, MOST_BYTES, MOST_DESCRIPTORS)
        if not said:
            return None
        asked: dict[str, Any] = json.loads(said)
        request = Request(descriptors=descriptors, **asked)
        pid = None
        is_as_loaded = Noting.would_be_the_same(request.environment)
        if is_as_loaded and place.fits(request.command, request.environment):
            with contextlib.suppress(OSError):
                pid = _copy()
        if pid == 0:
            channel.close()
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps({"pid": pid}).encode())


def _copy() -> int | None:
    """The id of a copy of this process that is not its child, 0 in the copy; None when there is
    none.

    Its parent has ended, so the system gives it to the agent, who asked for that.
    """
    hears, tells = os.pipe()
    between = os.fork()
    if between:
        os.close(tells)
        said = os.read(hears, 32)
        os.close(hears)
        os.waitpid(between, 0)
        return int(said) if said else None
    try:
        os.close(hears)
        pid = os.fork()
        if pid == 0:
            os.close(tells)
            return 0
        os.write(tells, str(pid).encode())
    except OSError:
        pass
    os._exit(0)


def _become(request: Request, place: Place) -> None:
    """Run the device, in a copy. As `python -m` would have it, it ends with this process."""
    output, gate = request.descriptors
    for own in (1, 2):
        os.dup2(output, own)
    os.close(output)
    put_on(request, place)
    if os.read(gate, 1) != b"!":
        os._exit(1)  # the agent has gone, or has started the device in another way
    os.close(gate)
    sys.orig_argv, sys.argv = list(request.command), ["-m", *request.command[3:]]
    runpy.run_module(DEVICE, run_name="__main__", alter_sys=True)


def put_on(request: Request, place: Place) -> None:
    """Have the request's environment, in a copy, and let the system show it."""
    # First these: then nobody uses the memory any more that the old ones stand in.
    locale = _own_locale()
    os.environ.clear()
    os.environ.update(locale | dict(request.environment))
    place.show(request.command, request.environment)


def _own_locale() -> dict[str, str]:
    """What Python itself sets where there is no locale (PEP 538)."""
    return {name: value for name, value in os.environ.items() if name == "LC_CTYPE"}


def load() -> None:
    """Import what devices will. Raises whatever that raises."""
    gc.disable()  # until all is there
    os.environ.__class__ = Noting
    for name in (DEVICE, *filter(is_there, LOADED), *FETCHING):
        importlib.import_module(name)
    os.environ.__class__ = os._Environ
    settle()


def settle() -> None:
    """All is loaded: share it. Raises RuntimeError when there are threads, which no copy has."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"its import has started {threads - 1} threads")
    gc.enable()
    gc.collect()
    gc.freeze()  # a collection in a copy would touch, and so copy, every page


def is_there(name: str) -> bool:
    """Whether there is such a module to import."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even its package
        return False


def main(
    loading: Callable[[], None] = load, becoming: Callable[[Request, Place], None] = _become
) -> None:
    """Load, then serve; what goes on is a copy, which becomes what was asked for."""
    channel = socket.socket(fileno=int(os.environ.pop(CHANNEL)))
    os.environ.pop(ROOM, None)
    try:
        place = Place.of_this_process()
        place.try_out()
        loading()
    except BaseException as error:  # noqa: BLE001 - whatever an image does, the agent is told
        channel.send(f"{type(error).__name__}: {error}".encode()[:MOST_BYTES])
        os._exit(1)
    channel.send(READY)
    try:
        request = serve(channel, place)
    except (KeyboardInterrupt, OSError):
        request = None
    if request is None:
        os._exit(0)
    becoming(request, place)


if __name__ == "__main__":
    main()
