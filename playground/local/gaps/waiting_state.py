"""A state that waits for its task token ends when its function fails.

AWS: a `.waitForTaskToken` state whose call fails ends with that error at once, and goes by its
Retry and Catch; an answer that has come before the failure stands.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
Emulator: forgets the error and waits for the token until the state's time is over.
"""

import threading
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

# Which token the state of this thread waits for, while its function runs.
_waiting = threading.local()


def fill() -> None:
    """Answer the token with the error of the function that was to pass it on."""
    stepfunctions._invoke_with_callback = _with_token(stepfunctions._invoke_with_callback)
    stepfunctions._call_lambda = _answering(stepfunctions._call_lambda)


def _with_token(invoke: Callable[..., Any]) -> Callable[..., Any]:
    def invoked(resource: str, given: Any, token: str, state: Any) -> Any:
        _waiting.token = token
        try:
            return invoke(resource, given, token, state)
        finally:
            _waiting.token = None

    return invoked


def _answering(call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        token = getattr(_waiting, "token", None)
        try:
            return call(*arguments)
        except stepfunctions._ExecutionError as error:
            answer = stepfunctions._task_tokens.get(token) if token else None
            if answer is not None and not answer["event"].is_set():
                answer["error"] = {"Error": error.error, "Cause": error.cause}
                answer["event"].set()
            raise

    return called
