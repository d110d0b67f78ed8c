"""What must be refused is refused, and would be noticed if it were not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from tests.access import device_attempts, function_attempts
from tests.access.visitor import ALLOWED
from tests.playground_cloud import Cloud
from tests.role_policies import Grant, RolePolicies

OPENED = Grant("AttachPolicyFunction", "iot:DescribeThing")


def test_no_device_gets_at_another_ones_topics_or_at_reserved_ones(cloud: Cloud, nothing_left: None) -> None:
    tried = device_attempts.attempts(cloud)

    assert [one for one in tried if not one.is_right] == []


def test_a_policy_that_opens_too_much_is_noticed(cloud: Cloud, nothing_left: None) -> None:
    with an_open_policy(cloud) as policy:
        tried = device_attempts.attempts(cloud, policy)

    let_through = {one.what for one in tried if one.outcome == ALLOWED and not one.is_right}
    assert {f"as {device_attempts.B}", f"dt/playground/{device_attempts.B}/telemetry", "dt/#"} <= let_through


@contextmanager
def an_open_policy(cloud: Cloud) -> Iterator[str]:
    """Any client id, everybody's telemetry and commands."""
    iot, name = cloud.client("iot"), "access-open"
    statement = {
        "Effect": "Allow",
        "Action": ["iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe"],
        "Resource": [
            f"arn:aws:iot:*:*:{what}"
            for what in ("client/*", "topic/dt/*", "topicfilter/dt/*", "topic/cmd/*", "topicfilter/cmd/*")
        ],
    }
    iot.create_policy(policyName=name, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    try:
        yield name
    finally:
        iot.delete_policy(policyName=name)


def test_no_function_can_do_what_another_one_does(cloud: Cloud, nothing_left: None) -> None:
    tried = list(function_attempts.attempts(cloud))

    assert len({one.function for one in tried}) == len(cloud.functions)
    assert [one for one in tried if not one.is_refused] == []


def test_an_action_too_many_is_noticed(cloud: Cloud) -> None:
    policies, reach = RolePolicies.of(cloud), function_attempts.Reach(OPENED.action, "*")
    caller = function_attempts.Caller.of(cloud, policies.roles[OPENED.function])
    assert caller.call(reach) == "AccessDeniedException"

    with policies.with_one_more(OPENED):
        error = caller.call(reach)

    assert error == "ResourceNotFoundException"


def test_of_security_two_functions_tell_and_nobody_else_whatever_iam_lets_them(cloud: Cloud) -> None:
    # given
    policies, topic = RolePolicies.of(cloud), cloud.home.output("SecurityTopicArn")

    def told(function: str) -> str:
        caller = function_attempts.Caller.of(cloud, policies.roles[function]).session
        sns = caller.client("sns", endpoint_url=cloud.home.endpoint)
        try:
            return str(sns.publish(TopicArn=topic, Message="{}")["MessageId"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    # then
    assert {told("DetectFunction"), told("NotifySecurityFunction")}.isdisjoint(function_attempts.REFUSED)
    assert told(OPENED.function) in function_attempts.REFUSED
    with policies.with_one_more(Grant(OPENED.function, "sns:Publish")):
        assert told(OPENED.function) in function_attempts.REFUSED
    with pytest.raises(ClientError, match="not authorized"):
        cloud.client("sns").publish(TopicArn=topic, Message="{}")
