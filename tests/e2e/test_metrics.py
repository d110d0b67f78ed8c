"""Device-side metrics in the local cloud: a report a second, heard by a client and by an IoT
rule.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from playground.home.state import LocalState
from playground.messages.watch import kind_of, watching
from tests.playground_cloud import Cloud, wait_for

NAME = "dev-METRICS"


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """A device that is online; removed afterwards."""
    cloud.playground("create", "--name", NAME)
    yield NAME
    cloud.playground("delete", NAME)


@pytest.fixture
def queue(cloud: Cloud, device: str) -> Iterator[str]:
    """The URL of a queue that an IoT rule fills with the reports of all devices."""
    sqs, iam, iot = cloud.client("sqs"), cloud.client("iam"), cloud.client("iot")
    url: str = sqs.create_queue(QueueName="metrics")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "iot.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trusted = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="metrics-to-queue", AssumeRolePolicyDocument=trusted)["Role"][
        "Arn"
    ]
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="metrics-to-queue", PolicyName="send", PolicyDocument=policy)
    sql = "SELECT *, topic(3) AS thing FROM '$aws/things/+/defender/metrics/json'"
    actions = [{"sqs": {"roleArn": role, "queueUrl": url, "useBase64": False}}]
    iot.create_topic_rule(ruleName="metrics", topicRulePayload={"sql": sql, "actions": actions})
    yield url
    iot.delete_topic_rule(ruleName="metrics")
    iam.delete_role_policy(RoleName="metrics-to-queue", PolicyName="send")
    iam.delete_role(RoleName="metrics-to-queue")
    sqs.delete_queue(QueueUrl=url)


def next_from(cloud: Cloud, url: str) -> Any:
    def received() -> Any:
        messages = (
            cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        )
        return json.loads(messages[0]["Body"]) if messages else None

    return wait_for("a report in the queue", received)


@pytest.mark.thorough
def test_reports_are_heard_every_second(cloud: Cloud, device: str) -> None:
    # when
    with watching(cloud.home, device) as watcher:
        cloud.playground("set", device, "metrics=1")
        heard = (
            message.payload for message in watcher.messages() if kind_of(message.topic) == "metrics"
        )
        first, second, *more = (next(heard) for _ in range(6))
    # then
    assert first["header"]["version"] == "1.0"
    assert second["header"]["report_id"] > first["header"]["report_id"]
    established = first["metrics"]["tcp_connections"]["established_connections"]
    assert established["total"] == 1
    assert established["connections"][0]["remote_addr"].endswith(
        f":{LocalState.load(cloud.paths).mqtt_port}"
    )
    # What the device has sent between two reports is the first of them at least.
    assert second["custom_metrics"]["messages_sent"][0]["number"] >= 1
    assert second["custom_metrics"]["publishes_refused"] == [{"number": 0}]
    assert any(report["metrics"]["network_stats"]["bytes_out"] > 0 for report in more)


def test_a_report_arrives_at_a_rule(cloud: Cloud, device: str, queue: str) -> None:
    cloud.playground("set", device, "metrics=1")
    report = next_from(cloud, queue)
    assert report["thing"] == device
    assert report["header"]["report_id"] > 0
    assert report["custom_metrics"].keys() >= {"messages_sent", "reconnects"}


@pytest.mark.thorough
def test_a_refused_publish_is_counted_and_zero_ends_it(cloud: Cloud, device: str) -> None:
    with watching(cloud.home, device) as watcher:
        cloud.playground("set", device, "metrics=1")
        cloud.playground("command", device, "authorization-error")
        heard = (
            message.payload for message in watcher.messages() if kind_of(message.topic) == "metrics"
        )
        assert next(r for r in heard if r["custom_metrics"]["publishes_refused"] == [{"number": 1}])
        cloud.playground("set", device, "metrics=0")
    with watching(cloud.home, device) as watcher:
        assert [
            message
            for message in watcher.messages(limit=2.5)
            if kind_of(message.topic) == "metrics"
        ] == []
