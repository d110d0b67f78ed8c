"""What the Device Shadow service refuses.

AWS refuses a client token of more than 64 bytes, a version that is no number, sections that are no
objects or that it does not know, and more than six levels of nesting, with 400; a document whose
desired and reported state have more than 8 KB together, metadata not counted, with 413. The first
level is the section itself. (The quotas' page has had other figures for the depth, 5 below the
section and lately 8; six is what the error says.)

Source: https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-error-messages.html,
https://docs.aws.amazon.com/iot/latest/developerguide/diagnosing-shadows.html and
https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "AWS IoT Core Device Shadow service
limits and quotas"

Emulator: takes all of these.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import iot, iot_data

SECTIONS = ("desired", "reported")
MOST_LEVELS = 6
MOST_BYTES = 8192
MOST_TOKEN_BYTES = 64


def fill() -> None:
    """Refuse before anything is changed, over MQTT and HTTP alike."""
    update, parse, served = (
        iot.update_thing_shadow,
        iot.parse_shadow_request,
        iot_data.handle_request,
    )

    def updated(thing: str, name: str, request: Any) -> tuple[int, dict[str, Any]]:
        refusal = refusal_of(request) or _too_large(iot._shadows.get((thing, name)), request)
        found: tuple[int, dict[str, Any]] = refusal or update(thing, name, request)
        return found

    def parsed(payload: bytes) -> Any:
        try:
            return parse(payload)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    async def handled(*request: Any) -> Any:
        status, headers, body = await served(*request)
        if status == 413:
            return error_response_json(
                "RequestEntityTooLargeException", json.loads(body)["message"], 413
            )
        return status, headers, body

    iot.update_thing_shadow, iot.parse_shadow_request, iot_data.handle_request = (
        updated,
        parsed,
        handled,
    )


def refusal_of(request: Any) -> tuple[int, dict[str, Any]] | None:
    """What the request itself is refused for, by AWS's words; None when it is well-formed."""
    return next((_refused(words) for words in _wrongs(request)), None)


def _wrongs(request: Any) -> Iterator[str]:
    """All that is wrong with it; what comes after the first may fail."""
    if not isinstance(request, dict) or "state" not in request:
        yield "Missing required node: state"
    state, token, version = request["state"], request.get("clientToken"), request.get("version")
    if not isinstance(state, dict):
        yield "State node must be an object"
    if token is not None and not (
        isinstance(token, str) and len(token.encode()) <= MOST_TOKEN_BYTES
    ):
        yield "Invalid clientToken"
    if version is not None and type(version) is not int:
        yield "Invalid version"
    if state.keys() - set(SECTIONS):
        yield "State contains an invalid node"
    for name in SECTIONS:
        section = state.get(name)
        if section is not None and not isinstance(section, dict):
            yield f"{name.capitalize()} node must be an object"
        if levels(section) > MOST_LEVELS:
            yield f"JSON contains too many levels of nesting; maximum is {MOST_LEVELS}"


def levels(value: Any) -> int:
    """How many objects and lists stand one inside the other; more than the most are not counted
    on.
    """
    deepest, below = 0, [value] if isinstance(value, dict | list) else []
    while below and deepest <= MOST_LEVELS:
        deepest += 1
        inner = [item for one in below for item in (one.values() if isinstance(one, dict) else one)]
        below = [item for item in inner if isinstance(item, dict | list)]
    return deepest


def _too_large(
    record: Mapping[str, Any] | None, request: Mapping[str, Any]
) -> tuple[int, dict[str, Any]] | None:
    state = copy.deepcopy((record or {}).get("state", {}))
    for name in SECTIONS:
        if request["state"].get(name) is not None:
            iot._deep_merge(state.setdefault(name, {}), copy.deepcopy(request["state"][name]))
        elif name in request["state"]:
            state[name] = {}
    kept = {name: section for name, section in state.items() if section}
    size = len(json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode())
    return (
        _refused("The payload exceeds the maximum size allowed", 413) if size > MOST_BYTES else None
    )


def _refused(message: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"message": message}
