"""What functions, devices and builds may do by the template, and what functions are told in their
environment.
"""

import importlib
import json
import re
from collections import UserDict
from collections.abc import Mapping
from typing import Any

import pytest

from auditing.repair import restrictive
from common.environment import Environment
from tests.unit.built import SESSION
from tests.unit.stack import ENVIRONMENT
from tests.unit.template import (
    EVERYWHERE,
    FUNCTIONS,
    RESOURCES,
    SHARED,
    list_of,
    statements_of,
    variables_of,
)


def test_only_aws_iot_of_this_account_reads_firmware_and_nothing_else() -> None:
    role = RESOURCES["FirmwareDownloadRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == (
        {"Service": "iot.amazonaws.com"},
        "sts:AssumeRole",
    )
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${FirmwareBucket.Arn}/firmware/*"},
    }


@pytest.mark.parametrize("topic", ["AuditTopic", "AuditResultTopic", "DefenderTopic"])
def test_only_whom_iam_lets_may_publish_what_the_audit_and_device_defender_tell(topic: str) -> None:
    policy = RESOURCES[f"{topic}Policy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Topics"] == [statement["Resource"]] == [{"Ref": topic}]
    assert statement["Principal"] == {
        "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    }
    assert statement["Action"] == "sns:Publish"


def test_of_security_tell_two_functions_and_nobody_else_over_tls() -> None:
    # given
    policy = RESOURCES["SecurityTopicPolicy"]["Properties"]
    allow, *denials = policy["PolicyDocument"]["Statement"]
    telling = {
        function
        for function, properties in FUNCTIONS.items()
        for statement in statements_of(properties)
        if "sns:Publish" in list_of(statement["Action"])
        and statement["Resource"] == {"Ref": "SecurityTopic"}
    }
    # then
    assert telling == {"DetectFunction", "NotifySecurityFunction"}
    assert allow["Principal"] == {
        "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    }
    for statement in denials:
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
            "Deny",
            "*",
            "sns:Publish",
        )
    nobody_else, tls_only = (statement["Condition"] for statement in denials)
    roles = [{"Fn::GetAtt": f"{function}Role.Arn"} for function in sorted(telling)]
    assert nobody_else == {"ArnNotLike": {"aws:PrincipalArn": roles}}
    assert tls_only == {"Bool": {"aws:SecureTransport": "false"}}
    assert {entry["Ref"] for entry in policy["Topics"]} == {"SecurityTopic"}


def test_a_bucket_that_demands_tls_knows_no_exception() -> None:
    buckets = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::S3::Bucket"}
    policies = [
        one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::S3::BucketPolicy"
    ]
    demanding = {
        policy["Bucket"]["Ref"]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert demanding == buckets


def test_every_topic_has_a_policy_of_its_own() -> None:
    """The one that SNS gives it by default lets every principal of the account publish."""
    topics = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::SNS::Topic"}
    policies = [
        one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::SNS::TopicPolicy"
    ]
    assert {topic["Ref"] for policy in policies for topic in policy["Topics"]} == topics


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_single_actions_only(function: str) -> None:
    # given
    statements = statements_of(FUNCTIONS[function])
    # then
    assert statements
    for statement in statements:
        for action in list_of(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Za-z0-9]+", action), action


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_may_do_is_said_once(function: str) -> None:
    # Said twice, one of them can go unnoticed, and stays when the other is taken away.
    said = [
        (action, json.dumps(resource), json.dumps(statement.get("Condition")))
        for statement in statements_of(FUNCTIONS[function])
        for action in list_of(statement["Action"])
        for resource in list_of(statement["Resource"])
    ]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("policy", SHARED)
def test_what_is_said_once_for_several_roles_is_said_for_several(policy: str) -> None:
    # What one role alone may do stands with it.
    roles = [
        name
        for name, one in RESOURCES.items()
        if one["Type"].startswith("AWS::Serverless::")
        and {"Ref": policy} in one["Properties"]["Policies"]
    ]
    assert len(roles) > 1
    # A name would be the account's, and a stack with another name would find it taken.
    assert "ManagedPolicyName" not in RESOURCES[policy]["Properties"]
    # Whom else it is attached to would not be seen with the role.
    assert RESOURCES[policy]["Properties"].keys() == {"Description", "PolicyDocument"}


class Asked(UserDict[str, str]):
    """Variables that remember which of them were read."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Defined runtime
# environment variables"
OF_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME"}


def read_by(function: str) -> set[str]:
    """The variables that a function reads."""
    module = importlib.import_module(FUNCTIONS[function]["Handler"].rpartition(".")[0])
    # Some are read only where that is wished.
    asked = Asked({**ENVIRONMENT, "QUARANTINE_AUTOMATICALLY": "true"})
    module.build(Environment(asked), SESSION)
    return asked.names - OF_LAMBDA


def test_a_variable_of_every_function_is_one_that_most_of_them_read() -> None:
    of_ours = {name for name in EVERYWHERE if not name.startswith(("AWS_", "POWERTOOLS_"))}
    assert of_ours == {"CATALOG_TABLE"}
    without = {name for name in FUNCTIONS if "CATALOG_TABLE" not in read_by(name)}
    assert without == {
        "TakeTurnFunction",
        "TellHostsFunction",
        "StartTaskFunction",
        "NotifySecurityFunction",
        "ProcessFindingFunction",
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_of_a_function_is_what_it_reads_and_holds_no_secret(function: str) -> None:
    # given
    variables = variables_of(FUNCTIONS[function])
    # then
    assert not variables.keys() & EVERYWHERE.keys()
    assert read_by(function) - EVERYWHERE.keys() == variables.keys()
    for name in variables.keys() | EVERYWHERE.keys():
        assert not re.search(r"SECRET|PASSW|TOKEN|KEY|CREDENTIAL|PRIVATE|PEM", name.upper()), name
    assert not re.search(r"resolve:|AKIA|BEGIN ", json.dumps(variables))


def rendered(policy: str, partition: str = "aws", region: str = "eu-west-1") -> Any:
    """The document of a policy as AWS IoT gets it."""
    values = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": "123456789012"}

    def render(value: Any) -> Any:
        if isinstance(value, list):
            return [render(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Fn::Sub"}:
            filled = re.sub(r"\$\{([\w:]+)\}", lambda match: values[match[1]], value["Fn::Sub"])
            return filled.replace("${!", "${")
        return {key: render(entry) for key, entry in value.items()}

    return render(RESOURCES[policy]["Properties"]["PolicyDocument"])


def test_in_quarantine_a_device_has_its_shadow_its_jobs_and_its_new_certificate_alone() -> None:
    # given
    me, allowed = "${iot:Connection.Thing.ThingName}", set()
    for statement in rendered("QuarantinePolicy")["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in list_of(statement["Action"]):
            allowed |= {
                (action, resource.split(":", 5)[5]) for resource in list_of(statement["Resource"])
            }
    # then
    alone = {
        ("iot:Publish", f"topic/evt/playground/{me}/lwt"),
        ("iot:Receive", f"topic/$aws/things/{me}/shadow/delete/*"),
    }
    assert alone <= allowed
    for action in ("iot:Publish", "iot:Receive"):
        assert {resource for found, resource in allowed - alone if found == action} == {
            f"topic/$aws/things/{me}/shadow/get*",
            f"topic/$aws/things/{me}/shadow/update*",
            f"topic/$aws/things/{me}/jobs/*",
            f"topic/cmd/playground/{me}/certificate/*",
        }
    assert {resource for action, resource in allowed if action == "iot:Connect"} == {f"client/{me}"}
    assert {action for action, _ in allowed} == {
        "iot:Connect",
        "iot:Publish",
        "iot:Receive",
        "iot:Subscribe",
    }
    # Whatever a device subscribes to when it is free, so that it need not connect anew to hear it
    # again.
    device = {
        r
        for s in rendered("DevicePolicy")["Statement"]
        if s["Action"] == "iot:Subscribe"
        for r in s["Resource"]
    }
    assert {resource for action, resource in allowed if action == "iot:Subscribe"} == {
        r.split(":", 5)[5] for r in device
    }


@pytest.mark.parametrize(
    ("partition", "region"),
    [("aws", "eu-west-1"), ("aws-us-gov", "ap-southeast-1"), ("aws-cn", "cn-northwest-1")],
)
@pytest.mark.parametrize("policy", ["DevicePolicy", "QuarantinePolicy"])
def test_a_policy_of_devices_fits_into_2048_characters(
    partition: str, region: str, policy: str
) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "Maximum policy document
    size".
    """
    # when
    document = rendered(policy, partition, region)
    text = json.dumps(document, separators=(",", ":"))
    # then
    assert (
        f"arn:{partition}:iot:{region}:123456789012:client/${{iot:Connection.Thing.ThingName}}"
        in text
    )
    assert len(text) < 2048
    if policy == "DevicePolicy":
        # What a repair puts in force.
        assert (
            restrictive(f"arn:{partition}:iot:{region}:123456789012:policy/iot-playground-device")
            == document
        )


def test_who_starts_builds_may_do_nothing_else_and_no_build_leaves_the_stack() -> None:
    (policy,) = RESOURCES["SourceUploadedRole"]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "codebuild:StartBuild",
            "Resource": {"Fn::GetAtt": "DeviceBuild.Arn"},
        }
    ]
    (policy,) = RESOURCES["DeviceBuildRole"]["Properties"]["Policies"]
    everywhere = [
        s["Action"] for s in policy["PolicyDocument"]["Statement"] if s["Resource"] == "*"
    ]
    assert everywhere == ["ecr:GetAuthorizationToken"]
