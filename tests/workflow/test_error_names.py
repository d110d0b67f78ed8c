"""Errors of functions on the plain local cloud: Retry and Catch go by the names of their classes,
as on AWS.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from playground.home.paths import PROJECT
from tests.playground_cloud import Cloud, Execution, wait_for
from tests.workflow.faults import event_types

PROVISION = "ProvisionDeviceStateMachineArn"
RETRIES = yaml.safe_load((PROJECT / "statemachines" / "source" / "retries.yaml").read_text())


def _events(cloud: Cloud, arn: str) -> list[Mapping[str, Any]]:
    pages = (
        cloud.client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=arn)
    )
    return [event for page in pages for event in page["events"]]


def _failures(cloud: Cloud, arn: str) -> list[Mapping[str, Any]]:
    """What the attempts have failed with, in their order."""
    return [
        event["taskFailedEventDetails"]
        for event in _events(cloud, arn)
        if event["type"] == "TaskFailed"
    ]


def _entered(cloud: Cloud, arn: str) -> list[str]:
    found = (event.get("stateEnteredEventDetails", {}).get("name") for event in _events(cloud, arn))
    return [name for name in found if name]


@contextmanager
def _without(cloud: Cloud, function: str, action: str) -> Iterator[None]:
    """The function's role without the right to do something, as in the moments after a stack was
    made.
    """
    iam = cloud.client("iam")
    role = cloud.client("lambda").get_function_configuration(
        FunctionName=cloud.functions[function]
    )["Role"]
    name = role.rpartition("/")[2]
    denied = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=name, PolicyName="for-a-test", PolicyDocument=json.dumps(denied))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="for-a-test")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("CreateThing", "iot:CreateThing"),
        # One whose state waits for the device: it ends with its function, and is tried again.
        ("RecordStatus", "dynamodb:UpdateItem"),
    ],
)
def test_a_retry_is_taken_by_the_name_of_the_error(cloud: Cloud, state: str, action: str) -> None:
    # given a function that fails by a name of ours
    with _without(cloud, f"{state}Function", action):
        arn = cloud.start(PROVISION, {"deviceType": "bulb"})
        wait_for("a failed attempt", lambda: "TaskFailed" in event_types(cloud, arn))
    # when it may go on
    made = cloud.finished(arn)
    # then the Retry of that name was taken: until it came through or, where the pauses drawn were
    # shorter than this test is, as often as it may be
    failures, most = _failures(cloud, arn), RETRIES["access-refused"]["MaxAttempts"]
    assert {failure["error"] for failure in failures} == {"AccessRefused"}
    assert made.status == "SUCCEEDED" or len(failures) == 1 + most, made
    said = json.loads(failures[0]["cause"])
    assert said.keys() == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert _entered(cloud, arn).count(state) == 1
    # finally
    if made.status == "SUCCEEDED":
        assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


def _refused(cloud: Cloud) -> Execution:
    return cloud.provision({"deviceType": "toaster"})


def _restarted(cloud: Cloud) -> Execution:
    return cloud.execute("RestartDeviceStateMachineArn", {"thingName": "no spaces"})


def _confined(cloud: Cloud) -> Execution:
    return cloud.execute("QuarantineDeviceStateMachineArn", {"thingName": "lamp"})


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("act", "undoing"),
    [(_refused, "CleanUp"), (_restarted, "UndoRestart"), (_confined, "UndoQuarantine")],
)
def test_invalid_input_goes_straight_to_the_end(
    cloud: Cloud, act: Callable[[Cloud], Execution], undoing: str
) -> None:
    # when
    failed = act(cloud)
    # then
    assert (failed.status, failed.error) == ("FAILED", "InvalidInput")
    assert undoing not in _entered(cloud, failed.arn)
    assert len(_failures(cloud, failed.arn)) == 1


@pytest.mark.usefixtures("nothing_left")
def test_who_calls_a_function_is_told_the_class(cloud: Cloud) -> None:
    # when
    asked = {"action": "link", "thingName": "nobody", "target": "nobody-else"}
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.home.output("LinkDevicesFunctionName"), Payload=json.dumps(asked)
    )
    # then
    said = json.loads(answer["Payload"].read())
    assert (answer["FunctionError"], said["errorType"]) == ("Unhandled", "ThingNotFound")
    assert said["errorMessage"] == "thingName: the catalog knows no device nobody"
