"""News: what the emulator tells the task agent of, and how that rests until then."""

import asyncio
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import pytest

from playground.home.state import LocalState
from playground.local import listening
from playground.local.listening import Bell, Listener
from playground.local.news import NEWS, News, Refusals, concerns_agent, telling

ECS = "AmazonEC2ContainerServiceV20141113"


def request(method: str, path: str = "/", target: str = "", query: str = "") -> dict[str, Any]:
    headers = [(b"x-amz-target", target.encode())] if target else []
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": headers,
        "query_string": query.encode(),
    }


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (request("POST", target=f"{ECS}.RunTask"), True),
        (request("POST", target=f"{ECS}.StopTask"), True),
        (request("POST", target=f"{ECS}.ListTasks"), False),
        (request("POST", target="DynamoDB_20120810.PutItem"), False),
        (request("PUT", "/bucket/source/device.zip"), True),
        (request("DELETE", "/bucket/source/device.zip"), True),
        (request("GET", "/bucket/source/device.zip"), False),
        (request("PUT", "/bucket/keys/lamp"), False),
        ({"type": "websocket", "path": "/source/", "headers": []}, False),
    ],
)
def test_what_concerns_the_agent(scope: Mapping[str, Any], *, expected: bool) -> None:
    assert concerns_agent(scope) is expected


async def _serve(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


async def _asked(news: News, scope: Mapping[str, Any], *, leaves: bool = False) -> str:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await telling(_serve, news)(scope, receive, send)
    return bytes(sent[1]["body"]).decode()


async def _waiting(news: News, token: str) -> "asyncio.Task[str]":
    """A question that waits for its answer."""
    task = asyncio.get_running_loop().create_task(
        _asked(news, request("GET", NEWS, query=f"since={token}"))
    )
    while not news._waiting:
        await asyncio.sleep(0)
    return task


def test_who_knows_nothing_is_answered_at_once() -> None:
    news = News()
    assert asyncio.run(_asked(news, request("GET", NEWS))) == news.token
    assert (
        asyncio.run(_asked(news, request("GET", NEWS, query="since=of-another-emulator-7")))
        == news.token
    )


def test_who_waits_is_told_after_a_request_that_changes_something() -> None:
    async def run() -> None:
        news = News()
        before = news.token
        task = await _waiting(news, before)
        assert await _asked(news, request("POST", target=f"{ECS}.ListTasks")) == "served"
        assert news.token == before
        assert await _asked(news, request("POST", target=f"{ECS}.RunTask")) == "served"
        assert await task == news.token != before

    asyncio.run(run())


def test_who_waits_is_told_of_what_a_thread_has_changed() -> None:
    async def run() -> None:
        news = News()
        task = await _waiting(news, news.token)
        threading.Thread(target=news.changed).start()
        assert await task == news.token

    asyncio.run(run())


def test_nobody_waits_for_ever() -> None:
    async def run() -> None:
        news = News()
        forever = asyncio.get_running_loop().create_future()
        assert await news.since(news.token, forever, hold=0.01) == news.token
        # who has gone is not waited for
        gone = request("GET", NEWS, query=f"since={news.token}")
        assert await _asked(news, gone, leaves=True) == news.token
        assert not news._waiting

    asyncio.run(run())


def test_a_change_after_the_end_of_the_loop_is_counted_all_the_same() -> None:
    news = News()
    asyncio.run(_asked(news, request("GET", NEWS)))
    before = news.token
    news.changed()
    assert news.token != before


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("iot_broker", logging.WARNING, True),
        ("iot_broker", logging.INFO, False),
        ("iot_mtls", logging.DEBUG, True),
        ("ecs", logging.WARNING, False),
    ],
)
def test_lines_about_refusals_are_news(name: str, level: int, *, expected: bool) -> None:
    news = News()
    before = news.token
    Refusals(news).handle(logging.LogRecord(name, level, "", 0, "refused", None, None))
    assert (news.token != before) is expected


class Awaited(Bell):
    """A bell whose rings are noted."""

    def __init__(self) -> None:
        super().__init__()
        self.rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        self.rings.put(None)
        super().ring()


@dataclass
class Emulator:
    """Answers each question with the next answer, once it is there; None is a refusal."""

    answers: "SimpleQueue[str | None]" = field(default_factory=SimpleQueue)
    asked: "SimpleQueue[str]" = field(default_factory=SimpleQueue)


@pytest.fixture
def emulator() -> Iterator[tuple[Emulator, int]]:
    found = Emulator()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found.asked.put(self.path)
            body = found.answers.get()
            self.send_response(403 if body is None else 200)
            self.send_header("Content-Length", str(len(body or "")))
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found, server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_listener_rings_when_there_is_news_and_when_nobody_tells(
    emulator: tuple[Emulator, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RETRY", 0.01)
    told, port = emulator
    bell = Awaited()
    listener = Listener(LocalState(port=port), "secret", bell)
    assert not listener.listens
    listener.start()
    # what it hears first is news, the same again is not
    assert told.asked.get(timeout=10).endswith("since=")
    told.answers.put("a-1")
    bell.rings.get(timeout=10)
    assert listener.listens
    assert told.asked.get(timeout=10).endswith("since=a-1")
    told.answers.put("a-1")
    assert told.asked.get(timeout=10).endswith("since=a-1")
    assert bell.rings.empty()
    told.answers.put("a-2")
    bell.rings.get(timeout=10)
    assert told.asked.get(timeout=10).endswith("since=a-2")
    # a refusal: nobody tells, until somebody does again
    told.answers.put(None)
    bell.rings.get(timeout=10)
    assert not listener.listens
    assert told.asked.get(timeout=10).endswith("since=")
    told.answers.put("b-0")
    bell.rings.get(timeout=10)
    assert listener.listens
    assert told.asked.get(timeout=10).endswith("since=b-0")
    listener.stop()
    told.answers.put("b-0")
    assert listener._thread is not None
    listener._thread.join(10)


class Noted(Bell):
    """Rests for no time, and notes for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float] = []

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)


def test_who_is_not_told_rests_for_a_moment_only() -> None:
    bell = Noted()
    listener = Listener(LocalState(), "secret", bell)
    listener.rest(0.05, 5.0)
    listener.listens = True
    listener.rest(0.05, 5.0)
    assert bell.rests == [0.05, 5.0]


def test_a_bell_ends_the_rest_of_now_or_the_next_one() -> None:
    bell = Bell()
    for _ in range(100_000):  # more than a pipe holds
        bell.ring()
    while_it_rang = threading.Thread(target=bell.rest, args=(600,))
    while_it_rang.start()
    while_it_rang.join(10)
    assert not while_it_rang.is_alive()


def test_a_child_that_ends_rings_it() -> None:
    before = signal.getsignal(signal.SIGCHLD)
    bell = Bell()
    bell.ring_on(signal.SIGCHLD)
    try:
        child = subprocess.Popen(["sleep", "600"])
        os.kill(child.pid, signal.SIGKILL)
        bell.rest(600)
        child.wait()
    finally:
        signal.signal(signal.SIGCHLD, before)
