"""What IAM checks calls of Amazon ECS against."""

from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, checked, fill, in_scope, request

ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}:"
CLUSTER, TASKS = f"{ECS}cluster/c", [f"{ECS}task/c/1", f"{ECS}task/c/2"]
CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "run": (
        "RunTask",
        {"cluster": CLUSTER, "taskDefinition": "lamp:3"},
        f"{ECS}task-definition/lamp:3",
    ),
    "run by ARN": (
        "RunTask",
        {"cluster": "c", "taskDefinition": f"{ECS}task-definition/l:1"},
        f"{ECS}task-definition/l:1",
    ),
    "run the latest": (
        "RunTask",
        {"cluster": "c", "taskDefinition": "lamp"},
        f"{ECS}task-definition/lamp:7",
    ),
    "stop": ("StopTask", {"cluster": CLUSTER, "task": TASKS[0]}, TASKS[0]),
    "stop by id": ("StopTask", {"cluster": "c", "task": "1"}, TASKS[0]),
    "describe": ("DescribeTasks", {"cluster": CLUSTER, "tasks": TASKS}, TASKS[0]),
    "list": ("ListTasks", {"cluster": CLUSTER}, "*"),
}


def found() -> dict[str, list[str]]:
    """What each is checked against."""
    return {
        name: checked("ecs", operation, **given) for name, (operation, given, _) in CALLS.items()
    }


def test_the_emulator_still_checks_them_against_the_cluster() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    assert found() == {name: [CLUSTER] for name in CALLS}


def test_they_are_checked_against_what_aws_documents() -> None:
    # given
    fill("ecs_resources")
    from ministack.services import ecs

    in_scope()
    ecs._task_def_latest["lamp"] = 7
    # then
    assert found() == {name: [arn] for name, (_, _, arn) in CALLS.items()}


STATEMENT = {
    "Effect": "Allow",
    "Action": "ecs:*",
    "Condition": {"ArnEquals": {"ecs:cluster": CLUSTER}},
}


@pytest.mark.parametrize(
    ("operation", "parameters", "resource", "allowed"),
    [
        ("ListTasks", {"cluster": CLUSTER}, "*", True),
        ("ListTasks", {"cluster": f"{CLUSTER}-other"}, "*", False),
        ("DescribeTasks", {"cluster": "c", "tasks": TASKS}, f"{ECS}task/c/*", True),
        ("DescribeTasks", {"cluster": "c", "tasks": TASKS}, TASKS[0], False),
        ("DescribeTasks", {"cluster": "c", "tasks": TASKS[:1]}, TASKS[0], True),
    ],
)
def test_the_cluster_is_a_key_and_every_task_counts(
    operation: str, parameters: dict[str, Any], resource: str, *, allowed: bool
) -> None:
    # given: whoever asks has this policy
    from ministack.core import iam_evaluator

    def resolved(*_: Any) -> Any:
        policy = iam_evaluator.parse_policy_document(
            {"Statement": [{**STATEMENT, "Resource": resource}]}
        )
        return iam_evaluator.PrincipalInfo("arn:aws:iam::1:user/u", "User", ACCOUNT, [policy])

    iam_evaluator.resolve_principal = resolved
    fill("ecs_resources")
    # when
    (arn,) = checked("ecs", operation, **parameters)
    refused = iam_evaluator.enforce(
        "KEY", f"ecs:{operation}", "ecs", REGION, resource_arn=arn, service_context={}
    )
    # then
    assert (refused is None) is allowed
    assert request("ecs", operation, **parameters).headers["x-amz-target"].endswith(operation)
