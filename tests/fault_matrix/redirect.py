"""Puts the stack's functions behind the proxy, from outside: nothing of the product knows of it."""

import io
import json
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from playground.paths import Paths
from tests.fault_matrix.custom_runtime import STATE
from tests.fault_matrix.proxy import FaultProxy
from tests.playground_cloud import Cloud

LOOP = Path(__file__).with_name("custom_runtime.py")


def redirect(cloud: Cloud, proxy: FaultProxy) -> None:
    """Have every function of the stack call AWS through the proxy, and tell its errors by their class names."""
    for logical_id, name in cloud.functions.items():
        _redirect(cloud, proxy, logical_id.removesuffix("Function"), name)


def shorten_waits(cloud: Cloud, scale: float) -> None:
    """Shorten the time limits of states that wait for a device. SFN_WAIT_SCALE shortens pauses, but no limits."""
    sfn = cloud.client("stepfunctions")
    for machine in (
        item for page in sfn.get_paginator("list_state_machines").paginate() for item in page["stateMachines"]
    ):
        arn = machine["stateMachineArn"]
        definition = json.loads(sfn.describe_state_machine(stateMachineArn=arn)["definition"])
        waiting = [state for state in definition["States"].values() if "waitForTaskToken" in state.get("Resource", "")]
        for state in waiting:
            state["TimeoutSeconds"] = max(1, round(state["TimeoutSeconds"] * scale))
        if waiting:
            sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))


def _redirect(cloud: Cloud, proxy: FaultProxy, state: str, name: str) -> None:
    functions = cloud.client("lambda")
    function = functions.get_function(FunctionName=name)
    with urllib.request.urlopen(function["Code"]["Location"]) as answer:  # noqa: S310 - the emulator's own URL
        package = answer.read()
    # Cells wait inside functions; that must not keep other cells from running.
    functions.delete_function_concurrency(FunctionName=name)
    functions.update_function_code(FunctionName=name, ZipFile=_with_loop(package))
    variables: dict[str, Any] = function["Configuration"]["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name,
        Runtime="provided.al2023",
        Environment={"Variables": {**variables, "AWS_ENDPOINT_URL": proxy.url, STATE: state}},
    )


def _with_loop(package: bytes) -> bytes:
    """The deployed package with a `bootstrap`, which is what a custom runtime starts."""
    python = Paths().tool("emulator", "python")
    result = io.BytesIO(package)
    with zipfile.ZipFile(result, "a") as archive:
        archive.write(LOOP, "fault_matrix_runtime.py")
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, f'#!/bin/sh\nexec "{python}" fault_matrix_runtime.py\n')
    return result.getvalue()
