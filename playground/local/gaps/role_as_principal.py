"""The key `aws:PrincipalArn` of whoever has assumed a role.

AWS gives it the ARN of the role, not that of the session.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html,
`aws:PrincipalArn`

Emulator: gives it the session's (`arn:aws:sts::...:assumed-role/<role>/<session>`), so a policy
that names roles by this key refuses them.
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam


def fill() -> None:
    """Answer the key with the role's ARN."""
    resolve = iam_evaluator._resolve_condition_key

    def resolved(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in str(value):
            return _role(str(value))
        return value

    iam_evaluator._resolve_condition_key = resolved


def _role(session: str) -> str:
    """The role's own ARN, which has its path too."""
    account, name = session.split(":")[4], session.split("/")[1]
    role = iam._roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")
