"""Fetching a document from the URL that was handed out for it. The URL itself is a secret and never
shown.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from virtual_device.base.descriptors import PASSING
from virtual_device.base.errors import (
    ConfigInvalidError,
    DocumentTooLongError,
    PlaceRefusedError,
    UrlRefusedError,
    UrlUnreachableError,
)
from virtual_device.web.sources import Sources

if TYPE_CHECKING:
    from http.client import HTTPResponse

ATTEMPTS = 5
TIMEOUT_SECONDS = 10.0
MAX_BYTES = 256 * 1024
MAX_DELAY_SECONDS = 8.0
PART_BYTES = 8 * 1024

Received = Callable[[int], None]
"""Told, on the thread that fetches, how many bytes there are by now."""


def fetch(  # noqa: PLR0913, PLR0917 - all but the first three have defaults
    url: str,
    what: str,
    sources: Sources,
    sleep: Callable[[float], None] = time.sleep,
    limit: int = MAX_BYTES,
    received: Received | None = None,
    token: str | None = None,
) -> bytes:
    """The document `what` behind an http, https or file URL, if `sources` allow it. With a `token`
    as the entity tag that the document must not have (If-None-Match): a presigned URL may be good
    with that alone.

    A server that can't be reached or fails is asked again with full jitter, 5 times in all.
    Raises `PlaceRefusedError` for a place that `sources` do not have, also for a redirect there,
    `UrlRefusedError` for HTTP 4xx, `UrlUnreachableError` when it stays out of reach,
    `DocumentTooLongError` when there are more than `limit` bytes, `ConfigInvalidError` for what is
    no such URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigInvalidError(f"the URL of the {what} is not a URL: {error}") from None
    if parts.scheme == "file":
        if not sources.files:
            raise PlaceRefusedError(
                f"the {what} is not read from a file: nobody but the owner may name one"
            )
        return _read_file(Path(unquote(parts.path)), what, limit)
    if parts.scheme not in {"http", "https"}:
        raise ConfigInvalidError(f"the URL of the {what} is neither http, https nor file")
    for attempt in range(1, ATTEMPTS):
        try:
            return _get(url, what, sources, limit, received, token)
        except UrlUnreachableError:
            sleep(random.uniform(0, min(MAX_DELAY_SECONDS, 2.0**attempt)))  # noqa: S311 - jitter, no secret
    return _get(url, what, sources, limit, received, token)


def _read_file(path: Path, what: str, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:  # a path may hold a NUL
        if isinstance(error, OSError) and error.errno in PASSING:
            raise UrlUnreachableError(f"the {what} can't be read for now: {error}") from error
        raise UrlRefusedError(f"the {what} can't be read: {error}") from error
    if len(content) > limit:
        raise DocumentTooLongError(f"the {what} is longer than {limit} bytes")
    return content


def _get(  # noqa: PLR0913, PLR0917 - what `fetch` was given
    url: str,
    what: str,
    sources: Sources,
    limit: int,
    received: Received | None,
    token: str | None,
) -> bytes:
    # Imported late: a device that has its identity already starts 30 ms sooner without.
    from http.client import HTTPException  # noqa: PLC0415
    from urllib.error import HTTPError  # noqa: PLC0415

    from virtual_device.web.request import Request, ask  # noqa: PLC0415

    try:
        headers = {} if token is None else {"If-None-Match": f'"{token}"'}
        with ask(Request(url, headers=headers), what, sources, TIMEOUT_SECONDS) as response:
            return _read_all(response, what, limit, received)
    except HTTPError as error:
        with error:
            raise _http_error(error.code, what) from None
    except (OSError, HTTPException) as error:
        raise UrlUnreachableError(
            f"the {what} can't be fetched from {urlsplit(url).netloc}: {error}"
        ) from error


def _read_all(response: "HTTPResponse", what: str, limit: int, received: Received | None) -> bytes:
    content = bytearray()
    while part := response.read(PART_BYTES):
        content += part
        if len(content) > limit:
            raise DocumentTooLongError(f"the {what} is longer than {limit} bytes")
        if received is not None:
            received(len(content))
    if response.length:
        raise UrlUnreachableError(f"the {what} broke off {response.length} bytes before its end")
    return bytes(content)


def _http_error(code: int, what: str) -> UrlRefusedError | UrlUnreachableError:
    if code == 403:
        return UrlRefusedError(
            f"the URL of the {what} was refused (HTTP 403): it is good for 15 minutes "
            "and has probably expired. "
            "Provision the device again, or restore the state directory with its identity.",
            code,
        )
    if code == 404:
        return UrlRefusedError(
            f"there is no {what} any more (HTTP 404): an identity is removed from the "
            "bucket once the device has "
            "connected. Provision the device again, or restore the state directory with "
            "its identity.",
            code,
        )
    if code in {408, 429} or code >= 500:
        return UrlUnreachableError(f"the server of the {what} answered HTTP {code}")
    return UrlRefusedError(
        f"the URL of the {what} was refused (HTTP {code}). Provision the device again.", code
    )
