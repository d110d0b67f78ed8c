"""A way from a container to the local cloud, as `sam local invoke` needs it."""

import asyncio
import contextlib

from playground.errors import PlaygroundError

CHUNK = 65536


async def relay(host: str, port: int, target_port: int) -> None:
    """Pass TCP connections to `host:port` on to `127.0.0.1:target_port`, until cancelled.

    The local cloud listens on loopback only, where a container can't reach it. Raises
    PlaygroundError when the address can't be listened on.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target = await asyncio.open_connection("127.0.0.1", target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, target[1]), _pump(target[0], writer))

    try:
        server = await asyncio.start_server(connected, host, port)
    except OSError as error:
        raise PlaygroundError(
            f"Can't listen on {host} port {port}: {error.strerror or error}."
        ) from error
    async with server:
        await server.serve_forever()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()
