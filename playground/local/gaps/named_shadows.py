"""ListNamedShadowsForThing: the names of a thing's shadows, without the classic one, page by page.

AWS gives up to 100 names a page, 25 unless told otherwise, in order, with a token for the next
page.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_iot-data_ListNamedShadowsForThing.html

Emulator: answers `Unsupported iot-data path`.
"""

import time
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import iot, iot_data

PREFIX = "/api/things/shadow/ListNamedShadowsForThing/"
PAGE, MOST = 25, 100


def fill() -> None:
    """Answer it, before the emulator's own routes are looked at."""
    served = iot_data.handle_request

    async def handle(
        method: str, path: str, headers: Any, body: bytes, query: dict[str, Any]
    ) -> Any:
        if method == "GET" and path.startswith(PREFIX):
            given = {
                name: value[0] if isinstance(value, list) else value
                for name, value in query.items()
            }
            return _listed(path.removeprefix(PREFIX), given)
        return await served(method, path, headers, body, query)

    iot_data.handle_request = handle


def _listed(thing: str, query: dict[str, str]) -> Any:
    size, after = query.get("pageSize", str(PAGE)), query.get("nextToken", "")
    if not size.isdecimal() or not 1 <= int(size) <= MOST:
        return error_response_json(
            "InvalidRequestException", f"pageSize must be from 1 to {MOST}", 400
        )
    if thing not in iot._things:
        return error_response_json("ResourceNotFoundException", f"Thing {thing} not found", 404)
    names = sorted(
        name
        for (owner, name), record in iot._shadows.items()
        if owner == thing and name > after and not record.get("deleted")
    )
    page = names[: int(size)]
    more = {"nextToken": page[-1]} if len(names) > len(page) else {}
    return json_response({"results": page, "timestamp": int(time.time()), **more})
