"""The workers that the first device needs are there before it.

AWS: "Lambda occasionally pre-initializes execution environments to reduce the number of cold start
invocations."
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
Emulator: a worker is started by the first invocation, so seven starts stand between `playground up`
and the first device. Where a worker is a copy (see `worker_forks`) it takes a tenth of a second of
CPU to have it ready: `up` asks for those of `playground create` with `POST /_playground/warm`, and
goes on while they are made. Elsewhere they would cost as much as they spare, and nothing happens.
Runs in the emulator's process, behind its guard.
"""

import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from playground.home.state import REGION, STACK_VARIABLE
from playground.local.keeper import PATH
from playground.local.worker_forks import WorkerForks

Application = Callable[[Any, Any, Any], Awaitable[None]]

WARM = f"{PATH}warm"
FIRST = (
    "CreateThing",
    "TakeTurn",
    "CreateCertificate",
    "WriteConfig",
    "AttachPolicy",
    "StartTask",
    "RecordStatus",
    "Presence",
    "Detect",
)
"""What runs for a new device, in this order."""

log = logging.getLogger("workers")


def warming(application: Application, warm: Callable[[], None]) -> Application:
    """The application, which calls `warm` in a thread of its own when it is asked to."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("POST", WARM):
            await application(scope, receive, send)
            return
        threading.Thread(target=warm, daemon=True, name="warming").start()
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return serve


def warm(account: str, forks: WorkerForks) -> None:
    """Have a worker of each function of a new device, one after the other."""
    if not forks.possible:
        return
    from ministack.core import responses  # noqa: PLC0415 - not in the tests' environment
    from ministack.services import lambda_svc  # noqa: PLC0415

    responses.set_request_account_id(account)
    responses.set_request_region(REGION)
    with forks.expecting_more():
        for name in chosen(list(lambda_svc._functions), os.environ[STACK_VARIABLE]):
            try:
                _have_one(lambda_svc._functions[name])
            except Exception as error:  # noqa: BLE001 - its first invocation tells whoever calls
                log.warning("no worker of %s was started ahead: %s", name, error)


def chosen(names: Iterable[str], stack: str) -> list[str]:
    """Of these functions, the ones of FIRST, as CloudFormation has named them for the stack."""
    found = {name.removeprefix(f"{stack}-").partition("Function-")[0]: name for name in names}
    return [found[first] for first in FIRST if first in found]


def _have_one(function: Any) -> None:
    from ministack.core import lambda_runtime  # noqa: PLC0415 - not in the tests' environment

    config = function["config"]
    key = lambda_runtime._worker_key(config["FunctionName"], config, config["Version"])
    if lambda_runtime._workers.get(key):
        return
    worker, _ = lambda_runtime.acquire_worker(
        config["FunctionName"], config, function["code_zip"], qualifier=config["Version"]
    )
    try:
        lambda_runtime.ensure_spawned(worker)
    finally:
        lambda_runtime.release_worker(worker)
