"""The provisioning workflow, every state failing in turn: afterwards a whole device, or nothing at
all.
"""

import json

import pytest

from tests.mocks import FOR_GOOD, definition, identity_for, task_states
from tests.playground_cloud import Cloud, wait_for
from tests.workflow.faults import event_types, throttled

STATES = [
    name for name in task_states(definition("provision_device")["States"]) if name != "CleanUp"
]
CONTRACT = {
    "thingName",
    "deviceType",
    "endpoint",
    "taskArn",
    "clusterArn",
    "certificateId",
    "configUri",
    "status",
    "result",
}


def _is_whole(cloud: Cloud, thing_name: str) -> bool:
    row = cloud.row(thing_name)
    shadow = cloud.shadow(thing_name)
    return row["status"] == "ONLINE" and "task_token" not in row and shadow["desired"]["time"] == 60


@pytest.mark.usefixtures("nothing_left")
def test_provisions_a_device_that_the_input_does_not_name(cloud: Cloud) -> None:
    # when
    made = cloud.provision({})
    # then
    assert made.status == "SUCCEEDED"
    assert set(made.output) == CONTRACT
    assert (made.output["deviceType"], made.output["status"], made.output["result"]) == (
        "generic",
        "ONLINE",
        "OK",
    )
    name = made.output["thingName"]
    assert name.startswith("dev-")
    assert _is_whole(cloud, name)
    # finally
    assert cloud.deprovision(name).status == "SUCCEEDED"
    assert cloud.row(name)["status"] == "TERMINATED"


# AwaitOwner calls the function of RecordStatus, for a device that nobody here connects.
@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("state", [state for state in STATES if state != "AwaitOwner"])
def test_a_state_that_is_throttled_is_tried_again(cloud: Cloud, state: str) -> None:
    # given
    with throttled(cloud, f"{state}Function"):
        execution = cloud.start(
            "ProvisionDeviceStateMachineArn", {"deviceType": "bulb", **identity_for(state)}
        )
        wait_for(
            f"a failed attempt of {state}", lambda: "TaskFailed" in event_types(cloud, execution)
        )
    # when the function may run again
    made = cloud.finished(execution)
    # then
    assert made.status == "SUCCEEDED", made
    assert _is_whole(cloud, made.output["thingName"])
    # finally
    assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("state", STATES)
def test_a_state_that_fails_for_good_is_compensated(cloud: Cloud, state: str) -> None:
    # given
    name = f"fails-{state}"
    # when
    failed = cloud.provision({"thingName": name, **identity_for(state)}, case=f"{state}Fails")
    # then
    assert (failed.status, failed.error, failed.cause) == ("FAILED", FOR_GOOD, "injected for good")
    assert cloud.row(name).get("status", "FAILED") == "FAILED"


@pytest.mark.usefixtures("nothing_left")
def test_a_device_that_never_connects_is_undone(cloud: Cloud) -> None:
    # when
    failed = cloud.provision({"thingName": "never-connects"}, case="DeviceNeverConnects")
    # then
    assert (failed.status, failed.error) == ("FAILED", "StepFailed")
    assert failed.cause == "States.Timeout: no device"
    assert cloud.row("never-connects")["status"] == "FAILED"


@pytest.mark.usefixtures("nothing_left")
def test_clean_up_that_is_throttled_is_tried_again(cloud: Cloud) -> None:
    # given
    with throttled(cloud, "CleanUpFunction"):
        execution = cloud.start(
            "ProvisionDeviceStateMachineArn",
            {"thingName": "cleanup-throttled"},
            case="StartTaskFails",
        )
        wait_for(
            "a failed attempt of CleanUp",
            lambda: event_types(cloud, execution).count("TaskFailed") > 1,
        )
    # when the function may run again
    failed = cloud.finished(execution)
    # then
    assert (failed.status, failed.error, failed.cause) == ("FAILED", FOR_GOOD, "injected for good")


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_clean_up_that_fails_for_good_is_said_and_can_be_finished_by_deprovisioning(
    cloud: Cloud,
) -> None:
    # when
    failed = cloud.provision({"thingName": "cleanup-never"}, case="CleanUpFails")
    # then: the first error, and that something was left
    assert (failed.status, failed.error) == ("FAILED", FOR_GOOD)
    assert "injected for good" in failed.cause
    assert "CleanUp failed" in failed.cause
    assert "cleaning up in vain" in failed.cause
    # finally
    assert cloud.deprovision("cleanup-never").status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left")
