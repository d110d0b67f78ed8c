"""An action is taken from one role for a while, by whichever of its policies it has it, and from no
other.
"""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from tests.playground_cloud import Cloud
from tests.role_policies import Grant, RolePolicies

OWN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}],
}
SHARED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iot:ListAttachedPolicies", "Resource": "*"},
        {"Effect": "Allow", "Action": ["iot:DetachPolicy", "iot:DeletePolicy"], "Resource": "*"},
    ],
}
OF_AWS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
KEPT = {"dynamodb:GetItem", "iot:ListAttachedPolicies", "iot:DeletePolicy"}


@pytest.fixture
def policies() -> Iterator[RolePolicies]:
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        iam = boto3.client("iam", region_name="us-east-1")
        # IAM is the whole process's here: each test has names of its own.
        mine = uuid4().hex
        roles = {"OneFunction": f"one-{mine}", "OtherFunction": f"other-{mine}"}
        made = iam.create_policy(PolicyName=mine, PolicyDocument=json.dumps(SHARED))
        for role in roles.values():
            iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
            iam.attach_role_policy(RoleName=role, PolicyArn=made["Policy"]["Arn"])
            iam.attach_role_policy(RoleName=role, PolicyArn=OF_AWS)
            iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(OWN))
        cloud = cast("Cloud", SimpleNamespace(client=lambda _service: iam))
        yield RolePolicies(cloud, roles)


def attached(policies: RolePolicies, function: str) -> set[str]:
    iam: Any = policies.cloud.client("iam")
    role = policies.roles[function]
    found = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return {policy["PolicyName"] for policy in found}


def actions(policies: RolePolicies, function: str) -> set[str]:
    return {grant.action for grant in policies.grants() if grant.function == function}


def test_a_role_may_do_what_it_shares_too(policies: RolePolicies) -> None:
    assert actions(policies, "OneFunction") == {*KEPT, "iot:DetachPolicy"}
    assert policies.managed() == {"AWSLambdaBasicExecutionRole"}


@pytest.mark.parametrize("action", ["iot:DetachPolicy", "dynamodb:GetItem"])
def test_an_action_is_taken_from_one_role_alone_and_given_back(
    policies: RolePolicies, action: str
) -> None:
    # given
    before = {function: policies.of_role(function) for function in policies.roles}
    every = {*KEPT, "iot:DetachPolicy"}
    # when
    with policies.without(Grant("OneFunction", action)):
        within = actions(policies, "OneFunction"), actions(policies, "OtherFunction")
    # then
    assert within == (every - {action}, every)
    assert {function: policies.of_role(function) for function in policies.roles} == before
    assert attached(policies, "OneFunction") == attached(policies, "OtherFunction")


def test_an_action_more_is_there_for_a_while(policies: RolePolicies) -> None:
    before = policies.of_role("OneFunction")
    with policies.with_one_more(Grant("OneFunction", "sns:Publish")):
        assert "sns:Publish" in actions(policies, "OneFunction")
        assert "sns:Publish" not in actions(policies, "OtherFunction")
    assert policies.of_role("OneFunction") == before


def test_a_role_that_may_do_nothing_gets_all_of_it_back(policies: RolePolicies) -> None:
    whole = policies.of_role("OneFunction")
    policies.allow("OneFunction", whole, [])
    assert actions(policies, "OneFunction") == set()
    policies.allow("OneFunction", whole, ["iot:DeletePolicy"])
    assert actions(policies, "OneFunction") == {"iot:DeletePolicy"}
    policies.allow("OneFunction", whole, [*KEPT, "iot:DetachPolicy"])
    assert attached(policies, "OneFunction") == attached(policies, "OtherFunction")
    assert policies.inline("OneFunction").keys() == {"own"}
