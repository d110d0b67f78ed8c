"""Tells the task agent that it has something to look at, so that it need not ask many times a
second.

`GET /_playground/news?since=TOKEN` is answered when something has changed since that token was
given, or after HOLD seconds, with the token of now. A change is a request that writes to ECS or
below `source/` in a bucket, or a line in the log that the agent makes an entry of (see `iot_log`).
The answer does not say what has changed: the agent looks at everything. Runs in the emulator's
process, behind its guard.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from playground.local.keeper import PATH, Application, Receive, Send, may_change

NEWS = f"{PATH}news"
HOLD = 20.0
"""Seconds that a question waits at most. Whoever asks is patient for longer."""
ECS = b"AmazonEC2ContainerServiceV20141113."
UPLOADS = "/source/"


def concerns_agent(scope: Mapping[str, Any]) -> bool:
    """Whether a request may have changed tasks or uploads."""
    if scope["type"] != "http" or not may_change(scope):
        return False
    target = dict(scope["headers"]).get(b"x-amz-target", b"")
    return target.startswith(ECS) or UPLOADS in str(scope["path"])


@dataclass
class News:
    """How often something has changed. `changed` may be called from any thread, the rest from the
    event loop.
    """

    begun: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Another one for each emulator: what was asked of the one before is news."""
    _changes: int = 0
    _waiting: set[asyncio.Event] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def token(self) -> str:
        """The state of now."""
        return f"{self.begun}-{self._changes}"

    def changed(self) -> None:
        """Something has changed, and can be seen."""
        self._changes += 1
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it everybody who waited
                self._loop.call_soon_threadsafe(self._tell)

    async def since(self, token: str, gone: Awaitable[Any], hold: float = HOLD) -> str:
        """The token of now, once it is another one; the same one after `hold` seconds or when
        `gone` is done.
        """
        self._loop = asyncio.get_running_loop()
        told = asyncio.Event()
        self._waiting.add(told)
        waits = [asyncio.ensure_future(told.wait()), asyncio.ensure_future(gone)]
        try:
            if token == self.token:
                await asyncio.wait(waits, timeout=hold, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(told)
            for wait in waits:
                wait.cancel()
        return self.token

    def _tell(self) -> None:
        for told in self._waiting:
            told.set()


def telling(application: Application, news: News) -> Application:
    """The application, whose requests are noticed, and which answers those for news."""

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", NEWS):
            await _answer(news, scope, receive, send)
            return
        try:
            await application(scope, receive, send)
        finally:
            if concerns_agent(scope):
                news.changed()

    return serve


async def _answer(news: News, scope: Any, receive: Receive, send: Send) -> None:
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("since", [""])[0]
    token = await news.since(asked, _gone(receive))
    body = token.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Refusals(logging.Handler):
    """Notices lines about refused messages and certificates. Add it behind the handler that writes
    them.
    """

    def __init__(self, news: News) -> None:
        super().__init__()
        self._news = news

    def emit(self, record: logging.LogRecord) -> None:
        """One line, which is in the file by now."""
        if record.name == "iot_mtls" or (
            record.name == "iot_broker" and record.levelno >= logging.WARNING
        ):
            self._news.changed()
