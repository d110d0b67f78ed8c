"""One device through all logs, and somebody who is told when a provisioning fails."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.devices.history import task_names
from tests.playground_cloud import COMMAND, Cloud, wait_for

pytestmark = pytest.mark.thorough

ONE, OTHER = "logs-one:1", "logs-other"


def logs_of(cloud: Cloud, name: str, *options: str) -> list[dict[str, Any]]:
    printed = cloud.playground("logs", name, "--since", "15m", "--output", "json", *options).stdout
    return [json.loads(line) for line in printed.splitlines()]


def steps_of_provisioning(cloud: Cloud) -> set[str]:
    machine = cloud.home.output("ProvisionDeviceStateMachineArn")
    answer = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    return set(task_names(json.loads(answer["definition"])))


@pytest.fixture
def two_devices(cloud: Cloud) -> Iterator[None]:
    for name in (ONE, OTHER):
        assert cloud.provision({"thingName": name, "deviceType": "bulb"}).status == "SUCCEEDED"
    yield
    for name in (ONE, OTHER):
        cloud.deprovision(name)


@pytest.mark.usefixtures("two_devices")
def test_one_query_follows_one_device_through_all_functions(cloud: Cloud, tmp_path: Path) -> None:
    # when
    def complete() -> list[dict[str, Any]] | None:
        found = logs_of(cloud, ONE)
        return found if {"devices", "workflows"} <= {line["source"] for line in found} else None

    lines = wait_for("lines of the device", complete)
    # then: every function of the workflow, the workflow and the device, in order, and nobody else's
    origins = {line["origin"] for line in lines}
    assert steps_of_provisioning(cloud) | {"Presence", "provision-device", "device"} <= origins
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert OTHER not in json.dumps(lines)
    first = {line["origin"]: number for number, line in reversed(list(enumerate(lines)))}
    assert first["CreateThing"] < first["CreateCertificate"] < first["StartTask"] < first["device"]
    arn = cloud.row(ONE)["execution_arn"]
    assert {line["execution_arn"] for line in lines if line["source"] != "devices"} == {arn}
    assert {line["thing_name"] for line in lines if line["source"] == "functions"} == {ONE}
    # as it stands in the groups, under the names that it has on AWS
    task = cloud.row(ONE)["task_arn"].rpartition("/")[2]
    stream = f"device/virtual-device/{task}"
    streams = cloud.client("logs").describe_log_streams(
        logGroupName=cloud.home.output("DeviceLogGroupName"), logStreamNamePrefix=stream
    )
    assert stream in {stream["logStreamName"] for stream in streams["logStreams"]}
    # and less of it
    assert {line["source"] for line in logs_of(cloud, ONE, "--source", "devices")} == {"devices"}
    assert {line["origin"] for line in logs_of(cloud, ONE, "--filter", "CERTIFICATE CREATED")} == {
        "CreateCertificate"
    }
    assert "thing created" in cloud.playground("logs", ONE).stdout
    _follow(cloud, tmp_path / "followed")


def _follow(cloud: Cloud, file: Path) -> None:
    command = [
        str(COMMAND),
        "logs",
        ONE,
        "--follow",
        "--output",
        "json",
        "--source",
        "functions",
        "--source",
        "devices",
    ]
    with file.open("wb") as out:
        following = subprocess.Popen(
            command, env=cloud.environment, stdout=out, stderr=subprocess.DEVNULL
        )
    try:
        wait_for("the first lines", lambda: "thing created" in file.read_text())
        cloud.desire(ONE, reconnect="now")
        wait_for("what came later", lambda: "rebuilding the connection" in file.read_text())
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130
    finally:
        following.kill()
        following.wait()
    lines = file.read_text().splitlines()
    assert len(lines) == len(set(lines))


def _let_in(topic: str, queue: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
    }
    condition = {"ArnEquals": {"aws:SourceArn": topic}}
    return {
        "Version": "2012-10-17",
        "Statement": [{**statement, "Resource": queue, "Condition": condition}],
    }


def _told(sqs: Any, queue: str) -> Iterator[tuple[str, str]]:
    for message in sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
    ).get("Messages", []):
        told = json.loads(json.loads(message["Body"])["Message"])
        yield told["AlarmName"], told["NewStateValue"]


def test_the_dashboard_and_the_alarms_stand_and_an_alarm_goes_off(cloud: Cloud) -> None:
    # given
    cloudwatch, sns, sqs = cloud.client("cloudwatch"), cloud.client("sns"), cloud.client("sqs")
    body = json.loads(
        cloudwatch.get_dashboard(DashboardName=cloud.home.output("DashboardName"))["DashboardBody"]
    )
    for function in cloud.functions.values():
        assert function in json.dumps(body)
    assert "${" not in json.dumps(body)
    name = f"{cloud.home.stack_name}-provisioning-failed"
    assert (
        len(cloudwatch.describe_alarms(AlarmNamePrefix=cloud.home.stack_name)["MetricAlarms"]) >= 7
    )
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    topic = cloud.home.output("AlarmTopicArn")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(_let_in(topic, arn))})
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )
    try:
        # when: the emulator counts no executions, so what AWS would publish after a failed one is
        # published here
        machine = cloud.home.output("ProvisionDeviceStateMachineArn")
        failed = {"MetricName": "ExecutionsFailed", "Unit": "Count", "Value": 1.0}
        dimensions = [{"Name": "StateMachineArn", "Value": machine}]
        cloudwatch.put_metric_data(
            Namespace="AWS/States", MetricData=[{**failed, "Dimensions": dimensions}]
        )
        # then
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert alarm["StateValue"] == "ALARM"
        assert alarm["Dimensions"] == dimensions
        # With it the emulator looks at all alarms: another one may go off for what this cloud has
        # been through.
        wait_for("its message", lambda: (name, "ALARM") in set(_told(sqs, queue)))
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=queue)
