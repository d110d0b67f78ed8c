"""GetThingConnectivityData: whether a thing is connected, since when, and why it is not.

AWS answers for an indexed thing, at once and not minutes later as the index does; `NONE` is no
reason.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_GetThingConnectivityData.html

Emulator: answers `Unsupported thing path`, or as for another call; its index knows the same.
"""

from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import iot

SUFFIX = "/connectivity-data"


def fill() -> None:
    """Answer it from what the index would say."""
    route = iot._route_request

    async def routed(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method == "POST" and path.startswith("/things/") and path.endswith(SUFFIX):
            return _told(path.removeprefix("/things/").removesuffix(SUFFIX))
        return await route(method, path, headers, body, query)

    iot._route_request = routed


def _told(thing: str) -> Any:
    if thing not in iot._things:
        return error_response_json("ResourceNotFoundException", f"Thing {thing} not found", 404)
    found = iot._thing_connectivity(get_account_id(), get_region(), thing)
    told: dict[str, Any] = {"thingName": thing, "connected": found["connected"]}
    if "timestamp" in found:
        told["timestamp"] = found["timestamp"] / 1000
        told["disconnectReason"] = (
            "NONE" if found["connected"] else found.get("disconnectReason", "UNKNOWN")
        )
    return json_response(told)
