"""The built page, held in memory: what is served is of one build, whatever becomes of the files."""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from playground.web.problems import not_found

INDEX = "/index.html"
MOST_BYTES = 64 * 1024 * 1024
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Media types by name: the same on every machine."""

UNPACKED = (".png", ".woff2", ".ico")
FOREVER = "public, max-age=31536000, immutable"
ALWAYS_ASKED = "no-cache"


class NoPageError(Exception):
    """There is no built page, or it is no page."""


@dataclass(frozen=True)
class File:
    """One file of the page; `body` is packed (gzip) if `packed`."""

    body: bytes
    packed: bool
    media_type: str
    tag: str
    caching: str


@dataclass(frozen=True)
class Page:
    """All files, by path."""

    files: Mapping[str, File]

    @classmethod
    def load(cls, folder: Path) -> "Page":
        """Read the folder, but for what begins with a dot or lies elsewhere. Raises NoPageError."""
        found, size = {}, 0
        for name in names(folder):
            content = (folder / name).read_bytes()
            size += len(content)
            if size > MOST_BYTES:
                raise NoPageError(f"{folder} has more than {MOST_BYTES} bytes.")
            found[f"/{name.as_posix()}"] = _file(name, content)
        if INDEX not in found:
            raise NoPageError(f"There is no page in {folder}.")
        return cls(found)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A file; for a path of the page's own (without a dot) the page itself."""
        path = request.path
        file = self.files.get(path)
        if file is None and "." not in path:
            file = self.files[INDEX]
        if file is None:
            return not_found()
        headers = {"Cache-Control": file.caching, "ETag": file.tag, "Vary": "Accept-Encoding"}
        if file.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.media_type
        if not file.packed:
            return web.Response(body=file.body, headers=headers)
        if not takes_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=gzip.decompress(file.body), headers=headers)
        return web.Response(body=file.body, headers={**headers, "Content-Encoding": "gzip"})


def names(folder: Path) -> list[Path]:
    """The files of a page; none that begins with a dot, or lies elsewhere."""
    top = folder.resolve()
    return [
        path.relative_to(top)
        for path in sorted(top.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(top).parts)
        and path.is_file()
        and path.resolve().is_relative_to(top)
    ]


def media_type(name: Path) -> str:
    """By the end of its name."""
    return TYPES.get(name.suffix, "application/octet-stream")


def caching(name: Path) -> str:
    """What has its own digest in its name never changes."""
    return FOREVER if name.parts[0] == "assets" else ALWAYS_ASKED


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, or anything (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _file(name: Path, content: bytes) -> File:
    packed = b"" if name.suffix in UNPACKED else gzip.compress(content, 9, mtime=0)
    is_packed = 0 < len(packed) < len(content)
    return File(
        packed if is_packed else content,
        is_packed,
        media_type(name),
        f'"{b64encode(sha256(content).digest()[:12], b"-_").decode()}"',
        caching(name),
    )
