"""Fetching a document from the URL that was handed out for it. The URL itself is a secret and never shown."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from virtual_device.errors import ConfigInvalidError, DocumentTooLongError, UrlRefusedError, UrlUnreachableError

if TYPE_CHECKING:
    from http.client import HTTPResponse

ATTEMPTS = 5
TIMEOUT_SECONDS = 10.0
MAX_BYTES = 256 * 1024
MAX_DELAY_SECONDS = 8.0
PART_BYTES = 8 * 1024

Received = Callable[[int], None]
"""Told, on the thread that fetches, how many bytes there are by now."""


def fetch(
    url: str,
    what: str,
    sleep: Callable[[float], None] = time.sleep,
    limit: int = MAX_BYTES,
    received: Received | None = None,
) -> bytes:
    """The document `what` behind an http, https or file URL.

    A server that can't be reached or fails is asked again with full jitter, 5 times in all. Raises `UrlRefusedError`
    for HTTP 4xx, `UrlUnreachableError` when it stays out of reach, `DocumentTooLongError` when there are more than
    `limit` bytes, `ConfigInvalidError` for what is no such URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _read_file(Path(unquote(parts.path)), what)
    if parts.scheme not in {"http", "https"}:
        raise ConfigInvalidError(f"the URL of the {what} is neither http, https nor file")
    for attempt in range(1, ATTEMPTS):
        try:
            return _get(url, what, limit, received)
        except UrlUnreachableError:
            sleep(random.uniform(0, min(MAX_DELAY_SECONDS, 2.0**attempt)))  # noqa: S311 - jitter, no secret
    return _get(url, what, limit, received)


def _read_file(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UrlRefusedError(f"the {what} can't be read: {error}") from error


def _get(url: str, what: str, limit: int, received: Received | None) -> bytes:
    # Imported late: a device that has its identity already starts 30 ms sooner without.
    from http.client import HTTPException  # noqa: PLC0415
    from urllib.error import HTTPError  # noqa: PLC0415
    from urllib.request import urlopen  # noqa: PLC0415

    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - the scheme was checked  # nosec B310
            return _read_all(response, what, limit, received)
    except HTTPError as error:
        with error:
            raise _http_error(error.code, what) from None
    except (OSError, HTTPException) as error:
        raise UrlUnreachableError(f"the {what} can't be fetched from {urlsplit(url).netloc}: {error}") from error


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
            f"the URL of the {what} was refused (HTTP 403): it is good for 15 minutes and has probably expired. "
            "Provision the device again, or give it back the state directory that holds its identity.",
            code,
        )
    if code == 404:
        return UrlRefusedError(
            f"there is no {what} any more (HTTP 404): an identity is removed from the bucket once the device has "
            "connected. Provision the device again, or give it back the state directory that holds its identity.",
            code,
        )
    if code in {408, 429} or code >= 500:
        return UrlUnreachableError(f"the server of the {what} answered HTTP {code}")
    return UrlRefusedError(f"the URL of the {what} was refused (HTTP {code}). Provision the device again.", code)
