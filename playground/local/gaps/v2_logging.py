"""AWS IoT's logging options, which are the account's.

AWS answers `NotConfiguredException` in an account that has never set them, and keeps a default
level, a role and whether all logs are off. What is written is the gap `broker_log`'s; the stack's
log of refusals is the task agent's.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_GetV2LoggingOptions.html and
https://docs.aws.amazon.com/iot/latest/apireference/API_SetV2LoggingOptions.html

Emulator: answers `Unsupported IoT path`.
"""

import copy
import json
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, error_response_json, json_response
from ministack.services import iot

Answer = tuple[int, dict[str, str], bytes]

PATH = "/v2LoggingOptions"
LEVELS = ("DEBUG", "INFO", "ERROR", "WARN", "DISABLED")

_options = AccountRegionScopedDict()


def fill() -> None:
    """Answer both calls, and keep the options with the state of AWS IoT."""
    route, get_state, restore = iot._route_request, iot.get_state, iot._restore_state

    async def routed(
        method: str, path: str, headers: Any, body: bytes, query: dict[str, Any]
    ) -> Answer:
        if path != PATH or method not in ("GET", "POST"):
            answer: Answer = await route(method, path, headers, body, query)
            return answer
        return _get() if method == "GET" else _set(iot._parse_body(body))

    def state() -> dict[str, Any]:
        return {**get_state(), "v2_logging": copy.deepcopy(_options)}

    def restored(data: dict[str, Any] | None) -> None:
        restore(data)
        kept = (data or {}).get("v2_logging")
        if isinstance(kept, AccountRegionScopedDict):
            _options.update(kept)

    iot._route_request, iot.get_state, iot._restore_state = routed, state, restored


def options_of(account: str, region: str) -> dict[str, Any]:
    """What the account has set; empty when it has set nothing."""
    found: dict[str, Any] = _options.get_scoped(account, region, "options", {})
    return found


def _get() -> Answer:
    found: Answer = (
        json_response(_options["options"])
        if "options" in _options
        else error_response_json("NotConfiguredException", "Log options have not been set", 404)
    )
    return found


def _set(asked: dict[str, Any]) -> Answer:
    level = asked.get("defaultLogLevel")
    if level is not None and level not in LEVELS:
        refused: Answer = error_response_json(
            "InvalidRequestException", f"defaultLogLevel must be one of {json.dumps(LEVELS)}", 400
        )
        return refused
    kept = {
        name: asked[name]
        for name in ("roleArn", "defaultLogLevel", "eventConfigurations")
        if name in asked
    }
    before = _options.get("options") or {"defaultLogLevel": "DISABLED"}
    _options["options"] = {
        **before,
        **kept,
        "disableAllLogs": bool(asked.get("disableAllLogs", False)),
    }
    return 200, {"Content-Type": "application/json"}, b"{}"
