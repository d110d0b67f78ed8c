"""Marks every call of a function, so that the fault proxy can tell whose call it is.

redirect.py puts this beside the function's code and has Lambda call it in place of the function's
handler, which it calls in turn. The mark, function, thing and invocation, is in the trace header
that the SDK sends along anyway. Where there is a DESK, it tells that what became of a run, and runs
the function on the same event again if told so. What the function gives or raises goes on as it is.
PAUSES is by how much the SDK's pauses before it repeats a call are scaled, where they are. IDLE is
after how many seconds a host without a device is removed, and PATIENCE how long a device's
certificate is waited for, where that is not the product's own.
"""

import copy
import http.client
import importlib
import json
import os
import re
from datetime import timedelta
from typing import Any

STATE = "FAULT_MATRIX_STATE"
HANDLER = "FAULT_MATRIX_HANDLER"
DESK = "FAULT_MATRIX_DESK"
PAUSES = "FAULT_MATRIX_PAUSES"
IDLE = "FAULT_MATRIX_IDLE"
PATIENCE = "FAULT_MATRIX_PATIENCE"


def _scale_pauses(scale: float) -> None:
    standard = importlib.import_module("botocore.retries.standard")
    pause = standard.ExponentialBackoff.delay_amount
    standard.ExponentialBackoff.delay_amount = lambda *asked: scale * pause(*asked)


if PAUSES in os.environ:
    _scale_pauses(float(os.environ[PAUSES]))
if IDLE in os.environ:
    importlib.import_module("hosting.tell_hosts").__dict__["IDLE_SECONDS"] = int(os.environ[IDLE])
if PATIENCE in os.environ:
    importlib.import_module("certificates.signing").__dict__["PATIENCE"] = timedelta(
        seconds=int(os.environ[PATIENCE])
    )
_module, _, _name = os.environ.get(HANDLER, "").rpartition(".")
# Loaded with this module, as Lambda would load it. Where this is imported to be tested there is
# none.
_handler = getattr(importlib.import_module(_module), _name) if _module else None


def handler(event: Any, context: Any) -> Any:
    """What Lambda calls."""
    assert _handler is not None
    os.environ["_X_AMZN_TRACE_ID"] = (
        f"Root=1-00000000-000000000000000000000000;Function={os.environ[STATE]};"
        f"Thing={thing_in(event)};Request={context.aws_request_id}"
    )
    while True:
        try:
            answer = _handler(copy.deepcopy(event), context)
        except Exception as error:
            said = {"errorMessage": str(error), "errorType": type(error).__name__}
            if not _is_to_run_again(context, "error", said):
                raise
        else:
            if not _is_to_run_again(context, "response", answer):
                return answer


def thing_in(event: object) -> str:
    """The thing that an event is about, wherever in it the name stands; "" when it names none."""
    if isinstance(event, str) and event.startswith("{"):
        try:
            return thing_in(json.loads(event))
        except ValueError:
            return ""
    if not isinstance(event, dict):
        return ""
    # A device that comes with a claim has another client id, and is named by a parameter.
    given = event.get("parameters")
    serial = given.get("SerialNumber") if isinstance(given, dict) else None
    for name in (serial, event.get("thingName"), event.get("clientId")):
        if isinstance(name, str):
            return name
    # A roll's input names many; those of the matrix roll one.
    names = event.get("thingNames")
    if isinstance(names, list) and len(names) == 1:
        return str(names[0])
    found = next(filter(None, map(thing_in, event.values())), "")
    return found or fleet_in(event) or host_in(event)


def host_in(event: dict[str, Any]) -> str:
    """The one host that the queue of hosts to tell names."""
    records = event.get("Records")
    if not isinstance(records, list) or len(records) != 1:
        return ""
    told = re.search(r'"host": "(host-\d+)"', str(records[0].get("body", "")))
    return told[1] if told else ""


def fleet_in(event: dict[str, Any]) -> str:
    """The fleet that an event is about. The executions that make fleets have their names here."""
    execution = event.get("executionArn")
    if isinstance(execution, str) and "-provision-fleet:" in execution:
        return execution.rpartition(":")[2]
    name = event.get("name")
    return name if isinstance(name, str) else ""


def _is_to_run_again(context: Any, kind: str, content: Any) -> bool:
    if DESK not in os.environ:
        return False
    told = {
        "function": os.environ[STATE],
        "invocation": context.aws_request_id,
        "kind": kind,
        "content": content,
    }
    connection = http.client.HTTPConnection(os.environ[DESK])
    try:
        connection.request("POST", "/", json.dumps(told, default=str).encode())
        answer = connection.getresponse()
        body = answer.read()
        return answer.status == 200 and bool(json.loads(body))
    finally:
        connection.close()
