"""Keeps the emulator's state while the emulator runs: notices changes, and has them written within
seconds.

What was acknowledged is on disk at most five seconds later. Whether something may have changed is
told by what comes in (requests that do not only read, messages, steps of executions); whether it
has is told by the writer, which writes nothing when it has not. Runs on the emulator's event loop.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

WITHIN = 5.0
"""Seconds from a change to the disk."""
LONGEST, SHORTEST = 3.5, 1.0
"""Seconds between the beginnings of two writes."""
LOOK = 0.25
ANYWAY = 30.0
"""Seconds after which is looked, whatever was noticed."""
LEAVING_LIMIT = 120.0
"""Seconds after which somebody who wanted to stop the emulator has been stopped himself."""

READS = ("Get", "Describe", "List", "BatchGet", "Query", "Scan", "Head")
PATH = "/_playground/"

log = logging.getLogger("keeper")


class NotWrittenError(Exception):
    """The state could not be saved; says why."""


@dataclass(frozen=True)
class Written:
    """What came of one: `held` is how long the event loop stood still, in seconds."""

    moment: datetime
    held: float
    took: float
    size: int = 0
    """Bytes of the services' files; 0 when nothing had changed."""
    left_out: tuple[str, ...] = ()


class Writer(Protocol):
    """Writes the state as it is when `write` is called, from the event loop."""

    async def write(self) -> Written:
        """Raises NotWrittenError."""


def may_change(scope: Mapping[str, Any]) -> bool:
    """Whether a request can change anything, as far as its head tells. In doubt it can."""
    if scope["type"] != "http":
        return True
    headers = dict(scope["headers"])
    target = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
    if target:
        # GetId and GetCredentials... of Cognito, GetActivityTask of Step Functions do more than
        # read.
        return not target.startswith(READS) or target in ("GetId", "GetActivityTask")
    reads = scope["method"] in ("GET", "HEAD", "OPTIONS")
    return not reads or str(scope["path"]).startswith("/_aws/execute-api/")


@dataclass
class Keeper:
    """What was noticed, and what has come of it.

    Call everything from the event loop, but `changed`.
    """

    writer: Writer
    clock: Callable[[], float] = time.monotonic
    loaded: Mapping[str, Any] = field(default_factory=dict)
    """What the emulator found at its start, for `up` to tell."""
    on_mended: Callable[[], None] = lambda: None
    mended: bool = False
    """Whether `up` has put right what it found."""
    kept_at: datetime | None = None
    """The moment that the newest generation is of."""
    error: str = ""
    left_out: tuple[str, ...] = ()
    last: Written | None = None
    _changes: int = 0
    _written: int = 0
    _begun: float = 0.0
    _took: float = 1.0
    _leaving: float | None = None
    _task: asyncio.Task[None] | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def changed(self) -> None:
        """Something may have changed. From any thread."""
        self._changes += 1

    @property
    def leaving(self) -> bool:
        """Whether rules are silent: devices are about to leave because the emulator is stopped."""
        return self._leaving is not None and self.clock() - self._leaving < LEAVING_LIMIT

    @property
    def pause(self) -> float:
        """Seconds from the beginning of a write to the next, so that both together stay within the
        limit.
        """
        return max(SHORTEST, min(LONGEST, WITHIN - 0.5 - 1.5 * self._took))

    def due(self) -> bool:
        """Whether it is time to write."""
        waited = self.clock() - self._begun
        return waited >= ANYWAY or (self._changes != self._written and waited >= self.pause)

    async def write(self) -> bool:
        """Have the state written as it is now. False when it could not be: `error` says why."""
        async with self._busy:
            seen, self._begun = self._changes, self.clock()
            try:
                done = await self.writer.write()
            except NotWrittenError as error:
                if str(error) != self.error:
                    log.error("the state could not be written: %s", error)  # noqa: TRY400 - no traceback
                self.error = str(error)
                return False
            self._note(seen, done)
            return True

    def note_final(self, done: Written) -> None:
        """What was written at the end, past the writer."""
        self._note(self._changes, done)

    async def serve(self) -> None:
        """Write whenever it is due, for ever."""
        while True:
            await asyncio.sleep(LOOK)
            if self.due():
                try:
                    await self.write()
                except Exception:
                    log.exception("the state could not be written")

    def start(self) -> None:
        """Begin to serve."""
        self._task = asyncio.get_running_loop().create_task(self.serve())

    async def stop(self) -> None:
        """Serve no longer; a write that is under way is ended first."""
        async with self._busy:
            if self._task is not None:
                self._task.cancel()

    async def leave(self) -> None:
        """Silence the rules, then write: what devices do from now on is no news, for they are being
        stopped.
        """
        self._leaving = self.clock()
        await self.write()

    def stay(self) -> None:
        """It goes on after all."""
        self._leaving = None

    def note_mended(self) -> None:
        """`up` has looked at everything: it need not look again while this emulator runs."""
        self.mended = True
        self.on_mended()
        self.changed()

    def report(self) -> dict[str, Any]:
        """For `status`, `down` and `up`."""
        return {
            "at": self.kept_at.isoformat() if self.kept_at else None,
            "error": self.error,
            "left_out": list(self.left_out),
            "changed_since": self._changes != self._written,
            "mended": self.mended,
            "loaded": dict(self.loaded),
            "figures": {
                "held_ms": round(self.last.held * 1000, 1),
                "took_ms": round(self.last.took * 1000, 1),
                "bytes": self.last.size,
            }
            if self.last
            else {},
        }

    def _note(self, seen: int, done: Written) -> None:
        self._written, self.error, self._took = seen, "", done.took
        self.kept_at, self.left_out = done.moment, done.left_out
        if done.size:
            self.last = done


def keeping(application: Application, keeper: Keeper) -> Application:
    """The application, whose requests the keeper notices, and which answers for the keeper below
    PATH.
    """

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, _starting(keeper, send))
        elif scope["type"] == "http" and str(scope["path"]).startswith(PATH):
            await _answer(keeper, scope, send)
        else:
            try:
                await application(scope, receive, send)
            finally:
                if may_change(scope):
                    keeper.changed()

    return serve


def _starting(keeper: Keeper, send: Send) -> Send:
    async def told(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            keeper.start()
        await send(message)

    return told


async def _answer(keeper: Keeper, scope: Any, send: Send) -> None:
    asked = (scope["method"], str(scope["path"]).removeprefix(PATH))
    if asked == ("POST", "leave"):
        await keeper.leave()
    elif asked == ("POST", "stay"):
        keeper.stay()
    elif asked == ("POST", "mended"):
        keeper.note_mended()
    elif asked == ("POST", "write"):
        await keeper.write()
    elif asked != ("GET", "kept"):
        await _send(send, 404, {"message": "there is no such thing"})
        return
    await _send(send, 200, keeper.report())


async def _send(send: Send, status: int, said: Mapping[str, Any]) -> None:
    body = json.dumps(said).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
