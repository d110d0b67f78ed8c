"""A small MQTT 5 server over mutual TLS that misbehaves on demand, and remembers what clients did
and when.
"""

import asyncio
import json
import socket
import ssl
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.device import mqtt5
from tests.device.pki import CertificateAuthority, KeyPair
from tests.shadow_double import Answer, Shadow

LIMIT_SECONDS = 120.0

P = TypeVar("P", bound=mqtt5.Packet)


@dataclass(frozen=True)
class Manners:
    """How the server treats a connection. All true is how it should be."""

    connack: bool = True
    suback: bool = True
    puback: bool = True
    pingresp: bool = True
    session_present: bool = False
    queued: tuple[tuple[str, bytes], ...] = ()
    """Sent right after CONNACK, as what has waited in a session."""
    drop: bool = False
    """Close the socket right after CONNACK."""
    disconnect: int | None = None
    """Send DISCONNECT with this reason right after CONNACK."""


GOOD = Manners()


@dataclass
class Visit:
    """One attempt to connect."""

    at: float
    """Monotonic seconds."""
    offered: tuple[int, ...]
    """Cipher suites of the ClientHello."""
    packets: list[mqtt5.Packet] = field(default_factory=list)
    tls: str | None = None
    """Why TLS failed."""
    ended: float | None = None
    send: Callable[[bytes], None] = lambda _: None
    close: Callable[[], None] = lambda: None
    next_packet_id: int = 1

    @property
    def client_id(self) -> str | None:
        """Who it is; None before CONNECT."""
        first = self.packets[0] if self.packets else None
        return first.client_id if isinstance(first, mqtt5.Connect) else None

    def of(self, kind: type[P]) -> list[P]:
        """The packets of one kind."""
        return [packet for packet in self.packets if isinstance(packet, kind)]

    def published(self, topic: str) -> list[mqtt5.Publish]:
        """What came on a topic."""
        return [packet for packet in self.of(mqtt5.Publish) if packet.topic == topic]

    def filters(self) -> set[str]:
        """What it has subscribed to."""
        return {name for packet in self.of(mqtt5.Subscribe) for name in packet.filters}


