"""The states of the workflows: how long they wait, what they try again and catch, which functions
they call.
"""

import json
import re
from inspect import isclass
from typing import Any

import pytest

from common import errors
from tests.unit.template import (
    FUNCTIONS,
    RESOURCES,
    ROOT,
    TASKS,
    TEMPLATE,
    WORKFLOWS,
    list_of,
    statements_of,
)

NESTED = "arn:aws:states:::states:startExecution.sync:2"


@pytest.mark.parametrize("state", TASKS)
def test_a_task_waits_longer_than_its_function_runs(state: dict[str, Any]) -> None:
    # given
    if state["Resource"] == NESTED:
        assert state["TimeoutSeconds"] > 300  # what a restart may wait for its device
        return
    arn = state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
    runs = FUNCTIONS[arn].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    # then
    assert state["TimeoutSeconds"] > runs


@pytest.mark.parametrize("state", TASKS)
def test_a_task_retries_with_full_jitter_or_not_at_all(state: dict[str, Any]) -> None:
    assert any(retrier.get("MaxAttempts") != 0 for retrier in state["Retry"])
    for retrier in state["Retry"]:
        assert retrier.get("MaxAttempts") == 0 or retrier["JitterStrategy"] == "FULL"


@pytest.mark.parametrize("state", TASKS)
def test_a_task_catches_everything_in_the_end(state: dict[str, Any]) -> None:
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("state", TASKS)
def test_errors_are_routed_by_names_that_exist(state: dict[str, Any]) -> None:
    ours = {name for name, value in vars(errors).items() if isclass(value)}
    aws = {"ResourceNotFoundException", "IdempotencyAlreadyInProgressError", "Runtime.ExitError"}
    for rule in [*state["Retry"], *state["Catch"]]:
        for name in rule["ErrorEquals"]:
            assert (
                name.startswith(("States.", "Lambda.", "Sandbox.", "StepFunctions."))
                or name in ours | aws
            ), name


@pytest.mark.parametrize("state", TASKS)
def test_bad_input_is_not_tried_again(state: dict[str, Any]) -> None:
    for retrier in state["Retry"]:
        if {"InvalidInput", "ThingNotFound", "ThingExists"} & set(retrier["ErrorEquals"]):
            assert retrier["MaxAttempts"] == 0


def test_the_certificate_of_a_device_that_is_there_gets_its_policies_by_the_row() -> None:
    """Without that a device in quarantine would come back from a restart with the device policy."""
    definitions = (ROOT / "statemachines").glob("*.asl.yaml")
    using = {path.name for path in definitions if "AttachPolicyFunctionArn" in path.read_text()}
    assert using == {"provision_device.asl.yaml", "restart_device.asl.yaml"}
    assert (
        WORKFLOWS["restart_device.asl.yaml"]["States"]["AttachPolicy"]["Parameters"]["Payload"][
            "existing"
        ]
        is True
    )


OF_THE_STACK = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"


@pytest.mark.parametrize("file", WORKFLOWS)
def test_a_workflow_is_given_the_functions_that_it_calls_and_may_call_them(file: str) -> None:
    # given
    properties = next(
        resource["Properties"]
        for resource in RESOURCES.values()
        if file in json.dumps(resource.get("Properties", {}))
    )
    text = (ROOT / "statemachines" / file).read_text()
    called = set(re.findall(r"\$\{(\w+)Arn\}", text))
    allowed = {
        resource["Fn::GetAtt"].partition(".")[0]
        for statement in statements_of(properties)
        if statement["Action"] == "lambda:InvokeFunction"
        for resource in list_of(statement["Resource"])
    }
    started = [
        resource
        for statement in statements_of(properties)
        if statement["Action"] == "states:StartExecution"
        for resource in list_of(statement["Resource"])
    ]
    begun = {resource["Ref"] for resource in started if "Ref" in resource}
    # then
    assert called == allowed | begun
    substituted = {
        f"{name}Arn": {"Ref": name} if name in begun else {"Fn::GetAtt": f"{name}.Arn"}
        for name in called
    }
    if "${ConfigBucket}" in text:
        substituted["ConfigBucket"] = {"Ref": "ConfigBucket"}
    assert properties["DefinitionSubstitutions"] == substituted
    # and the items of a Distributed Map are executions of the workflow's own
    own = [resource["Fn::Sub"] for resource in started if "Fn::Sub" in resource]
    name = properties["Name"]["Fn::Sub"]
    assert own == ([OF_THE_STACK + name] if "Mode: DISTRIBUTED" in text else [])
