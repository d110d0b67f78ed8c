"""Runs a function on the emulator as AWS runs it: an exception reaches the workflow by its class name.

The emulator's own Python runtime gives every exception one name, so that no Retry or Catch by name can be seen at work.
This is the loop of a custom runtime (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html), put beside
the function's code by redirect.py. It also marks every call that the function makes with function, thing and
invocation, in the trace header that the SDK sends along anyway, so that the proxy can tell whose call it is.
"""

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
        try:
            _answer(context, "response", handler(event, context))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the invocation's answer
            traceback.print_exc()
            _answer(context, "error", {"errorMessage": str(error), "errorType": type(error).__name__})


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


def _request(method: str, path: str, body: bytes | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
