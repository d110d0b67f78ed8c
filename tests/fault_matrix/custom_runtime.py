"""Runs a function on the emulator as AWS runs it: an exception reaches the workflow by its class name.

The emulator's own Python runtime gives every exception one name, so that no Retry or Catch by name can be seen at work.
This is the loop of a custom runtime (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html), put beside
the function's code by redirect.py. It also marks every call that the function makes with function, thing and
invocation, in the trace header that the SDK sends along anyway, so that the proxy can tell whose call it is. And where
there is a DESK, it tells that what became of a run, and runs the function on the same event again if told so.
"""

import copy
import http.client
import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

STATE = "FAULT_MATRIX_STATE"
DESK = "FAULT_MATRIX_DESK"
VERSION = "/2018-06-01/runtime/invocation"


class Context:
    """What the handlers and Powertools use of Lambda's context object."""

    def __init__(self, headers: Any) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        return max(0, self._deadline - int(time.time() * 1000))


def main() -> None:
    """Ask for the next invocation and answer it, for ever."""
    sys.path.insert(0, str(Path.cwd()))
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    while True:
        headers, event = _next()
        context = Context(headers)
        os.environ["_X_AMZN_TRACE_ID"] = (
            f"Root=1-00000000-000000000000000000000000;Function={os.environ[STATE]};"
            f"Thing={thing_in(event)};Request={context.aws_request_id}"
        )
        kind, content = _run(handler, event, context)
        while _is_to_run_again(context, kind, content):
            kind, content = _run(handler, event, context)
        _answer(context, kind, content)


def _run(handler: Any, event: Any, context: Context) -> tuple[str, Any]:
    """On a copy of the event. Gives what kind of answer it is, and the answer."""
    try:
        return "response", handler(copy.deepcopy(event), context)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the invocation's answer
        traceback.print_exc()
        return "error", {"errorMessage": str(error), "errorType": type(error).__name__}


def _is_to_run_again(context: Context, kind: str, content: Any) -> bool:
    if DESK not in os.environ:
        return False
    told = {"function": os.environ[STATE], "invocation": context.aws_request_id, "kind": kind, "content": content}
    answer, body = _request("POST", "/", json.dumps(told, default=str).encode(), os.environ[DESK])
    return answer.status == 200 and bool(json.loads(body))


def thing_in(event: object) -> str:
    """The thing that an event is about, wherever in it the name stands; "" when it names none."""
    if isinstance(event, str) and event.startswith("{"):
        try:
            return thing_in(json.loads(event))
        except ValueError:
            return ""
    if not isinstance(event, dict):
        return ""
    for name in ("thingName", "clientId"):
        if isinstance(event.get(name), str):
            return str(event[name])
    return next(filter(None, map(thing_in, event.values())), "")


def _next() -> tuple[Any, Any]:
    answer, body = _request("GET", f"{VERSION}/next")
    if answer.status != 200:
        sys.exit(0)
    return answer.headers, json.loads(body)


def _answer(context: Context, kind: str, content: Any) -> None:
    _request("POST", f"{VERSION}/{context.aws_request_id}/{kind}", json.dumps(content).encode())


def _request(
    method: str, path: str, body: bytes | None = None, host: str = ""
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(host or os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
