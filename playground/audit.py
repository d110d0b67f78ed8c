"""Ask the stack's audit what is wrong with devices and policies, and have the device policy repaired."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from playground.errors import AuditError
from playground.homes import Home

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

# The function may take 300 seconds; a second call beside the first would find the same.
PATIENT = Config(read_timeout=320, retries={"total_max_attempts": 1})

# The most severe first, as the function gives them.
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


@dataclass(frozen=True)
class Finding:
    """What a check has found (docs/contracts.md)."""

    check: str
    severity: str
    resource: dict[str, str]
    reason_code: str
    reason: str
    at: str
    remedy: str

    def as_severe_as(self, severity: str) -> bool:
        """Whether it is of this severity or a worse one."""
        return SEVERITIES.index(self.severity) <= SEVERITIES.index(severity)

    @property
    def is_mended_by_fix(self) -> bool:
        """Whether it is of the check whose findings are repaired."""
        return self.check == "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"


@dataclass(frozen=True)
class Check:
    """How a check has ended: `passed`, `failed` or `skipped`, and why it was skipped."""

    check: str
    severity: str
    outcome: str
    findings: int
    note: str


@dataclass(frozen=True)
class Audit:
    """An audit's answer. `complete` is False when there are more devices than one audit looks at."""

    at: str
    complete: bool
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Repaired:
    """What became of a policy: `replaced`, `unchanged`, `untouched` or `gone`."""

    policy: str
    outcome: str
    reason: str
    version: str
    removed: tuple[str, ...]


def audit(home: Home, checks: Sequence[str] = ()) -> Audit:
    """Run these checks, all when none is named. Raises AuditError."""
    said = _invoke(home, "AuditFunctionName", {"checks": list(checks)} if checks else {})
    return Audit(
        said["at"],
        said["complete"],
        tuple(Check(**check) for check in said["checks"]),
        tuple(Finding(**finding) for finding in said["findings"]),
    )


def repair(home: Home, findings: Sequence[Finding]) -> list[Repaired]:
    """Have what the findings say about policies repaired, as far as it is the stack's to repair. Raises AuditError."""
    told = [{"check": finding.check, "resource": finding.resource} for finding in findings]
    said = _invoke(home, "ProcessFindingFunctionName", {"findings": told})
    return [Repaired(**{**policy, "removed": tuple(policy["removed"])}) for policy in said["policies"]]


def _invoke(home: Home, output: str, request: Any) -> Any:
    client: LambdaClient = home.client("lambda", PATIENT)
    answer = client.invoke(FunctionName=home.output(output), Payload=json.dumps(request).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise AuditError(f"The audit failed: {said.get('errorMessage', said)}")
    return said
