"""The conditions of the trust policy of the role that AWS IoT Jobs signs URLs with.

AWS IoT assumes it with the keys `aws:SourceAccount` and `aws:SourceArn`, the account and the ARN of
the job, so that a role can be kept from other accounts' jobs. What the trust policy does not allow
is not signed.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/cross-service-confused-deputy-prevention.html

Emulator: looks at who may assume the role, and not at the conditions.
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, iot

SERVICE = "iot.amazonaws.com"
# The job whose document is signed.
_job: ContextVar[str] = ContextVar("signed_job", default="")


def fill() -> None:
    """Ask the whole policy."""
    usable, signed = iot._iot_role_usable, iot._jobs_presigned_document

    def document(job: Mapping[str, Any]) -> str:
        token = _job.set(str(job.get("jobArn", "")))
        try:
            return str(signed(job))
        finally:
            _job.reset(token)

    def may_be_used(role_arn: str) -> bool:
        return bool(usable(role_arn)) and (
            not app.AUTH or not _job.get() or _allowed(role_arn, _job.get())
        )

    iot._jobs_presigned_document, iot._iot_role_usable = document, may_be_used


def _allowed(role_arn: str, job_arn: str) -> bool:
    role = iam._roles.get(role_arn.rpartition("/")[2]) or {}
    policy = json.loads(role.get("AssumeRolePolicyDocument") or "{}")
    # A trust policy names no resource: it is about the role that it stands in.
    statements = policy.get("Statement", [])
    listed = [
        {**one, "Resource": "*"}
        for one in (statements if isinstance(statements, list) else [statements])
    ]
    context = EvalContext(
        principal_arn=SERVICE,
        principal_type="Service",
        principal_account=get_account_id(),
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=get_region(),
        service_context={"aws:sourceaccount": get_account_id(), "aws:sourcearn": job_arn},
    )
    decision: str = evaluate_resource_policy(
        {**policy, "Statement": listed}, context, service=SERVICE
    ).decision
    return decision == "Allow"
