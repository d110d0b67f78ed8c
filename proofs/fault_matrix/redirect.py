"""Puts the stack's functions behind the proxy, from outside: nothing of the product knows of it."""

import io
import json
import math
import urllib.request
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from proofs.fault_matrix.marks import HANDLER, IDLE, PATIENCE, PAUSES, STATE
from proofs.fault_matrix.proxy import FaultProxy
from tests.playground_cloud import Cloud

MARKS, MODULE = Path(__file__).with_name("marks.py"), "fault_matrix_marks"


def redirect(
    cloud: Cloud, proxy: FaultProxy, variables: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Have every function of the stack call AWS through the proxy, each call with its mark.

    `variables` are more of them for the environment of each.
    """
    for logical_id, name in cloud.functions.items():
        state = logical_id.removesuffix("Function")
        _redirect(cloud, name, {**variables, "AWS_ENDPOINT_URL": proxy.url, STATE: state})


def unlimited(cloud: Cloud) -> None:
    """Let as many invocations run at a time as come: cells wait inside functions, which must not
    hold up others.
    """
    for name in cloud.functions.values():
        cloud.client("lambda").delete_function_concurrency(FunctionName=name)


def shorten_pauses(cloud: Cloud, states_of: Collection[str], scale: float) -> None:
    """Have these states' functions pause as much shorter before the SDK repeats a call."""
    functions = cloud.client("lambda")
    for state in states_of:
        _give(functions, cloud.functions[f"{state}Function"], {PAUSES: str(scale)})


def shorten_patience(cloud: Cloud, states_of: Collection[str], seconds: int) -> None:
    """Have these states wait no longer for what a device does before it has its certificate."""
    functions = cloud.client("lambda")
    for state in states_of:
        _give(functions, cloud.functions[f"{state}Function"], {PATIENCE: str(seconds)})


def a_host_for_each(cloud: Cloud, scale: float, idle_seconds: int) -> None:
    """Have every device with a seat be on a host of its own, so that what happens to it concerns no
    other cell, and each host be told by itself, and be removed soon after its device.

    `scale`: by how much the time is shorter after which the queue gives out again what a function
    has not done.
    """
    functions, sqs = cloud.client("lambda"), cloud.client("sqs")
    _give(functions, cloud.functions["StartTaskFunction"], {"HOST_CAPACITY": "1"})
    telling = cloud.functions["TellHostsFunction"]
    queue = _give(functions, telling, {IDLE: str(idle_seconds)})["HOSTS_QUEUE_URL"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    hidden = round(int(found["Attributes"]["VisibilityTimeout"]) * scale)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(hidden)})
    (mapping,) = functions.list_event_source_mappings(FunctionName=telling)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=1)


def _give(functions: Any, name: str, more: Mapping[str, str]) -> Mapping[str, str]:
    """More variables for a function's environment; gives all."""
    found = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables: Mapping[str, str] = {**found, **more}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    return variables


def fit_to_short_waits(cloud: Cloud, wait_scale: float, limit_scale: float) -> None:
    """Make the workflows' times fit to SFN_WAIT_SCALE, which shortens all pauses and no time limit.

    The limit of a state that waits for a device is shortened. The pauses of a retry that waits for
    a time to be over, that of a function that was killed, get back their length.
    """
    sfn = cloud.client("stepfunctions")
    pages = sfn.get_paginator("list_state_machines").paginate()
    for machine in (item for page in pages for item in page["stateMachines"]):
        arn = machine["stateMachineArn"]
        definition = json.loads(sfn.describe_state_machine(stateMachineArn=arn)["definition"])
        for _, state in states(definition):
            if "waitForTaskToken" in state.get("Resource", ""):
                state["TimeoutSeconds"] = max(1, round(state["TimeoutSeconds"] * limit_scale))
            for retrier in state.get("Retry", []):
                if "IdempotencyAlreadyInProgressError" in retrier["ErrorEquals"]:
                    _lengthen(retrier, 1 / wait_scale)
        sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All states with their names, those in branches too."""
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", []):
            yield from states(branch)


def _lengthen(retrier: dict[str, Any], factor: float) -> None:
    """As many attempts as fill the same time: before they are scaled, the emulator's pauses last 60
    s at the most.
    """
    pauses = [
        retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n
        for n in range(retrier["MaxAttempts"])
    ]
    whole = sum(min(pause, retrier["MaxDelaySeconds"]) for pause in pauses)
    retrier |= {
        "IntervalSeconds": 60,
        "BackoffRate": 1.0,
        "MaxAttempts": math.ceil(whole * factor / 60),
    }
    del retrier["MaxDelaySeconds"]


def _redirect(cloud: Cloud, name: str, more: Mapping[str, str]) -> None:
    functions = cloud.client("lambda")
    function = functions.get_function(FunctionName=name)
    with urllib.request.urlopen(function["Code"]["Location"]) as answer:  # noqa: S310 - the emulator's own URL
        package = answer.read()
    functions.update_function_code(FunctionName=name, ZipFile=_with_marks(package))
    found = function["Configuration"]
    variables: dict[str, Any] = found["Environment"]["Variables"] | {HANDLER: found["Handler"]}
    functions.update_function_configuration(
        FunctionName=name,
        Handler=f"{MODULE}.handler",
        Environment={"Variables": {**variables, **more}},
    )


def _with_marks(package: bytes) -> bytes:
    """The deployed package with what marks the function's calls."""
    result = io.BytesIO(package)
    with zipfile.ZipFile(result, "a") as archive:
        archive.write(MARKS, f"{MODULE}.py")
    return result.getvalue()
