"""Commands in the local cloud: real IoT policies, a real device, and the `playground` command."""

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from playground.messages.watch import Message, connection, kind_of, message_of, subscribe, watching
from tests.playground_cloud import Cloud


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """The name of a device that is online; removed afterwards."""
    made = cloud.provision({"deviceType": "rogue"})
    assert made.status == "SUCCEEDED", made
    name: str = made.output["thingName"]
    cloud.wait_until_reported(name, time=60)
    yield name
    assert cloud.deprovision(name).status == "SUCCEEDED"


class Ear:
    """What a client of the account's administrator hears."""

    def __init__(self, inbox: "queue.Queue[Message]") -> None:
        self._inbox = inbox

    def hear(self) -> Message:
        """Wait for the next message."""
        return self._inbox.get(timeout=20)


@contextmanager
def listening(cloud: Cloud, *filters: str) -> Iterator[Ear]:
    inbox: queue.Queue[Message] = queue.Queue()
    with connection(cloud.home, lambda packet: inbox.put(message_of(packet))) as client:
        subscribe(client, filters)
        yield Ear(inbox)


def test_the_tamper_command_publishes_the_event(cloud: Cloud, device: str) -> None:
    # given: someone who listens
    with listening(cloud, f"evt/playground/{device}/tamper") as ear:
        # when
        done = cloud.playground("command", device, "tamper", "detail=lid lifted")
        event = ear.hear().payload
    # then
    assert "✓ tamper" in done.stdout
    assert event["detail"] == "lid lifted"
    assert event["thingName"] == device


def test_watch_hears_request_and_reply(cloud: Cloud, device: str) -> None:
    # given
    with watching(cloud.home, device) as watcher:
        # when
        cloud.playground("command", device, "ping")
        heard = [
            message for message in watcher.messages(limit=2) if kind_of(message.topic) == "command"
        ]
    # then
    request, reply = heard
    assert request == Message(f"cmd/playground/{device}/req", {"command": "ping", "arguments": {}})
    assert reply.topic.startswith(f"cmd/playground/{device}/res/")
    assert reply.payload["status"] == "accepted"


def test_help_shows_what_the_device_knows(cloud: Cloud, device: str) -> None:
    shown = cloud.playground("command", device, "help").stdout
    assert "authorization-error" in shown
    assert "integer from 512 to 131072" in shown


def test_an_authorization_error_is_told_with_its_reason_code(cloud: Cloud, device: str) -> None:
    reply = json.loads(
        cloud.playground("command", device, "authorization-error", "--output", "json").stdout
    )
    assert reply["status"] == "accepted"
    assert reply["result"]["reasonCode"] == 135


def test_a_large_payload_goes_through(cloud: Cloud, device: str) -> None:
    reply = json.loads(cloud.playground("command", device, "large", "--output", "json").stdout)
    assert reply["result"] == {"topic": f"dt/playground/{device}/telemetry", "bytes": 120_000}


@pytest.mark.thorough
def test_a_payload_that_is_too_large_here_is_explained(cloud: Cloud, device: str) -> None:
    """AWS takes 128 KB of payload; the emulator counts topic and header too."""
    failed = cloud.playground("command", device, "large", "bytes=131072", check=False)
    assert failed.returncode == 1
    assert "may be larger than the server accepts" in failed.stdout
    assert "✓ ping" in cloud.playground("command", device, "ping").stdout


@pytest.mark.thorough
@pytest.mark.parametrize("command", ["reconnect", "clean"])
def test_a_device_that_reconnects_takes_the_next_command(
    cloud: Cloud, device: str, command: str
) -> None:
    # when
    with listening(
        cloud, f"evt/playground/{device}/online", f"$aws/things/{device}/shadow/get"
    ) as ear:
        cloud.playground("command", device, command)
        # then: it is back, and has subscribed
        assert ear.hear().topic == f"evt/playground/{device}/online"
        assert ear.hear().topic == f"$aws/things/{device}/shadow/get"
    assert "✓ ping" in cloud.playground("command", device, "ping").stdout


def test_a_refusal_names_the_field_and_ends_in_exit_code_1(cloud: Cloud, device: str) -> None:
    refused = cloud.playground("command", device, "large", "bytes=1", check=False)
    assert refused.returncode == 1
    assert "arguments.bytes must be an integer from 512 to 131072" in refused.stdout
    unknown = cloud.playground("command", device, "explode", check=False)
    assert unknown.returncode == 1
    assert "is unknown" in unknown.stdout


@pytest.mark.usefixtures("nothing_left")
def test_a_command_to_nobody_is_one_sentence(cloud: Cloud) -> None:
    nobody = cloud.playground("command", "nobody", "ping", check=False)
    assert nobody.returncode == 4
    assert "There is no device nobody" in nobody.stderr
    assert "Traceback" not in nobody.stderr


@pytest.fixture
def commands_service(cloud: Cloud, device: str) -> Iterator[str]:
    """Two IoT rules in the service's place, for the broker, as AWS IoT, lets no client near the
    topics of executions.

    What is published on `<prefix>/request` comes to the device as an execution; its reply is on
    `<prefix>/response`.
    """
    prefix, execution = f"test/{device}", f"$aws/commands/things/{device}/executions/7f3a-01"
    rules = {
        "to_device": (
            f"{prefix}/request",
            f"{execution}/request/json",
        ),  # AWS would want `$$aws` here
        "from_device": (f"{execution}/response/json", f"{prefix}/response"),
    }
    iot, iam = cloud.client("iot"), cloud.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "iot.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trusted = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="republish", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}],
    }
    iam.put_role_policy(
        RoleName="republish", PolicyName="publish", PolicyDocument=json.dumps(policy)
    )
    for name, (source, target) in rules.items():
        actions = [{"republish": {"roleArn": role, "topic": target, "qos": 1}}]
        payload = {"sql": f"SELECT * FROM '{source}'", "actions": actions}  # noqa: S608 - not that SQL
        iot.create_topic_rule(ruleName=name, topicRulePayload=payload)
    yield prefix
    for name in rules:
        iot.delete_topic_rule(ruleName=name)
    iam.delete_role_policy(RoleName="republish", PolicyName="publish")
    iam.delete_role(RoleName="republish")


def test_an_execution_of_aws_iot_commands(cloud: Cloud, commands_service: str) -> None:
    # given
    with listening(cloud, f"{commands_service}/response") as ear:
        # when
        payload = json.dumps({"command": "authorization-error"}).encode()
        cloud.client("iot-data").publish(
            topic=f"{commands_service}/request", qos=1, payload=payload
        )
        answer = ear.hear().payload
    # then
    assert answer["status"] == "SUCCEEDED"
    assert answer["statusReason"]["reasonCode"] == "DONE"
    assert answer["result"]["reasonCode"] == {"s": "135"}
