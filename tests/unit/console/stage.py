"""The console's server as it runs, between a browser that is played here, a user pool and an API
that are small HTTP servers.
"""

import asyncio
import http.client
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

from playground.web import codes
from playground.web.server import run
from playground.web.settings import Settings
from tests.ports import free_port

KEY = bytes(range(32))
LIVE = "ws://iot.us-east-1.localhost:4566"
CONFIG = {"home": "local", "signIn": "server", "stack": "iot-playground"}
NOTHING: Mapping[str, str] = MappingProxyType({})
CLIENT = "client-id"


def token(username: str, groups: list[str], life: float = 3600) -> str:
    """An access token as the pool writes them; its signature is nobody's business here."""

    def part(value: Any) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {
        "exp": int(time.time() + life),
        "username": username,
        "cognito:groups": groups,
        "jti": secrets.token_hex(4),
    }
    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


@dataclass
class Pool:
    """A user pool: InitiateAuth and RevokeToken, as the service answers them."""

    users: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {"console": ("Own-1", "admins"), "ann": ("Pass-1", "viewers")}
    )
    refresh: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    pause: float = 0.0
    says: tuple[int, bytes] | None = None
    """What it answers in place of what it should."""

    def answer(self, operation: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Status and body."""
        self.asked.append((operation, str(body.get("AuthFlow", ""))))
        time.sleep(self.pause)
        if self.says is not None:
            return self.says
        assert body["ClientId"] == CLIENT
        if operation == "RevokeToken":
            self.refresh.pop(body["Token"], None)
            return 200, b"{}"
        given = body["AuthParameters"]
        if body["AuthFlow"] == "REFRESH_TOKEN_AUTH":
            name = self.refresh.get(given["REFRESH_TOKEN"], "")
            return self._let_in(name, None) if name else _refused("NotAuthorizedException")
        name = given["USERNAME"]
        if self.users.get(name, ("", ""))[0] != given["PASSWORD"]:
            return _refused("NotAuthorizedException")
        fresh = secrets.token_hex(8)
        self.refresh[fresh] = name
        return self._let_in(name, fresh)

    def _let_in(self, name: str, fresh: str | None) -> tuple[int, bytes]:
        found = {"AccessToken": token(name, [self.users[name][1]]), "ExpiresIn": 3600}
        if fresh:
            found["RefreshToken"] = fresh
        return 200, json.dumps({"AuthenticationResult": found}).encode()


def _refused(code: str) -> tuple[int, bytes]:
    return 400, json.dumps({"__type": code, "message": "said so"}).encode()


@dataclass
class Api:
    """The HTTP API: tells what it was asked, or misbehaves by path."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Answer:
    """What a browser gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Stage:
    """Server, pool and API."""

    port: int
    pool: Pool
    api: Api
    page: Path

    @property
    def origin(self) -> str:
        """The page's own."""
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] = NOTHING,
    ) -> Answer:
        """One request, as the page's own browser makes it unless `headers` say otherwise; None
        leaves one out.
        """
        content = body if isinstance(body, bytes) else None
        given: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}"}
        if method not in ("GET", "HEAD"):
            given["Origin"] = self.origin
        if body is not None and content is None:
            content = json.dumps(body).encode()
            given["Content-Type"] = "application/json"
        given |= headers
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            if content is not None:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            response = connection.getresponse()
            cookies = tuple(response.headers.get_all("Set-Cookie") or ())
            return Answer(response.status, dict(response.headers), response.read(), cookies)
        finally:
            connection.close()

    def sign_in(self, body: Any = None) -> str:
        """Signs in, with a code unless told otherwise; gives the cookie as a header's value."""
        answer = self.ask("POST", "/session", body or {"code": codes.make(KEY)})
        assert answer.status == 200, answer.body
        return answer.cookies[0].partition(";")[0]


@contextmanager
def on_stage(page: Path, **changed: Any) -> Iterator[Stage]:
    """The whole of it, on free ports."""
    pool, api = Pool(), Api()
    with _serving(_pool_handler(pool)) as pool_port, _serving(_api_handler(api)) as api_port:
        settings = Settings(
            **{
                "port": free_port(),
                "page": str(page),
                "lock": str(page.parent / "lock"),
                "api": f"http://127.0.0.1:{api_port}/_aws/execute-api/abc/$default",
                "cognito": f"http://127.0.0.1:{pool_port}/",
                "client_id": CLIENT,
                "live": LIVE,
                "config": CONFIG,
                "username": "console",
                "password": "Own-1",
                "key": KEY.hex(),
                **changed,
            }
        )
        with _running(settings):
            try:
                yield Stage(settings.port, pool, api, page)
            finally:
                api.release.set()


@contextmanager
def _running(settings: Settings) -> Iterator[None]:
    ready, until = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            loop.run_until_complete(run(settings, until, ready.set))
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(20)
        if failed:
            raise failed[0]
        yield
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join(20)
        loop.close()


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Silent(BaseHTTPRequestHandler):
    """Logs nothing, and keeps connections open."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""

    def said(self, status: int, body: bytes, headers: Mapping[str, str] = NOTHING) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def given(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))


def _pool_handler(pool: Pool) -> type[BaseHTTPRequestHandler]:
    class Handler(Silent):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            self.said(*pool.answer(operation, json.loads(self.given())))

    return Handler


def _api_handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(Silent):
        def do_GET(self) -> None:
            body = self.given()
            api.asked.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": body.decode(),
                }
            )
            name = self.path.partition("?")[0].rpartition("/")[2]
            getattr(self, f"_{name}", self._echo)()

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - the library's names

        def _echo(self) -> None:
            headers = {
                "Content-Type": "application/problem+json",
                "Location": "/v1/executions/one",
                "Set-Cookie": "theirs=1",
                "Access-Control-Allow-Origin": "*",
                "Server": "secret/1.0",
            }
            self.said(409, json.dumps(api.asked[-1]).encode(), headers)

        def _empty(self) -> None:
            self.send_response(204)
            self.end_headers()

        def _redirect(self) -> None:
            self.said(302, b"", {"Location": "http://192.0.2.1/"})

        def _held(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\n[1,\r\n")
            self.wfile.flush()
            api.release.wait(20)
            self.wfile.write(b"2\r\n2]\r\n0\r\n\r\n")

        def _broken(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"half": ')
            self.wfile.flush()
            self.close_connection = True

        def _silent(self) -> None:
            self.close_connection = True

    return Handler
