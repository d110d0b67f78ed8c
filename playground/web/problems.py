"""Refusals as problem details (RFC 9457), in the form of the HTTP API's own."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

MEDIA_TYPE = "application/problem+json"
NOTHING: Mapping[str, str] = MappingProxyType({})


def problem(
    status: int, kind: str, title: str, detail: str, headers: Mapping[str, str] = NOTHING
) -> web.Response:
    """A refusal; `kind` is the end of its type."""
    body = {
        "type": f"urn:iot-playground:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **headers},
    )


def not_found() -> web.Response:
    """Nothing of that name."""
    return problem(404, "not-found", "There is nothing here", "No such path.")
