"""What template.yaml lets roles do is what AWS checks: actions that there are, on resources that
AWS looks at.

By AWS's Service Authorization Reference, as cfn-lint has it.
"""

import json
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from tests.unit.template import FUNCTIONS, RESOURCES, SHARED

POLICIES = "cfnlint/data/AdditionalSpecs/Policies.json"

# By its place: to import cfn-lint takes two seconds, in each of pytest's processes.
REFERENCE: dict[str, Any] = json.loads(
    Path(str(distribution("cfn-lint").locate_file(POLICIES))).read_text()
)

CHECKED_ALL_THE_SAME = {"states:SendTaskSuccess", "states:SendTaskFailure"}
"""The reference has no resource type for these. What AWS says when it refuses names the state
machine, and a role that names it works (AWS CDK, `StateMachine.grantTaskResponse`).
"""

ON_EVERYTHING = {"ecs:ListTasks", "iot:ListPrincipalThings"}
"""The reference has a resource type for these; template.yaml says why they are not confined to
it.
"""


def in_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(found: Any) -> Iterator[dict[str, Any]]:
    """Those of roles: wherever there are an action and a resource."""
    if isinstance(found, dict):
        if found.keys() >= {"Effect", "Action", "Resource"} and "Principal" not in found:
            yield found
        for value in found.values():
            yield from statements(value)
    elif isinstance(found, list):
        for value in found:
            yield from statements(value)


# AWS IoT policies are no IAM policies.
ALLOWED = sorted(
    {
        (name, action, statement["Resource"] == "*")
        for name, resource in RESOURCES.items()
        if resource["Type"] != "AWS::IoT::Policy"
        for statement in statements(resource)
        for action in in_list(statement["Action"])
    }
)


def test_the_roles_of_all_functions_are_looked_at() -> None:
    looked_at = {name for name, _, _ in ALLOWED}
    assert looked_at >= SHARED.keys()
    for name, function in FUNCTIONS.items():
        assert name in looked_at or all("Ref" in policy for policy in function["Policies"]), name


@pytest.mark.parametrize("action", sorted({action for _, action, _ in ALLOWED}))
def test_an_action_is_one_that_there_is_and_names_what_aws_checks_it_against(action: str) -> None:
    # given
    service, _, operation = action.lower().partition(":")
    resource_types = REFERENCE[service]["Actions"][operation].get("Resources", [])
    everywhere = {on_everything for _, found, on_everything in ALLOWED if found == action}
    # then: a role that names a resource where AWS looks at none is refused, one that names none
    # opens too much
    if action in CHECKED_ALL_THE_SAME:
        assert (resource_types, everywhere) == ([], {False})
    elif action in ON_EVERYTHING:
        assert resource_types
        assert everywhere == {True}
    else:
        assert everywhere == {not resource_types}
