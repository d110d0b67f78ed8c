"""Ask the stack's audit what is wrong with devices and policies, and have the device policy
repaired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.devices.functions import ask
from playground.errors import AuditError
from playground.home.homes import Home

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
    """An audit's answer. `complete` is False when there are more devices than one audit checks."""

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
    """Have what the findings say about policies repaired, as far as it is the stack's to repair.
    Raises AuditError.
    """
    told = [{"check": finding.check, "resource": finding.resource} for finding in findings]
    said = _invoke(home, "ProcessFindingFunctionName", {"findings": told})
    return [
        Repaired(**{**policy, "removed": tuple(policy["removed"])}) for policy in said["policies"]
    ]


def _invoke(home: Home, output: str, request: Any) -> Any:
    return ask(home, output, request, AuditError, "The audit failed: ")
