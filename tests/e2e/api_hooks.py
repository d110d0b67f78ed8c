"""What Schemathesis needs to know of the API beyond its document; loaded by SCHEMATHESIS_HOOKS.

Six things that a document can't say, each with what is done about it here. No answer is hidden:
whatever comes back still goes through every check.

1. Each create that is valid and whose name is free starts a workflow and a device process. So the
  name becomes that of
   a thing which is there already: the answer is 409. The document's own example is let through,
   once for real. The others go without an `Idempotency-Key` that is meant to be valid, for it may
   be the one of that example.
2. A `nextToken` of the right form is no token: only one that a page gave is. So a request that is
  meant to be valid
   leaves it out; those that are meant to be wrong keep it.
3. What a setting may be depends on the device's type and name, and which commands there are is for
  the device to say.
   So a change that is meant to be valid is one of `time`, and such a command is `ping`. Nobody
   waits long for a device that is being made or removed.
4. An integer has 64 bits wherever it stands in a model, which a schema of any JSON can't say. So a
  model that is meant
   to be valid has smaller ones.
5. What a resource may be depends on the action: a topic has no wildcard, a filter has them in
  their places. So a question that is meant to be valid is about a plain topic.
6. Groups of a fleet have to differ, and a file that is valid makes all its devices. So the name
  becomes that of a fleet which an execution has: the answer is 409; and one group is left, of one
  device, which comes within a day. Of its stages the first is left, without what depends on groups
  and on its length, and with a name that can be printed. The document's own example is let through,
  as that of a device is.
"""

from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

TAKEN = "schemathesis-taken"
EXAMPLE: dict[str, Any] = {
    "deviceType": "bulb",
    "thingName": "lamp",
    "attributes": {"room": "kitchen"},
}
"""The document's."""
HELD = "schemathesis-held"
SLOWEST = 1 / 86_400
"""Devices a second, with which one device comes within a day."""
FLEET: dict[str, Any] = {
    "name": "office",
    "groups": [{"name": "lamp", "count": 2, "deviceType": "bulb"}],
}
"""The document's."""


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Just before a request is sent."""
    operation_id = case.operation.definition.raw.get("operationId")
    if (
        operation_id == "createDevice"
        and isinstance(case.body, dict)
        and _is_valid(case, ParameterLocation.BODY)
    ):
        _rename(case)
    if (
        operation_id == "provisionFleet"
        and isinstance(case.body, dict)
        and _is_valid(case, ParameterLocation.BODY)
    ):
        _hold(case)
    if (
        operation_id == "changeSettings"
        and isinstance(case.body, dict)
        and _is_valid(case, ParameterLocation.BODY)
    ):
        case.body = {**case.body, "desired": {"time": 5}}
        if case.query and _is_valid(case, ParameterLocation.QUERY) and "wait" in case.query:
            case.query["wait"] = 1
    if (
        operation_id == "giveCommand"
        and isinstance(case.body, dict)
        and _is_valid(case, ParameterLocation.BODY)
    ):
        case.body = {**case.body, "command": "ping", "arguments": {}}
    if (
        operation_id == "explainPolicy"
        and isinstance(case.body, dict)
        and _is_valid(case, ParameterLocation.BODY)
    ):
        case.body = {**case.body, "resource": "dt/playground/lamp/telemetry"}
    if operation_id == "listDevices" and case.query and _is_valid(case, ParameterLocation.QUERY):
        case.query.pop("nextToken", None)


def _rename(case: Any) -> None:
    if case.body == EXAMPLE:
        return
    case.body = _small({**case.body, "thingName": TAKEN})
    _leave_key_out(case)


def _hold(case: Any) -> None:
    if case.body == FLEET:
        return
    group = {**case.body["groups"][0], "count": 1}
    if group.get("arrival", {}).get("rate", 1) < SLOWEST:
        group.pop("arrival")
    stages = [_plain(stage) for stage in case.body.get("stages", [])[:1]]
    case.body = _small({**case.body, "name": HELD, "groups": [group], "stages": stages})
    _leave_key_out(case)


def _plain(stage: dict[str, Any]) -> dict[str, Any]:
    actions = [
        {key: value for key, value in action.items() if key not in ("groups", "over")}
        for action in stage.get("actions", [])
    ]
    return {**stage, "name": "one", "actions": actions}


def _leave_key_out(case: Any) -> None:
    if case.headers and _is_valid(case, ParameterLocation.HEADER):
        case.headers.pop("Idempotency-Key", None)


def _small(value: Any) -> Any:
    """The same with every integer of more than 64 bits cut down to what fits."""
    if isinstance(value, dict):
        return {key: _small(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_small(member) for member in value]
    return value % 2**63 if isinstance(value, int) and abs(value) >= 2**63 else value


def _is_valid(case: Any, part: ParameterLocation) -> bool:
    """Whether this part of the request is meant to be as the document says."""
    return case.meta is None or not case.meta.is_negative_at(part)
