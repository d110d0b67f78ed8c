"""The restart workflow, every state failing in turn: the device is back, or given up with nothing
left over.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.census import census
from tests.mocks import FOR_GOOD, definition, identity_for, task_states
from tests.playground_cloud import Cloud, wait_for
from tests.workflow.faults import event_types, throttled

pytestmark = pytest.mark.thorough

MACHINE = "RestartDeviceStateMachineArn"
# A device with a task of its own does not come by TakeTurn: test_second_interpreter.py and
# tests/e2e/test_hosts.py have those on hosts.
STATES = [
    name
    for name in task_states(definition("restart_device")["States"])
    if name not in ("ClaimRestart", "TakeTurn", "UndoRestart", "GiveUp")
]
THROTTLED = ["ClaimRestart", *STATES]
# What a restart in vain may take away: the task, and the config, which only a starting device
# needs.
PASSING = ("tasks", "objects")


@pytest.fixture
def device(
    request: pytest.FixtureRequest, cloud: Cloud, nothing_left: None
) -> Iterator[Mapping[str, Any]]:
    """A device that is online; removed afterwards. It makes its own key where the test's state is
    only for such.
    """
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    made = cloud.provision(identity_for(parameters.get("state", "")))
    assert made.status == "SUCCEEDED", made
    yield made.output
    assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


def lasting(cloud: Cloud) -> Mapping[str, frozenset[str]]:
    return {name: there for name, there in census(cloud).items() if name not in PASSING}


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_fails_for_good_ends_in_giving_up(
    cloud: Cloud, device: Mapping[str, Any], state: str
) -> None:
    # given
    thing, before = device["thingName"], lasting(cloud)
    # when
    end = cloud.execute(MACHINE, {"thingName": thing}, case=f"{state}Fails")
    # then
    assert (end.status, end.error) == ("FAILED", "DeviceGivenUp")
    assert end.cause == (
        "failed after 3 restarts in a row; restart failed: Injected.Fault: injected for good"
    )
    assert lasting(cloud) == before
    row = cloud.row(thing)
    assert (row["status"], row["certificate_id"]) == ("FAILED", device["certificateId"])
    assert not row.keys() & {
        "restarting",
        "next_certificate_id",
        "task_token",
        "identity_pending",
        "task_arn",
    }
    tasks = cloud.client("ecs").list_tasks(cluster=device["clusterArn"])["taskArns"]
    running = (
        cloud.client("ecs").describe_tasks(cluster=device["clusterArn"], tasks=tasks)["tasks"]
        if tasks
        else []
    )
    assert device["taskArn"] not in [
        task["taskArn"] for task in running if task["lastStatus"] == "RUNNING"
    ]


def test_a_device_that_never_connects_is_given_up(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # when
    end = cloud.execute(MACHINE, {"thingName": device["thingName"]}, case="DeviceNeverConnects")
    # then
    assert (end.status, end.error) == ("FAILED", "DeviceGivenUp")
    assert "States.Timeout" in end.cause


def test_a_device_that_is_stopped_is_left_without_a_task(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # when
    end = cloud.execute(MACHINE, {"thingName": device["thingName"], "stop": True})
    # then
    assert end.output == {"thingName": device["thingName"], "status": "STOPPED", "result": "OK"}
    row = cloud.row(device["thingName"])
    assert (row["status"], row["certificate_id"]) == ("STOPPED", device["certificateId"])


def test_a_claim_that_fails_leaves_the_device_alone(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # given
    before = cloud.row(device["thingName"])
    # when
    end = cloud.execute(MACHINE, {"thingName": device["thingName"]}, case="ClaimRestartFails")
    # then
    assert (end.status, end.error) == ("FAILED", FOR_GOOD)
    # The rule on executions that ended writes that, for whatever of it comes late.
    wait_for("the mark of the execution", lambda: "undone" in cloud.row(device["thingName"]))
    after = dict(cloud.row(device["thingName"]))
    assert after.pop("undone") == [end.arn]
    assert after == before


@pytest.mark.parametrize("state", THROTTLED)
def test_a_state_that_is_throttled_is_tried_again(
    cloud: Cloud, device: Mapping[str, Any], state: str
) -> None:
    # given
    thing = device["thingName"]
    with throttled(cloud, f"{state}Function"):
        execution = cloud.start(MACHINE, {"thingName": thing})
        wait_for(
            f"a failed attempt of {state}", lambda: "TaskFailed" in event_types(cloud, execution)
        )
    # when the function may run again
    end = cloud.finished(execution)
    # then
    assert end.status == "SUCCEEDED", end
    row = cloud.row(thing)
    assert (row["status"], row["certificate_id"]) == ("ONLINE", end.output["certificateId"])
    assert row["certificate_id"] != device["certificateId"]


def test_an_undoing_that_fails_gets_another_chance(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # given
    thing, before = device["thingName"], lasting(cloud)
    # when
    end = cloud.execute(MACHINE, {"thingName": thing}, case="UndoFailsToo")
    # then: the rule on executions that have failed undoes it
    assert (end.status, end.error) == ("FAILED", FOR_GOOD)
    wait_for("the device to be let go", lambda: "restarting" not in cloud.row(thing))
    assert cloud.row(thing)["status_reason"] == "restart failed: FAILED"
    assert lasting(cloud) == before


def test_an_execution_that_is_aborted_is_undone(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # given: one that waits for a device that cannot come
    thing, before = device["thingName"], lasting(cloud)
    with throttled(cloud, "PresenceFunction"):
        execution = cloud.start(MACHINE, {"thingName": thing})
        wait_for("the token", lambda: "task_token" in cloud.row(thing))
        # when
        cloud.client("stepfunctions").stop_execution(executionArn=execution)
        # then
        wait_for("the device to be let go", lambda: "restarting" not in cloud.row(thing))
    assert lasting(cloud) == before
    assert cloud.row(thing)["status_reason"] == "restart failed: ABORTED"


@pytest.mark.parametrize(
    ("message", "given"),
    [
        ("thingName: there is no device nobody", {"thingName": "nobody"}),
        ("input: must be", "lamp"),
        ("force: is not a field", {"thingName": "a", "force": True}),
        ("thingName: must match", {"thingName": "no spaces"}),
        ("thingName: must match", {}),
        ("stoppedTask: must be", {"thingName": "a", "stoppedTask": 7}),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_bad_input_is_refused_by_its_field(cloud: Cloud, message: str, given: object) -> None:
    # when
    failed = cloud.execute(MACHINE, given)
    # then
    assert failed.status == "FAILED"
    assert json.loads(failed.cause)["errorMessage"].startswith(message)
