"""A body as a whole, up to a limit."""

from aiohttp import StreamReader

PART = 65_536


async def whole(stream: StreamReader, most: int) -> bytes | None:
    """All of it; None when it is more than `most` bytes. Raises what a broken connection raises."""
    parts, size = [], 0
    async for part in stream.iter_chunked(PART):
        parts.append(part)
        size += len(part)
        if size > most:
            return None
    return b"".join(parts)
