"""What IAM checks calls of Amazon ECS about tasks against, and the key that tells their cluster.

AWS checks RunTask against the task definition with its revision, DescribeTasks and StopTask against
the tasks, ListTasks against the container instance (with Fargate there is none), and gives all four
the key `ecs:cluster`.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html

Emulator: checks whatever names a cluster against the cluster, and knows no such key.
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import ecs

ACTIONS = ("RunTask", "StartTask", "StopTask", "DescribeTasks", "ListTasks")


@dataclass(frozen=True)
class Check:
    """What the call at hand is checked with, beside its first resource."""

    cluster: str
    further: tuple[str, ...] = ()
    """The tasks of DescribeTasks after the first one."""


_at_hand: ContextVar[Check | None] = ContextVar("ecs_check", default=None)


def fill() -> None:
    """Name tasks and task definitions, and tell the cluster."""
    named, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def resource(*request: Any) -> str:
        service, _, _, headers, body, _, region, account = request
        action = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        if service != "ecs" or action not in ACTIONS:
            _at_hand.set(None)
            return str(named(*request))
        fields, prefix = _fields(body), f"arn:aws:ecs:{region}:{account}:"
        first, *further = _resources(action, fields, prefix)
        _at_hand.set(Check(_cluster(fields, prefix), tuple(further)))
        return first

    def enforced(  # noqa: PLR0913, PLR0917 - the emulator's own parameters
        key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        rest: dict[str, Any] = {"resource_arn": resource_arn, "service_context": service_context}
        check = _at_hand.get()
        if service != "ecs" or check is None:
            return enforce(key, action, service, region, **rest)
        _at_hand.set(None)
        rest["service_context"] = {
            **(rest.get("service_context") or {}),
            "ecs:cluster": check.cluster,
        }
        refused = enforce(key, action, service, region, **rest)
        for arn in check.further:
            refused = refused or enforce(
                key, action, service, region, **{**rest, "resource_arn": arn}
            )
        return refused

    iam_actions.extract_resource_arn, iam_evaluator.enforce = resource, enforced


def _resources(action: str, fields: Mapping[str, Any], prefix: str) -> list[str]:
    """At least one; `*` where the call names none."""
    if action in ("RunTask", "StartTask"):
        return [_task_definition(str(fields.get("taskDefinition", "")), prefix)]
    if action == "ListTasks":
        return ["*"]
    tasks = [fields.get("task")] if action == "StopTask" else fields.get("tasks")
    cluster = _cluster(fields, prefix).rpartition("/")[2]
    named = [task for task in tasks if isinstance(task, str)] if isinstance(tasks, list) else []
    return [
        task if task.startswith("arn:") else f"{prefix}task/{cluster}/{task}" for task in named
    ] or ["*"]


def _cluster(fields: Mapping[str, Any], prefix: str) -> str:
    named = str(fields.get("cluster") or "default")
    return named if named.startswith("arn:") else f"{prefix}cluster/{named}"


def _task_definition(named: str, prefix: str) -> str:
    """With its revision: a family alone means its latest one."""
    family = named.rpartition("/")[2]
    if ":" not in family:
        family = f"{family}:{ecs._task_def_latest.get(family, 0)}"
    return f"{prefix}task-definition/{family}"


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
