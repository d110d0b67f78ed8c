"""What AWS takes at most, and how much of it the stack uses: never more than half, so that there is
room for more.

Documents: AWS CloudFormation User Guide, "Understand CloudFormation quotas"; IAM User Guide, "IAM
and AWS STS quotas"; AWS Lambda Developer Guide, "Lambda quotas"; AWS Step Functions Developer
Guide, "Quotas".
"""

import json
import re
from typing import Any

import pytest

from tests.unit.template import (
    EVERYWHERE,
    FUNCTIONS,
    INCLUDED,
    RESOURCES,
    ROOT,
    SHARED,
    TEMPLATE,
    WORKFLOWS,
    variables_of,
)

LONGEST_STACK_NAME = 61
"""docs/homes.md says so; a state machine's name has 80 characters, and `-deprovision-device` has 19
of them.
"""

LONGEST = {
    "AWS::StackName": "s" * LONGEST_STACK_NAME,
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "1" * 12,
}
LONGEST_NAME = "n" * 64
"""Of a resource that CloudFormation names, as long as that of a role or a function."""

ROLE, ENVIRONMENT, DEFINITION, TEMPLATE_BODY = 10_240, 4 * 1024, 1024 * 1024, 1024 * 1024
MANAGED_POLICY, MANAGED_POLICIES_OF_A_ROLE = 6_144, 10
OF_SAM = 2
"""Managed policies that SAM gives a role: for logs and traces."""
MOST_RESOURCES, MOST_OUTPUTS, MOST_PARAMETERS = 500, 200, 200

# Names that are made from the stack's: the property, and how long it may be by the schema of its
# resource.
NAMES = {
    "AWS::ApiGatewayV2::Api": ("Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::CodeBuild::Project": ("Name", 255),
    "AWS::Cognito::UserPool": ("UserPoolName", 128),
    "AWS::Cognito::UserPoolClient": ("ClientName", 128),
    "AWS::ECS::TaskDefinition": ("Family", 255),
    "AWS::IoT::Policy": ("PolicyName", 128),
    "AWS::IoT::ScheduledAudit": ("ScheduledAuditName", 128),
    "AWS::IoT::ThingGroup": ("ThingGroupName", 128),
    "AWS::IoT::ThingType": ("ThingTypeName", 128),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::Serverless::StateMachine": ("Name", 80),
}


def at_most(value: Any) -> Any:
    """`value` with every reference in its longest form."""
    if isinstance(value, list):
        return [at_most(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return LONGEST.get(
            value["Ref"], f"arn:aws-us-gov:service:ap-southeast-1:111111111111:{LONGEST_NAME}"
        )
    if value.keys() == {"Fn::GetAtt"}:
        return f"arn:aws-us-gov:service:ap-southeast-1:111111111111:resource/{LONGEST_NAME}"
    if value.keys() == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        return re.sub(
            r"\$\{([^!}]+)\}", lambda found: LONGEST.get(found[1], LONGEST_NAME), value["Fn::Sub"]
        )
    return {key: at_most(entry) for key, entry in value.items()}


def size(document: Any) -> int:
    """In characters, without white space, which IAM does not count."""
    return len(re.sub(r"\s", "", json.dumps(at_most(document))))


def documents_of_roles() -> dict[str, list[Any]]:
    """The policies that each role has as its own, also those that a resource beside it adds."""
    found: dict[str, list[Any]] = {}
    for name, resource in RESOURCES.items():
        properties = resource.get("Properties", {})
        role = f"{name}Role" if resource["Type"].startswith("AWS::Serverless::") else name
        if resource["Type"] == "AWS::IAM::Policy":
            for owner in properties["Roles"]:
                found.setdefault(owner["Ref"], []).append(properties["PolicyDocument"])
        else:
            found.setdefault(role, []).extend(
                properties.get("Policies", []) if "Role" in role else []
            )
    return {role: documents for role, documents in found.items() if documents}


ROLES = documents_of_roles()


@pytest.mark.parametrize("role", ROLES)
def test_the_policies_of_a_role_are_half_of_what_a_role_takes_at_most(role: str) -> None:
    assert size(ROLES[role]) <= ROLE // 2


@pytest.mark.parametrize("policy", SHARED)
def test_a_policy_that_roles_share_is_half_of_what_one_takes_at_most(policy: str) -> None:
    assert size(SHARED[policy]) <= MANAGED_POLICY // 2


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_half_of_the_managed_policies_that_it_takes_at_most(role: str) -> None:
    shared = [one for one in ROLES[role] if one.get("Ref") in SHARED]
    assert len(shared) + OF_SAM <= MANAGED_POLICIES_OF_A_ROLE // 2


def test_every_function_and_every_workflow_has_a_role_that_is_measured() -> None:
    made_by_sam = {
        f"{name}Role"
        for name, one in RESOURCES.items()
        if one["Type"].startswith("AWS::Serverless::")
    }
    assert made_by_sam <= ROLES.keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_of_a_function_is_half_of_what_lambda_takes_at_most(function: str) -> None:
    assert size({**EVERYWHERE, **variables_of(FUNCTIONS[function])}) <= ENVIRONMENT // 2


@pytest.mark.parametrize("file", WORKFLOWS)
def test_a_workflow_is_half_of_what_step_functions_takes_at_most(file: str) -> None:
    assert len(json.dumps(WORKFLOWS[file])) <= DEFINITION // 2


def test_the_template_leaves_room_in_what_cloudformation_takes_at_most() -> None:
    # given: what SAM makes of a function, of each of its events, and of a workflow
    events = sum(len(function.get("Events", {})) for function in FUNCTIONS.values())
    resources = len(RESOURCES) + len(FUNCTIONS) + 2 * events + len(WORKFLOWS)
    # then
    assert resources <= MOST_RESOURCES * 2 // 3
    assert len(TEMPLATE["Outputs"]) <= MOST_OUTPUTS // 2
    assert len(TEMPLATE["Parameters"]) <= MOST_PARAMETERS // 2
    # the definitions and the dashboard are put into it: AWS::Include
    body = (ROOT / "template.yaml").stat().st_size + sum(
        len(json.dumps(one)) for one in INCLUDED.values()
    )
    assert body <= TEMPLATE_BODY // 2


def test_a_stacks_name_of_that_length_fits_into_every_name_that_is_made_from_it() -> None:
    for name, resource in RESOURCES.items():
        if resource["Type"] in NAMES:
            attribute, longest = NAMES[resource["Type"]]
            assert len(at_most(resource["Properties"].get(attribute, ""))) <= longest, name
    assert f"{LONGEST_STACK_NAME} characters" in (ROOT / "docs" / "homes.md").read_text()


def test_no_other_name_is_made_from_the_stacks() -> None:
    for name, resource in RESOURCES.items():
        for key, value in resource.get("Properties", {}).items():
            # What a topic is called in mails is no name.
            if key.endswith("Name") and key != "DisplayName" and "StackName" in str(value):
                assert key == NAMES[resource["Type"]][0], name
