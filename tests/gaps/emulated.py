"""Functions and workflows in the emulator's own modules, without a cloud around them."""

import io
import json
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ACCOUNT, REGION = "111122223333", "us-east-1"
NAME = "failing"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"


@contextmanager
def function(code: str, **config: Any) -> Iterator[dict[str, Any]]:
    """A function of this code, whose module is `failing`; its workers end with the block."""
    from ministack.core import lambda_runtime
    from ministack.core.responses import set_request_account_id
    from ministack.services import lambda_svc

    set_request_account_id(ACCOUNT)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(f"{NAME}.py", code)
    made = {
        "config": {
            "FunctionName": NAME,
            "FunctionArn": ARN,
            "Runtime": "python3.11",
            "Handler": f"{NAME}.handler",
            "Timeout": 20,
            "MemorySize": 128,
            "Version": "$LATEST",
            **config,
        },
        "code_zip": package.getvalue(),
    }
    lambda_svc._functions[NAME] = made
    with _processes() as started:
        try:
            yield made
        finally:
            lambda_runtime.reset()
            for process in started:
                if process.stdout is not None:
                    process.communicate(timeout=10)


@contextmanager
def _processes() -> Iterator[list["subprocess.Popen[str]"]]:
    """Those that are started in the block: the emulator leaves open what it has read them by."""
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            started.append(self)

    before, subprocess.Popen = subprocess.Popen, Noted  # type: ignore[misc]
    try:
        yield started
    finally:
        subprocess.Popen = before  # type: ignore[misc]


def invoked(made: Mapping[str, Any], event: Any = None) -> dict[str, Any]:
    """What the emulator makes of an invocation."""
    from ministack.services import lambda_svc

    result: dict[str, Any] = lambda_svc._execute_function(made, event)
    return result


def state_of(made: Mapping[str, Any], *, waits: bool = False, **more: Any) -> dict[str, Any]:
    """A state that calls the function, with its time limit."""
    resource = "arn:aws:states:::lambda:invoke" + (".waitForTaskToken" if waits else "")
    payload = {"taskToken.$": "$$.Task.Token"} if waits else {}
    return {
        "Type": "Task",
        "Resource": resource,
        "Parameters": {"FunctionName": made["config"]["FunctionArn"], "Payload": payload},
        "TimeoutSeconds": 20,
        "End": True,
        **more,
    }


def run(state: Mapping[str, Any]) -> tuple[Any, str | None]:
    """The data after the state, and the next state's name; raises the emulator's error."""
    from ministack.services import stepfunctions

    execution = {
        "executionArn": "arn",
        "status": "RUNNING",
        "events": [],
        "_lock": threading.Lock(),
    }
    context = {"State": {"Name": "it"}, "StateMachine": {"Name": "machine"}}
    found: tuple[Any, str | None] = stepfunctions._execute_task(state, {}, execution, context)
    return found


def cause_of(caught: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a Catch has put into the data, as the function said it."""
    cause: Mapping[str, Any] = json.loads(caught["Cause"])
    return cause
