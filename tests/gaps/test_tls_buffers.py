"""What a TLS connection of the emulator holds while it says nothing, and that a long message
passes.
"""

import asyncio
import ssl
import tracemalloc
from asyncio import sslproto
from pathlib import Path

import pytest

from tests.device.pki import CertificateAuthority
from tests.gaps.modules import gap

LONG = b"x" * 300_000


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> int:
    """The buffer as it is, and again afterwards."""
    size: int = sslproto.SSLProtocol.max_size
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", size)
    return size


async def served(folder: Path) -> tuple[int, bytes]:
    """Bytes that a connection allocates on the server's side and the client's, and what came."""
    authority = CertificateAuthority()
    pair = authority.server()
    (folder / "server.pem").write_text(pair.certificate)
    (folder / "server.key").write_text(pair.private_key)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(folder / "server.pem", folder / "server.key")
    client_side = ssl.create_default_context(cadata=authority.pem)
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(await reader.readexactly(len(LONG)))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    tracemalloc.start()
    _, writer = await asyncio.open_connection("localhost", port, ssl=client_side)
    held = sum(
        trace.size
        for trace in tracemalloc.take_snapshot().traces
        if trace.traceback[0].filename == sslproto.__file__
    )
    tracemalloc.stop()
    writer.write(LONG)
    await writer.drain()
    received = await came
    writer.close()
    server.close()
    return held, received


def test_a_connection_holds_a_record_and_long_messages_pass(plain: int, tmp_path: Path) -> None:
    gap("tls_buffers").fill()

    held, received = asyncio.run(served(tmp_path))

    assert held < 64 * 1024
    assert received == LONG


def test_asyncio_itself_holds_much_more(plain: int, tmp_path: Path) -> None:
    """Once it does not, the gap can go."""
    assert plain == 256 * 1024
    assert asyncio.run(served(tmp_path))[0] > 256 * 1024
