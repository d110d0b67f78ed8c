"""`/v1/...`: the HTTP API under the page's own origin, the only one that the page may ask."""

from dataclasses import dataclass
from urllib.parse import unquote

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from playground.web.bodies import whole
from playground.web.problems import not_found, problem

PREFIX = "/v1/"
MOST_BYTES = 131_072
"""Of a request: the API takes half of it, and refuses more in its own words."""

MOST_BYTES_BACK = 10_485_760
"""Of an answer: the most that a function behind API Gateway can give (Lambda, "Quotas"), and some.
"""

TIMEOUT = aiohttp.ClientTimeout(total=40, connect=5)
"""Seconds: API Gateway waits for 30 at most."""

AWAY_HEADER = "Playground-Api"
"""Tells an answer in the API's place from the API's own, which may have the same status."""

AT_ONCE = 32
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SENT = ("Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match")
GIVEN_BACK = (
    "Allow",
    "Content-Type",
    "ETag",
    "Link",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
)
"""Headers that pass; all others are of one connection, or nobody's business."""


@dataclass(frozen=True)
class Proxy:
    """Leads to one API; `api` is its URL without a slash at its end."""

    http: aiohttp.ClientSession
    api: str

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Ask the API, and give back what it says as it comes."""
        path = request.rel_url.raw_path
        if request.method not in METHODS:
            return problem(
                405,
                "method-not-allowed",
                "Not with this method",
                f"The API knows {', '.join(METHODS)}.",
                {"Allow": ", ".join(METHODS)},
            )
        if not stays_below(path):
            return not_found()
        body = await whole(request.content, MOST_BYTES)
        if body is None:
            return problem(
                413, "too-large", "Too large", f"A request has at most {MOST_BYTES} bytes."
            )
        query = request.rel_url.raw_query_string
        url = URL(f"{self.api}{path}{'?' if query else ''}{query}", encoded=True)
        headers = {name: request.headers[name] for name in SENT if name in request.headers}
        try:
            async with self.http.request(
                request.method,
                url,
                data=body or None,
                headers=headers,
                allow_redirects=False,
                skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
                timeout=TIMEOUT,
            ) as found:
                return await _pass_on(request, found)
        except TimeoutError:
            return _too_slow()
        except (aiohttp.ClientError, OSError):
            return _away()


def stays_below(path: str) -> bool:
    """Whether the path is one of the API's, and can't be read as another one."""
    plain = unquote(path)
    parts = plain.split("/")
    return plain.startswith(PREFIX) and "\\" not in plain and not {".", ".."} & set(parts)


async def _pass_on(request: web.Request, found: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=found.status)
    for name in GIVEN_BACK:
        if name in found.headers:
            response.headers[name] = found.headers[name]
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    # What has a beginning here can't become another answer any more: the first part is waited for.
    parts = found.content.iter_any().__aiter__()
    first = await anext(parts, b"")
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    size = len(first)
    try:
        await response.write(first)
        async for part in parts:
            size += len(part)
            if size > MOST_BYTES_BACK:
                raise aiohttp.ClientPayloadError("too large")
            await response.write(part)
        await response.write_eof()
    except (aiohttp.ClientError, OSError):
        # Half an answer must not look like a whole one.
        if request.transport is not None:
            request.transport.abort()
    return response


def _away() -> web.Response:
    return problem(
        502,
        "api-away",
        "The API does not answer",
        "The HTTP API can't be reached. It is tried again.",
        {"Retry-After": "1", AWAY_HEADER: "away"},
    )


def _too_slow() -> web.Response:
    return problem(
        504,
        "api-slow",
        "The API takes too long",
        "The HTTP API has not answered in time; what was asked for may still be done.",
    )
