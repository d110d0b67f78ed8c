"""Whatever ends an execution, and whoever else is at the same device: a whole device, or
nothing.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.census import census
from tests.playground_cloud import Cloud, wait_for

pytestmark = pytest.mark.thorough

PROVISION = "ProvisionDeviceStateMachineArn"
DEPROVISION = "DeprovisionDeviceStateMachineArn"


@pytest.fixture
def nothing_left_in_the_end(cloud: Cloud) -> Iterator[None]:
    """Fails a test whose leavings the sweep does not find either."""
    before = census(cloud)
    yield

    def clean() -> bool:
        sweep(cloud)
        return census(cloud) == before

    wait_for("nothing to be left", clean)


def sweep(cloud: Cloud, **request: Any) -> list[dict[str, str]]:
    """The sweep, sparing nothing for its youth; gives the findings."""
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.functions["SweepFunction"],
        Payload=json.dumps({"olderThanSeconds": 0, **request}),
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    findings: list[dict[str, str]] = said["findings"]
    return findings


@pytest.mark.usefixtures("nothing_left_in_the_end")
@pytest.mark.parametrize(
    "written", ["thing_name", "certificate_id", "identity_pending", "task_arn"]
)
def test_an_execution_that_is_aborted_is_undone_by_the_event(cloud: Cloud, written: str) -> None:
    """An abort goes past every Catch."""
    # given
    name = f"aborted-{uuid.uuid4().hex[:8]}"
    with throttled_after(cloud, written):
        execution = cloud.start(PROVISION, {"thingName": name})
        wait_for(written, lambda: written in cloud.row(name))
        # when
        cloud.client("stepfunctions").stop_execution(executionArn=execution)
    # then
    assert cloud.finished(execution).status == "ABORTED"
    wait_for("the event to have it undone", lambda: cloud.row(name)["status"] == "FAILED")
    assert "deprovisioning" not in cloud.row(name)


def throttled_after(cloud: Cloud, written: str) -> Any:
    """Hold the execution where it has written that, so that it is still under way when it is
    aborted.
    """
    from tests.workflow.faults import throttled  # noqa: PLC0415

    following = {"thing_name": "CreateCertificate", "task_arn": "Presence"}
    return throttled(cloud, f"{following.get(written, 'AttachPolicy')}Function")


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_a_device_that_is_deleted_while_it_is_made_is_gone_in_the_end(cloud: Cloud) -> None:
    # given
    making = cloud.start(PROVISION, {"thingName": "deleted-in-the-making"})
    wait_for("a certificate", lambda: "certificate_id" in cloud.row("deleted-in-the-making"))
    # when
    deleted = cloud.deprovision("deleted-in-the-making")
    made = cloud.finished(making)
    # then
    assert deleted.status == "SUCCEEDED"
    assert cloud.row("deleted-in-the-making")["status"] == "TERMINATED"
    # It was made before, or something was missing by the time that it was wanted; it does not wait
    # for its device.
    assert made.status in {"SUCCEEDED", "FAILED"}
    assert "States.Timeout" not in made.cause


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_a_device_that_waits_to_connect_is_told_that_it_was_deleted(cloud: Cloud) -> None:
    # given: nobody tells the workflow that the device has come
    from tests.workflow.faults import throttled  # noqa: PLC0415

    with throttled(cloud, "PresenceFunction"):
        making = cloud.start(PROVISION, {"thingName": "deleted-waiting"})
        wait_for("the token", lambda: "task_token" in cloud.row("deleted-waiting"))
        # when
        assert cloud.deprovision("deleted-waiting").status == "SUCCEEDED"
        made = cloud.finished(making)
    # then: at once, not after five minutes
    assert (made.status, made.error) == ("FAILED", "OwnershipLost")
    assert cloud.row("deleted-waiting")["status"] == "TERMINATED"


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_to_delete_a_device_several_times_at_once_is_no_error(cloud: Cloud) -> None:
    # given
    cloud.provision({"thingName": "deleted-thrice"})
    # when
    removals = [cloud.start(DEPROVISION, {"thingName": "deleted-thrice"}) for _ in range(3)]
    # then
    assert {cloud.finished(removal).status for removal in removals} == {"SUCCEEDED"}
    assert cloud.row("deleted-thrice")["status"] == "TERMINATED"


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_of_two_executions_for_one_name_one_wins_and_the_other_undoes_nothing_of_it(
    cloud: Cloud,
) -> None:
    # when
    started = [cloud.start(PROVISION, {"thingName": "wanted-twice"}) for _ in range(2)]
    ends = sorted((cloud.finished(execution) for execution in started), key=lambda end: end.status)
    # then
    assert [end.status for end in ends] == ["FAILED", "SUCCEEDED"]
    assert "wanted-twice exists already" in ends[0].cause
    row = cloud.row("wanted-twice")
    assert (row["status"], row["execution_arn"]) == ("ONLINE", ends[1].arn)
    certificate = cloud.client("iot").describe_certificate(
        certificateId=ends[1].output["certificateId"]
    )
    assert certificate["certificateDescription"]["status"] == "ACTIVE"
    # finally
    assert cloud.deprovision("wanted-twice").status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_a_function_that_is_run_again_later_makes_nothing_more(cloud: Cloud) -> None:
    # given
    made = cloud.provision({"thingName": "run-again", "deviceType": "bulb"})
    there = census(cloud)
    event = {"thingName": "run-again", "execution": made.arn}
    # when
    asked = {"input": {"thingName": "run-again", "deviceType": "bulb"}, "execution": made.arn}
    certificate = _invoke(cloud, "CreateCertificateFunction", event)
    _invoke(cloud, "CreateThingFunction", asked)
    again = _invoke(
        cloud, "AttachPolicyFunction", {**event, "certificateArn": certificate["certificateArn"]}
    )
    task = _invoke(cloud, "StartTaskFunction", event)
    # then
    assert certificate["certificateId"] == made.output["certificateId"]
    assert task["taskArn"] == made.output["taskArn"]
    assert again
    assert census(cloud) == there
    assert cloud.row("run-again")["certificate_id"] == made.output["certificateId"]
    # finally
    assert cloud.deprovision("run-again").status == "SUCCEEDED"


def _invoke(cloud: Cloud, function: str, event: Any) -> Any:
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.functions[function], Payload=json.dumps(event)
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def test_what_is_remembered_of_an_answer_holds_no_key(cloud: Cloud) -> None:
    # given
    made = cloud.provision({"thingName": "remembered"})
    resources = cloud.client("cloudformation").describe_stack_resource(
        StackName=cloud.home.stack_name, LogicalResourceId="IdempotencyRecords"
    )
    # when
    records = cloud.client("dynamodb").scan(
        TableName=resources["StackResourceDetail"]["PhysicalResourceId"]
    )["Items"]
    # then
    assert made.output["certificateId"] in json.dumps(records)
    assert "PRIVATE" not in json.dumps(records)
    # finally
    assert cloud.deprovision("remembered").status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_a_certificate_that_a_killed_function_left_is_found(cloud: Cloud) -> None:
    # given: half a minute ago a function asked for one, and was killed when it had it
    cloud.provision({"thingName": "certified"})
    asked_at = datetime.now(UTC) - timedelta(seconds=33)
    lost = cloud.client("iot").create_keys_and_certificate(setAsActive=False)["certificateId"]
    in_use = cloud.client("iot").create_keys_and_certificate(setAsActive=True)["certificateId"]
    cloud.client("dynamodb").update_item(
        TableName=cloud.home.output("DeviceCatalogTableName"),
        Key={"thing_name": {"S": "certified"}},
        UpdateExpression="SET certificate_requests = :requests",
        ExpressionAttributeValues={":requests": {"SS": [f"{asked_at.isoformat()} {uuid.uuid4()}"]}},
    )
    # when
    found = wait_for("the certificate", lambda: sweep(cloud))
    # then: that one, and no other
    assert [(result["kind"], result["name"], result["outcome"]) for result in found] == [
        ("certificate", lost, "removed")
    ]
    assert "certificate_requests" not in cloud.row("certified")
    assert cloud.row("certified")["status"] == "ONLINE"
    # finally
    assert cloud.deprovision("certified").status == "SUCCEEDED"
    cloud.client("iot").update_certificate(certificateId=in_use, newStatus="INACTIVE")
    cloud.client("iot").delete_certificate(certificateId=in_use)


@pytest.mark.usefixtures("nothing_left_in_the_end")
def test_the_sweep_tells_first_and_removes_then(cloud: Cloud) -> None:
    # given: what a function that outlived its execution has left, where no event tells of it
    made = cloud.provision({"thingName": "outlived"})
    cloud.deprovision("outlived")
    bucket = cloud.home.output("ConfigBucketName")
    cloud.client("s3").put_object(Bucket=bucket, Key="devices/outlived/config.json", Body=b"{}")
    cloud.client("s3").put_object(Bucket=bucket, Key="devices/never-there/config.json", Body=b"{}")
    cloud.desire("outlived", time=60)
    # when
    told = cloud.playground("sweep", "--dry-run", "--older-than", "0").stdout
    spared = cloud.playground("sweep", "--older-than", "3600").stdout
    # then
    assert "outlived" in told
    assert "TERMINATED, and still there: objects, shadow" in told
    assert "never-there" in told
    assert spared == ""
    assert cloud.shadow("outlived")
    # when
    swept = json.loads(cloud.playground("sweep", "--older-than", "0", "--output", "json").stdout)[
        "findings"
    ]
    # then
    assert {(result["kind"], result["name"], result["outcome"]) for result in swept} == {
        ("leftovers", "outlived", "removed"),
        ("objects", "never-there", "removed"),
    }
    assert made.output["thingName"] == "outlived"