def test_refused_input_is_not_cleaned_up_after_where_errors_keep_their_names(cloud: Cloud) -> None:
    # when
    failed = cloud.provision({}, case="RefusedInFirstState")
    # then
    assert (failed.status, failed.error, failed.cause) == (
        "FAILED",
        "InvalidInput",
        "deviceType: injected",
    )
    history = cloud.client("stepfunctions").get_execution_history(executionArn=failed.arn)["events"]
    assert "CleanUp" not in json.dumps(history, default=str)


BAD_INPUT = [
    ("deviceType", {"deviceType": "toaster"}),
    ("thingName", {"thingName": "no spaces"}),
    ("thingName", {"thingName": ""}),
    ("thingName", {"thingName": "x" * 129}),
    ("thingName", {"thingName": "update"}),
    ("thingName", {"thingName": 7}),
    ("attributes", {"attributes": ["a"]}),
    ("attributes.room", {"attributes": {"room": 7}}),
    ("attributes.room", {"attributes": {"room": "a b"}}),
    ("attributes", {"attributes": {"execution": "mine"}}),
    ("attributes", {"attributes": {str(number): "x" for number in range(21)}}),
    ("identity", {"identity": "own"}),
    ("ttl", {"ttl": "90s"}),
    ("color", {"color": "red"}),
    ("input", ["bulb"]),
    ("input", "bulb"),
]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("field", "given"), BAD_INPUT, ids=lambda value: json.dumps(value)[:40])
def test_bad_input_is_refused_by_its_field_and_makes_nothing(
    cloud: Cloud, field: str, given: object
) -> None:
    # when
    failed = cloud.provision(given)
    # then
    assert (failed.status, failed.error) == ("FAILED", "InvalidInput")
    assert json.loads(failed.cause)["errorMessage"].startswith(f"{field}: ")


@pytest.mark.usefixtures("nothing_left")
def test_a_name_that_exists_is_refused_and_its_device_goes_on(cloud: Cloud) -> None:
    # given
    first = cloud.provision({"thingName": "taken", "deviceType": "bulb"})
    cloud.wait_until_reported("taken", time=60)
    before = cloud.row("taken"), cloud.shadow("taken")
    # when
    second = cloud.provision({"thingName": "taken"})
    # then
    assert (second.status, second.error) == ("FAILED", "ThingExists")
    assert "taken exists already" in second.cause
    assert (cloud.row("taken"), cloud.shadow("taken")) == before
    certificate = cloud.client("iot").describe_certificate(
        certificateId=first.output["certificateId"]
    )
    assert certificate["certificateDescription"]["status"] == "ACTIVE"
    # finally
    assert cloud.deprovision("taken").status == "SUCCEEDED"


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_a_thing_of_somebody_else_is_refused_and_not_touched(cloud: Cloud) -> None:
    # given
    iot = cloud.client("iot")
    iot.create_thing(thingName="not-ours", attributePayload={"attributes": {"owner": "somebody"}})
    # when
    failed = cloud.provision({"thingName": "not-ours"})
    # then
    assert (failed.status, failed.error) == ("FAILED", "ThingExists")
    assert "not-ours exists already" in failed.cause
    assert iot.describe_thing(thingName="not-ours")["attributes"] == {"owner": "somebody"}
    # finally
    iot.delete_thing(thingName="not-ours")
