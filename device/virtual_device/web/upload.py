"""Putting a certificate signing request where it is awaited. The URL itself is a secret and never
shown.
"""

import random
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from virtual_device.base.errors import ConfigInvalidError, UrlRefusedError, UrlUnreachableError
from virtual_device.web.fetch import ATTEMPTS, MAX_DELAY_SECONDS, TIMEOUT_SECONDS
from virtual_device.web.sources import Sources

REQUEST_BYTES = 4096
"""The reference is good for exactly this length (docs/contracts.md)."""

THERE_IS_ONE, IN_PROGRESS = 412, 409


def upload(
    url: str, csr: str, sources: Sources, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Put the request, filled up with line feeds, behind an http or https URL.

    That there is one already is no error: it may be this one, put by an attempt whose answer was
    lost. Raises `PlaceRefusedError` for a place that `sources` do not have, `UrlRefusedError` for
    any other HTTP 4xx, `UrlUnreachableError` when the server stays out of reach.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigInvalidError("config: csrUrl is neither http nor https")
    content = csr.encode().ljust(REQUEST_BYTES, b"\n")
    for attempt in range(1, ATTEMPTS):
        try:
            return _put(url, content, sources)
        except UrlUnreachableError:
            sleep(random.uniform(0, min(MAX_DELAY_SECONDS, 2.0**attempt)))  # noqa: S311 - jitter, no secret
    return _put(url, content, sources)


def _put(url: str, content: bytes, sources: Sources) -> None:
    from http.client import HTTPException  # noqa: PLC0415 - as in fetch.py
    from urllib.error import HTTPError  # noqa: PLC0415

    from virtual_device.web.request import Request, ask  # noqa: PLC0415

    headers = {"If-None-Match": "*", "Content-Type": "application/x-pem-file"}
    request = Request(url, content, headers, method="PUT")
    try:
        with ask(request, "signing request", sources, TIMEOUT_SECONDS):
            return
    except HTTPError as error:
        with error:
            if error.code == THERE_IS_ONE:
                return
            if error.code in {408, IN_PROGRESS, 429} or error.code >= 500:
                raise UrlUnreachableError(
                    f"the server of the signing request answered HTTP {error.code}"
                ) from None
            raise UrlRefusedError(
                f"the URL for the signing request was refused (HTTP {error.code}): it is "
                "good for 15 minutes and once. "
                "Provision or restart the device again.",
                error.code,
            ) from None
    except (OSError, HTTPException) as error:
        raise UrlUnreachableError(
            f"no signing request can be put at {urlsplit(url).netloc}: {error}"
        ) from error
