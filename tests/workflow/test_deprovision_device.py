"""The deprovisioning workflow: it ends with nothing left, however often it is tried."""

import json

import pytest

from tests.mocks import FOR_GOOD
from tests.playground_cloud import Cloud, wait_for
from tests.workflow.faults import event_types, throttled


@pytest.mark.usefixtures("nothing_left")
def test_deprovisioning_can_be_repeated(cloud: Cloud) -> None:
    # given
    cloud.provision({"thingName": "twice"})
    # when
    ends = [cloud.deprovision("twice") for _ in range(2)]
    # then
    assert [end.status for end in ends] == ["SUCCEEDED", "SUCCEEDED"]
    assert ends[1].output == {"thingName": "twice", "status": "TERMINATED", "result": "OK"}


@pytest.mark.usefixtures("nothing_left")
def test_a_function_that_is_throttled_is_tried_again(cloud: Cloud) -> None:
    # given
    cloud.provision({"thingName": "throttled"})
    with throttled(cloud, "CleanUpFunction"):
        execution = cloud.start("DeprovisionDeviceStateMachineArn", {"thingName": "throttled"})
        wait_for(
            "a failed attempt of CleanUp", lambda: "TaskFailed" in event_types(cloud, execution)
        )
    # when the function may run again
    end = cloud.finished(execution)
    # then
    assert end.status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left")
def test_a_failed_deprovisioning_loses_nothing_and_can_be_repeated(cloud: Cloud) -> None:
    # given
    cloud.provision({"thingName": "stubborn"})
    # when
    end = cloud.execute(
        "DeprovisionDeviceStateMachineArn", {"thingName": "stubborn"}, case="CleanUpFails"
    )
    # then
    assert (end.status, end.error) == ("FAILED", FOR_GOOD)
    assert cloud.row("stubborn")["status"] == "ONLINE"
    assert cloud.deprovision("stubborn").status == "SUCCEEDED"


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_a_name_can_be_used_again(cloud: Cloud) -> None:
    # given
    first = cloud.provision({"thingName": "phoenix"})
    cloud.deprovision("phoenix")
    # when
    second = cloud.provision({"thingName": "phoenix", "deviceType": "switch"})
    # then
    assert second.status == "SUCCEEDED"
    assert second.output["certificateId"] != first.output["certificateId"]
    assert cloud.row("phoenix")["device_type"] == "switch"
    # finally
    cloud.deprovision("phoenix")


@pytest.mark.parametrize(
    ("message", "given"),
    [
        ("thingName: the catalog knows no device nobody", {"thingName": "nobody"}),
        ("input: must be", {}),
        ("input: must be", {"thingName": "a", "force": True}),
        ("thingName: must match", {"thingName": "no spaces"}),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_bad_input_is_refused_by_its_field(cloud: Cloud, message: str, given: object) -> None:
    # when
    failed = cloud.execute("DeprovisionDeviceStateMachineArn", given)
    # then
    assert failed.status == "FAILED"
    assert json.loads(failed.cause)["errorMessage"].startswith(message)
