"""What must be refused is refused, and would be noticed if it were not."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from playground.home.homes import local_session
from playground.home.state import ACCOUNT, REGION, LocalState
from proofs.access import device_attempts, function_attempts
from proofs.access.visitor import ALLOWED
from tests.playground_cloud import Cloud
from tests.role_policies import Grant, RolePolicies

pytestmark = pytest.mark.thorough

OPENED = Grant("AttachPolicyFunction", "iot:DescribeThing")


def test_no_device_gets_at_another_ones_topics_or_at_reserved_ones(
    cloud: Cloud, nothing_left: None
) -> None:
    tried = device_attempts.attempts(cloud)

    assert [one for one in tried if not one.is_right] == []


def test_a_policy_that_opens_too_much_is_noticed(cloud: Cloud, nothing_left: None) -> None:
    with an_open_policy(cloud) as policy:
        tried = device_attempts.attempts(cloud, policy)

    let_through = {one.what for one in tried if one.outcome == ALLOWED and not one.is_right}
    assert {
        f"as {device_attempts.B}",
        f"dt/playground/{device_attempts.B}/telemetry",
        "dt/#",
    } <= let_through


@contextmanager
def an_open_policy(cloud: Cloud) -> Iterator[str]:
    """Any client id, everybody's telemetry and commands."""
    iot, name = cloud.client("iot"), "access-open"
    statement = {
        "Effect": "Allow",
        "Action": ["iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe"],
        "Resource": [
            f"arn:aws:iot:*:*:{what}"
            for what in (
                "client/*",
                "topic/dt/*",
                "topicfilter/dt/*",
                "topic/cmd/*",
                "topicfilter/cmd/*",
            )
        ],
    }
    iot.create_policy(
        policyName=name,
        policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
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


def test_of_security_two_functions_tell_and_nobody_else_whatever_iam_lets_them(
    cloud: Cloud,
) -> None:
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
    assert {told("DetectFunction"), told("NotifySecurityFunction")}.isdisjoint(
        function_attempts.REFUSED
    )
    assert told(OPENED.function) in function_attempts.REFUSED
    with policies.with_one_more(Grant(OPENED.function, "sns:Publish")):
        assert told(OPENED.function) in function_attempts.REFUSED
    with pytest.raises(ClientError, match="not authorized"):
        cloud.client("sns").publish(TopicArn=topic, Message="{}")


DYNAMODB = {
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Content-Type": "application/x-amz-json-1.0",
}
COGNITO = "AWSCognitoIdentityProviderService."


def asked(cloud: Cloud, path: str, headers: Mapping[str, str], method: str = "POST") -> int:
    """The HTTP status that the local cloud answers with."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", LocalState.load(cloud.paths).port, timeout=20
    )
    try:
        connection.request(method, path, b"{}" if method == "POST" else None, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("key", [ACCOUNT, "000000000000", "test", "AKIASOMEBODYELSES000"])
def test_a_key_without_its_secret_opens_nothing(cloud: Cloud, key: str) -> None:
    # given
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope, nothing = f"{key}/{now[:8]}/{REGION}", "0" * 64
    signed = f"SignedHeaders=host;x-amz-date, Signature={nothing}"
    bucket = cloud.home.output("ConfigBucketName")
    query = f"X-Amz-Credential={scope}/s3/aws4_request"
    presigned = (
        f"{query}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={now}&X-Amz-SignedHeaders=host"
    )
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}/dynamodb/aws4_request, {signed}"
    # then
    assert asked(cloud, "/", {**DYNAMODB, "X-Amz-Date": now, "Authorization": authorization}) == 403
    assert asked(cloud, "/", {**DYNAMODB, "Authorization": authorization}) == 403
    assert asked(cloud, f"/{bucket}", {"Authorization": f"AWS {key}:x"}, "GET") == 403
    assert asked(cloud, f"/{bucket}?{query}", {}, "GET") == 403
    assert (
        asked(cloud, f"/{bucket}?{presigned}&X-Amz-Expires=60&X-Amz-Signature={nothing}", {}, "GET")
        == 403
    )
    assert (
        asked(cloud, f"/{bucket}?AWSAccessKeyId={key}&Signature=x&Expires=9999999999", {}, "GET")
        == 403
    )


def test_a_presigned_url_makes_no_other_call(cloud: Cloud) -> None:
    # given
    s3 = cloud.home.client("s3", Config(signature_version="s3v4"))
    made = urlsplit(
        s3.generate_presigned_url(
            "list_objects_v2", {"Bucket": cloud.home.output("ConfigBucketName")}
        )
    )
    # then
    assert asked(cloud, f"{made.path}?{made.query}", {}, "GET") == 200
    assert asked(cloud, f"{made.path}?{made.query}", DYNAMODB, "GET") == 403
    assert (
        asked(cloud, f"{made.path}?{made.query}&Action=ListUsers&Version=2010-05-08", {}, "GET")
        == 403
    )


def test_another_secret_is_told_so(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match=r"playground env"):
        local_session("another").client("s3", endpoint_url=cloud.home.endpoint).list_buckets()


@pytest.mark.parametrize(
    ("path", "headers", "method"),
    [
        ("/_ministack/reset", {}, "POST"),
        ("/_ministack/config", {}, "POST"),
        ("/_ministack/sqs/messages", {}, "GET"),
        ("/", {"X-Amz-Target": f"{COGNITO}ForgotPassword"}, "POST"),
        ("/", {"X-Amz-Target": f"{COGNITO}ConfirmForgotPassword"}, "POST"),
        ("/", {"X-Amz-Target": f"{COGNITO}SignUp"}, "POST"),
    ],
)
def test_the_emulators_own_switches_are_nobodys(
    cloud: Cloud, path: str, headers: Mapping[str, str], method: str
) -> None:
    assert asked(cloud, path, headers, method) == 403