class ScriptedBroker:
    """Listens on the loopback in a thread of its own. `manners(client_id, visit_number)` says how
    to behave; visits of a client are counted from 1. It also plays the Device Shadow service;
    `shadow_service` may be replaced.
    """

    def __init__(self, authority: CertificateAuthority, server: KeyPair | None = None) -> None:
        self.host = "localhost"
        self.authority = authority
        self.manners: Callable[[str, int], Manners] = lambda _client, _number: GOOD
        self.shadows: dict[str, Shadow] = defaultdict(Shadow)
        self.shadow_service: Callable[[str, str, dict[str, Any]], list[Answer]] = self.obey
        self.visits: list[Visit] = []
        self._open: dict[str, Visit] = {}
        self._news = threading.Condition(threading.RLock())
        self._context = _server_context(authority, server or authority.server(self.host))
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = self._listen(0)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="scripted broker", daemon=True
        )
        self._thread.start()
        self._call(self._start_accepting)

    def __enter__(self) -> "ScriptedBroker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- for tests

    def away(self) -> None:
        """Stop listening, and drop every connection."""
        self._call(self._leave)

    def back(self) -> None:
        """Listen again on the same port."""
        self._socket = self._listen(self.port)
        self._call(self._start_accepting)

    def close(self) -> None:
        """Drop everything and end the thread."""
        self.away()
        self._call(lambda: asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def connected(self) -> set[str]:
        """Who is connected now."""
        with self._news:
            return set(self._open)

    def of(self, client_id: str) -> list[Visit]:
        """The visits of one client."""
        with self._news:
            return [visit for visit in self.visits if visit.client_id == client_id]

    def wait_until(self, condition: Callable[[], Any], seconds: float = LIMIT_SECONDS) -> None:
        """Wait until the condition holds; it is looked at whenever something happens."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"did not come true; last visits: {self.visits[-5:]}"
                self._news.wait(min(left, 0.2))

    def wait_for_reported(self, thing: str, **expected: Any) -> dict[str, Any]:
        """Wait until `reported` holds these keys."""
        shadow = self.shadows[thing]
        self.wait_until(lambda: {key: shadow.reported.get(key) for key in expected} == expected)
        return shadow.reported

    def change(self, thing: str, **desired: Any) -> None:
        """What an app does: change keys of `desired`."""
        self._call(lambda: self._serve(thing, "update", {"state": {"desired": desired}}))

    def deliver(self, thing: str, topic: str, payload: bytes) -> int:
        """Send a message to a connected client; its packet id."""
        visit = self._open[thing]
        packet_id: int = self._call(lambda: _deliver(visit, topic, payload))
        return packet_id

    def drop(self, thing: str) -> None:
        """Close the client's connection without a word."""
        self._call(self._open[thing].close)

    def obey(self, thing: str, operation: str, request: dict[str, Any]) -> list[Answer]:
        """What the shadow service does."""
        answers: list[Answer] = getattr(self.shadows[thing], operation)(request)
        return answers

    # --- on the loop's thread

    def _call(self, call: Callable[[], Any]) -> Any:
        """Have it done on the loop's thread, and wait for it."""

        async def done() -> Any:
            answer = call()
            result = await answer if isinstance(answer, Awaitable) else answer
            with self._news:
                self._news.notify_all()
            return result

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(LIMIT_SECONDS)

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=1000)
        listener.settimeout(0)
        return listener

    def _start_accepting(self) -> None:
        self._spawn(self._accept(self._socket))

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _leave(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for task in list(self._tasks):
            task.cancel()

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            accepted, _ = await self._loop.sock_accept(listener)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._visit(accepted))

    async def _visit(self, accepted: socket.socket) -> None:
        visit = Visit(time.monotonic(), ())
        writer: asyncio.StreamWriter | None = None
        try:
            visit.offered = _cipher_suites(await self._peek(accepted))
            self._note(visit, None)
            reader, writer = await self._secure(accepted)
            visit.send, visit.close = writer.write, writer.transport.abort
            await self._converse(visit, reader)
        except ssl.SSLError as error:
            visit.tls = error.reason or str(error)
        except (OSError, EOFError) as error:
            visit.tls = visit.tls or (None if visit.packets else str(error) or type(error).__name__)
        finally:
            self._part(visit, accepted, writer)

    def _part(
        self, visit: Visit, accepted: socket.socket, writer: asyncio.StreamWriter | None
    ) -> None:
        visit.ended = time.monotonic()
        if self._open.get(visit.client_id or "") is visit:
            del self._open[visit.client_id or ""]
        if writer is not None:
            writer.transport.abort()
        else:
            accepted.close()
        with self._news:
            self._news.notify_all()

    async def _peek(self, accepted: socket.socket) -> bytes:
        """The ClientHello, left in the socket for TLS."""
        accepted.settimeout(0)
        readable = asyncio.Event()
        self._loop.add_reader(accepted, readable.set)
        try:
            await readable.wait()
        finally:
            self._loop.remove_reader(accepted)
        return accepted.recv(4096, socket.MSG_PEEK)

    async def _secure(
        self, accepted: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader = asyncio.StreamReader(limit=2**20)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol, accepted, ssl=self._context
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def _converse(self, visit: Visit, reader: asyncio.StreamReader) -> None:
        manners = GOOD
        while not isinstance(packet := await _read(reader), mqtt5.Disconnect):
            self._note(visit, packet)
            if isinstance(packet, mqtt5.Connect):
                manners = self.manners(packet.client_id, len(self.of(packet.client_id)))
                self._welcome(visit, manners, packet.client_id)
                if manners.drop or manners.disconnect is not None:
                    return
            else:
                self._answer(visit, manners, packet)
        self._note(visit, packet)

    def _welcome(self, visit: Visit, manners: Manners, client_id: str) -> None:
        if not manners.connack:
            return
        if (older := self._open.get(client_id)) is not None:
            older.send(mqtt5.disconnect(mqtt5.SESSION_TAKEN_OVER))
            self._loop.call_later(0.1, older.close)
        self._open[client_id] = visit
        visit.send(mqtt5.connack(session_present=manners.session_present))
        if manners.disconnect is not None:
            visit.send(mqtt5.disconnect(manners.disconnect))
        for topic, payload in manners.queued:
            _deliver(visit, topic, payload)

    def _answer(self, visit: Visit, manners: Manners, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.Subscribe() if manners.suback:
                visit.send(mqtt5.suback(packet))
            case mqtt5.Pingreq() if manners.pingresp:
                visit.send(mqtt5.pingresp())
            case mqtt5.Publish():
                if manners.puback:
                    visit.send(mqtt5.puback(packet))
                self._take(packet)

    def _take(self, packet: mqtt5.Publish) -> None:
        if packet.topic.startswith("$aws/things/") and "/shadow/" in packet.topic:
            _, _, thing, _, operation = packet.topic.split("/")
            self._serve(thing, operation, json.loads(packet.payload))
        elif packet.topic.endswith("/jobs/$next/get"):
            thing, token = packet.topic.split("/")[2], json.loads(packet.payload)["clientToken"]
            _deliver(
                self._open[thing],
                f"{packet.topic}/accepted",
                json.dumps({"clientToken": token}).encode(),
            )

    def _serve(self, thing: str, operation: str, request: dict[str, Any]) -> None:
        for suffix, content in self.shadow_service(thing, operation, request):
            visit, topic = self._open.get(thing), f"$aws/things/{thing}/shadow/{suffix}"
            if visit is not None:
                _deliver(visit, topic, json.dumps(content).encode())

    def _note(self, visit: Visit, packet: mqtt5.Packet | None) -> None:
        with self._news:
            if packet is None:
                self.visits.append(visit)
            else:
                visit.packets.append(packet)
            self._news.notify_all()


def _deliver(visit: Visit, topic: str, payload: bytes) -> int:
    packet_id, visit.next_packet_id = visit.next_packet_id, visit.next_packet_id % 65_535 + 1
    visit.send(mqtt5.publish(topic, payload, packet_id))
    return packet_id


async def _read(reader: asyncio.StreamReader) -> mqtt5.Packet:
    first = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return mqtt5.decode(first, await reader.readexactly(length))


def _server_context(authority: CertificateAuthority, server: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate.write_text(server.certificate)
        key.write_text(server.private_key)
        context.load_cert_chain(certificate, key)
    return context


def _cipher_suites(hello: bytes) -> tuple[int, ...]:
    """The suites that a TLS ClientHello offers (RFC 8446, 4.1.2); before them come headers, version
    and random.
    """
    with suppress(IndexError):
        position = 5 + 4 + 2 + 32
        position += 1 + hello[position]
        size = int.from_bytes(hello[position : position + 2], "big")
        suites = hello[position + 2 : position + 2 + size]
        return tuple(
            int.from_bytes(suites[index : index + 2], "big") for index in range(0, len(suites), 2)
        )
    return ()
