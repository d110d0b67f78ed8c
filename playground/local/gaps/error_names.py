"""An exception of a function has its own name, to whoever calls the function and to a workflow.

AWS: the Python runtime answers an exception with `errorMessage`, `errorType` (the name of its
class), `requestId` and `stackTrace`, and goes on with the same process. An error while the module
is loaded is told to whoever calls; a process that ends under a call is `Runtime.ExitError`. Step
Functions takes `errorType` as the error's name and the whole answer as its cause; a call that
Lambda itself turns away is `Lambda.TooManyRequestsException`. Retry and Catch go by these names.
Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
Emulator: every exception is `Runtime.HandlerError`, its class and its stack are lost, and the
process is ended; a call that is turned away is `Lambda.Unknown`.
"""

import json
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, stepfunctions

# As the result of an invocation: what no function of ours gives.
FAILED = "playground.local.gaps.error_names"

_HANDLER_FAILED = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_SAY_FAILED = '{"status": "ok", "result": {"FAILED": _failure(e, _ms_ctx)}}'
_NOT_LOADED = """\
        _real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")
        _real_stdout.flush()
        return
"""
# Told to whoever calls. The emulator ends the process after an error, and loads anew for the next.
_SAY_NOT_LOADED = """\
        _real_stdout.write(json.dumps({"status": "ready", "cold": True}) + "\\n")
        _real_stdout.flush()
        _ctx = json.loads(sys.stdin.readline()).get("ctx") or {}
        _failed = _failure(e, _ctx)
        if isinstance(e, ImportError):
            _failed["errorType"] = "Runtime.ImportModuleError"
            _failed["errorMessage"] = "Unable to import module '%s': %s" % (module_name, e)
        _text = json.dumps({"FAILED": _failed})
        _real_stdout.write(json.dumps({"status": "error", "error": _text, "trace": ""}) + "\\n")
        _real_stdout.flush()
        sys.stdin.readline()
        return
"""
_FAILURE = '''
def _failure(error, ctx):
    """As the runtime of AWS words it. The first frame is the worker's own."""
    import traceback
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": ctx.get("request_id", ""),
        "stackTrace": traceback.format_list(frames),
    }
'''

Body = dict[str, Any]
# What the emulator says of a process that was killed, or has ended by itself.
DIED: Body = {"errorMessage": "Worker process died", "errorType": "Runtime.HandlerError"}


def fill() -> None:
    """Have the worker tell what failed, and both callers read it."""
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    for theirs, ours in ((_HANDLER_FAILED, _SAY_FAILED), (_NOT_LOADED, _SAY_NOT_LOADED)):
        if script.count(theirs) != 1:
            raise RuntimeError(f"the emulator's worker has changed, see {__name__}: {theirs}")
        script = script.replace(theirs, ours.replace("FAILED", FAILED))
    lambda_runtime._PYTHON_WORKER_SCRIPT = _FAILURE + script
    lambda_svc._execute_function_warm = _named(lambda_svc._execute_function_warm)
    stepfunctions._call_lambda = _told_when_throttled(stepfunctions._call_lambda)


def _named(execute: Callable[..., Body]) -> Callable[..., Body]:
    def executed(*arguments: Any) -> Body:
        result = execute(*arguments)
        if result.get("body") == DIED:
            result = {**result, "body": {**DIED, "errorType": "Runtime.ExitError"}}
        failure = _failure_in(result.get("body"))
        if failure is None:
            return result
        stack = "".join(["Traceback (most recent call last):\n", *failure["stackTrace"]])
        told = f"{stack}{failure['errorType']}: {failure['errorMessage']}"
        log = "" if result.get("error") else result.get("log", "")
        log = "\n".join(filter(None, [log, told]))
        return {**result, "body": failure, "error": True, "log": log}

    return executed


def _failure_in(body: Any) -> Body | None:
    """What the worker has said, of a handler or of a module that it could not load."""
    if isinstance(body, dict) and "errorMessage" in body:
        body = _json(str(body["errorMessage"]))
    return body[FAILED] if isinstance(body, dict) and body.keys() == {FAILED} else None


def _told_when_throttled(call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except stepfunctions._ExecutionError as error:
            cause = _json(error.cause)
            if error.error != "Lambda.Unknown" or cause.get("__type") != "TooManyRequestsException":
                raise
            name = f"Lambda.{cause['__type']}"
            raise stepfunctions._ExecutionError(name, cause["message"]) from None

    return called


def _json(text: str) -> Body:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
