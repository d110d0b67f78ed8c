"""The checks, by the names that AWS IoT Device Defender gives them, and which of AWS's have nothing
to look at here.

https://docs.aws.amazon.com/iot-device-defender/latest/devguide/device-defender-audit-checks.html
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auditing import certificate_checks, policy_checks, setting_checks
from auditing.facts import Facts
from auditing.findings import Finding, Violation

OVERLY_PERMISSIVE = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"


@dataclass(frozen=True)
class Check:
    """One of AWS's checks, with AWS's severity."""

    name: str
    severity: str
    violations: Callable[[Facts], Iterable[Violation]]


CHECKS = (
    Check("DEVICE_CERTIFICATE_SHARED_CHECK", "CRITICAL", certificate_checks.shared),
    Check("DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", "CRITICAL", certificate_checks.key_quality),
    Check(OVERLY_PERMISSIVE, "CRITICAL", policy_checks.overly_permissive),
    Check("CONFLICTING_CLIENT_IDS_CHECK", "HIGH", setting_checks.conflicting_client_ids),
    Check("DEVICE_CERTIFICATE_EXPIRING_CHECK", "MEDIUM", certificate_checks.expiring),
    Check(
        "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
        "MEDIUM",
        certificate_checks.revoked_still_active,
    ),
    Check(
        "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
        "MEDIUM",
        policy_checks.potentially_misconfigured,
    ),
    Check("DEVICE_CERTIFICATE_AGE_CHECK", "LOW", certificate_checks.aged),
    Check("LOGGING_DISABLED_CHECK", "LOW", setting_checks.logging_disabled),
)

_NO_CA = "AWS IoT itself issues the certificates of this stack; it registers no CA"
_NO_POOL = "the stack has no Amazon Cognito identity pool"
_NO_ALIAS = "the stack has no role alias: devices get no AWS credentials"
NOT_APPLICABLE: Mapping[str, tuple[str, str]] = {
    "CA_CERTIFICATE_EXPIRING_CHECK": ("MEDIUM", _NO_CA),
    "CA_CERTIFICATE_KEY_QUALITY_CHECK": ("CRITICAL", _NO_CA),
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK": ("CRITICAL", _NO_CA),
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK": ("CRITICAL", _NO_CA),
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK": ("CRITICAL", _NO_POOL),
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK": ("CRITICAL", _NO_POOL),
    "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK": ("CRITICAL", _NO_ALIAS),
    "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK": ("MEDIUM", _NO_ALIAS),
}
NAMES = (*(check.name for check in CHECKS), *NOT_APPLICABLE)


@dataclass(frozen=True)
class Verdict:
    """How one check has ended."""

    check: str
    severity: str
    outcome: str
    """`passed`, `failed` or `skipped`."""
    note: str
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> Mapping[str, Any]:
        """For the function's answer, without the findings themselves."""
        return {
            "check": self.check,
            "severity": self.severity,
            "outcome": self.outcome,
            "findings": len(self.findings),
            "note": self.note,
        }


def run(facts: Facts, names: Iterable[str], at: str) -> list[Verdict]:
    """Run the checks of these names, which are all of NAMES; in the order of CHECKS, worst
    first.
    """
    wanted = frozenset(names)
    ran = [_verdict(check, facts, at) for check in CHECKS if check.name in wanted]
    skipped = [Verdict(name, *_skipped(name)) for name in NOT_APPLICABLE if name in wanted]
    return [*ran, *skipped]


def _verdict(check: Check, facts: Facts, at: str) -> Verdict:
    found = tuple(
        Finding.of(check.name, check.severity, violation, at)
        for violation in check.violations(facts)
    )
    return Verdict(check.name, check.severity, "failed" if found else "passed", "", found)


def _skipped(name: str) -> tuple[str, str, str]:
    severity, why = NOT_APPLICABLE[name]
    return severity, "skipped", why
