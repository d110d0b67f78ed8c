"""An HTTP proxy between functions and emulator that lets calls go wrong, and keeps a record of all
of them.

It passes requests on as they came, Host included, for the signature covers it: what the emulator
checks is what was signed. "Effect, then time-out" means that the emulator has carried the call out
and the caller never hears of it.
"""

import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from proofs.fault_matrix.calls import Call, call_of
from proofs.fault_matrix.rules import Answer, Fault, Rule, answer_to

# Between two hops, or answered by this server itself.
NOT_PASSED_ON = frozenset(
    {"connection", "expect", "keep-alive", "transfer-encoding", "date", "server"}
)
HOLD_LIMIT = 60.0

Gate = Callable[[Call], Answer | None]
Again = Callable[[Call, Answer], bool]


@dataclass(frozen=True)
class Record:
    """A call that came, and what became of it. `fault` is None when it was passed on and answered
    as it should be.
    """

    call: Call
    fault: Fault | None
    status: int | None
    made: str = ""
    """The id of the certificate that it made."""
    at: float = field(default_factory=time.time)
    """When it was answered, in seconds since 1970."""

    @property
    def effective(self) -> bool:
        """Whether the emulator has carried it out."""
        answered_here = self.fault in (
            Fault.ERROR_BEFORE,
            Fault.THROTTLED_TWICE,
            Fault.DENIED,
            Fault.GONE,
        )
        return not answered_here and self.status is not None and self.status < 300


@dataclass
class FaultProxy:
    """The rules in force and what has happened. Thread-safe: rules may be added and removed at any
    time.
    """

    upstream_port: int
    gate: Gate | None = None
    """Asked before every call that no rule strikes; may answer in AWS's place, for rate limits."""
    again: Again | None = None
    """Asked about every answer of AWS's own; True has the call passed on once more, in place of the
    answer.
    """
    records: list[Record] = field(default_factory=list)
    port: int = 0
    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """What functions get as AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def rule(self, rule: Rule) -> Iterator[Rule]:
        """Have the rule in force; calls that it holds are released at the end."""
        with self._lock:
            self._rules.append(rule)
        try:
            yield rule
        finally:
            with self._lock:
                self._rules.remove(rule)
            rule.release.set()

    @contextmanager
    def gated(self, gate: Gate) -> Iterator[None]:
        """Have calls ask this gate, and afterwards the one from before."""
        before, self.gate = self.gate, gate
        try:
            yield
        finally:
            self.gate = before

    def struck_by(self, call: Call) -> Rule | None:
        """The rule that this call falls under now."""
        with self._lock:
            rules = list(self._rules)
        return next((rule for rule in rules if rule.strikes(call)), None)

    def record(self, call: Call, fault: Fault | None, answer: Answer | None) -> None:
        """Remember a call."""
        made = _certificate_made(call, answer) if answer else ""
        with self._lock:
            self.records.append(Record(call, fault, answer.status if answer else None, made))

    def of(self, thing: str) -> list[Record]:
        """All calls about a thing, in their order."""
        with self._lock:
            return [record for record in self.records if record.call.thing == thing]


@contextmanager
def fault_proxy(
    upstream_port: int, gate: Gate | None = None, again: Again | None = None
) -> Iterator[FaultProxy]:
    """A proxy in front of the emulator, on a free port of the loopback interface."""
    proxy = FaultProxy(upstream_port, gate, again)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.port = server.server_address[1]
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is nothing to write about."""


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _upstream: http.client.HTTPConnection | None = None

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = call_of(self.command, self.path, headers, body)
        rule = self.proxy.struck_by(call)
        if rule is None:
            answer = (self.proxy.gate(call) if self.proxy.gate else None) or self._passed_on(body)
            while self.proxy.again and self.proxy.again(call, answer):
                answer = self._passed_on(body)
            self.proxy.record(call, None, answer)
            self._send(answer)
        else:
            self._go_wrong(rule, call, body)

    def __getattr__(self, name: str) -> Any:
        # The base class looks for do_GET, do_POST and so on.
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _go_wrong(self, rule: Rule, call: Call, body: bytes) -> None:
        if rule.fault is Fault.HELD:
            rule.release.wait(HOLD_LIMIT)
        if rule.fault in (Fault.ERROR_BEFORE, Fault.THROTTLED_TWICE, Fault.DENIED, Fault.GONE):
            answer = answer_to(call, rule.fault)
            self.proxy.record(call, rule.fault, answer)
            self._send(answer)
            return
        answer = self._passed_on(body)
        self.proxy.record(call, rule.fault, answer)
        if rule.fault is Fault.TIME_OUT_AFTER:
            self._wait_until_it_hangs_up()
        elif rule.fault is Fault.MALFORMED:
            self._send(
                Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2] or b'{"')
            )
        elif rule.fault is Fault.HELD:
            self._send(answer)
        # Otherwise the connection is closed without an answer.
        if rule.fault in (Fault.TIME_OUT_AFTER, Fault.LOST_AFTER):
            self.close_connection = True

    def _passed_on(self, body: bytes) -> Answer:
        """The emulator's own answer."""
        connection = self._upstream or http.client.HTTPConnection(
            "127.0.0.1", self.proxy.upstream_port, timeout=60
        )
        self._upstream = connection
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in NOT_PASSED_ON:
                connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        kept = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in NOT_PASSED_ON
        }
        return Answer(response.status, kept, content)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _wait_until_it_hangs_up(self) -> None:
        # A client that has lost patience closes: its socket becomes readable, and there is nothing
        # to read.
        select.select([self.connection], [], [], HOLD_LIMIT)

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError, socket.timeout):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """The record is the log."""


def _certificate_made(call: Call, answer: Answer) -> str:
    making = call.service == "iot" and call.operation in (
        "CreateKeysAndCertificate",
        "CreateCertificateFromCsr",
    )
    if not making or answer.status != 200:
        return ""
    made: Mapping[str, Any] = json.loads(answer.body)
    return str(made["certificateId"])
