"""What IAM checks the answer to a waiting state against: the state machine that gave out the token.

The Service Authorization Reference has no resource type for SendTaskSuccess, SendTaskFailure and
SendTaskHeartbeat; what AWS says when it refuses one names the state machine, and a role that names
it works.

Source: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_stepfunctions.StateMachine.html#granttaskwbrresponseidentity

Emulator: checks them against `*`.
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import stepfunctions

ANSWERS = ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")
# The contexts of the states that wait, by identity: the token is put into them when the state
# begins.
_waiting: dict[int, Mapping[str, Any]] = {}
# Whether the call at hand answers a state that does not wait any more.
_gone: ContextVar[bool] = ContextVar("token_is_gone", default=False)


def fill() -> None:
    """Remember who waits, and name the state machine."""
    execute, named, enforce = (
        stepfunctions._execute_task,
        iam_actions.extract_resource_arn,
        iam_evaluator.enforce,
    )

    def executed(state: Mapping[str, Any], given: Any, execution: Any, context: Any) -> Any:
        if ".waitForTaskToken" not in state.get("Resource", ""):
            return execute(state, given, execution, context)
        _waiting[id(context)] = context
        try:
            return execute(state, given, execution, context)
        finally:
            _waiting.pop(id(context), None)

    def resource(*request: Any) -> str:
        token = _token(*request)
        _gone.set(token is not None and token not in stepfunctions._task_tokens)
        return (_machine(token) if token else "") or str(named(*request))

    def enforced(  # noqa: PLR0913, PLR0917 - the emulator's own parameters
        key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        rest: dict[str, Any] = {"resource_arn": resource_arn, "service_context": service_context}
        refused = enforce(key, action, service, region, **rest)
        if service != "states" or not _gone.get():
            return refused
        _gone.set(False)
        # Whose the token was is not known any more. Who may answer any workflow hears that it is
        # gone.
        for machine in list(stepfunctions._state_machines):
            refused = refused and enforce(
                key, action, service, region, **{**rest, "resource_arn": machine}
            )
        return refused

    stepfunctions._execute_task = executed
    iam_actions.extract_resource_arn, iam_evaluator.enforce = resource, enforced


def _token(
    service: str, _method: str, _path: str, headers: Mapping[str, str], body: bytes, *_: Any
) -> str | None:
    """The token that the call answers; None when it answers none."""
    if service != "states" or headers.get("x-amz-target", "").rpartition(".")[2] not in ANSWERS:
        return None
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(found.get("taskToken", "")) if isinstance(found, dict) else ""


def _machine(token: str) -> str:
    """ARN of the state machine that waits with this token; empty when none does."""
    for context in list(_waiting.values()):
        if context.get("Task", {}).get("Token") == token:
            return str(context["StateMachine"]["Id"])
    return ""
