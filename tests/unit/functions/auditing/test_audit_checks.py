"""Every check both ways: on facts that violate it, and on facts that do not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from auditing.checks import CHECKS, NAMES, NOT_APPLICABLE, run
from auditing.facts import Certificate, Facts, Logging, Policy
from auditing.findings import SEVERITIES
from tests.certificates import certificate_pem, rsa_public_key

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
AT = "2026-07-01T12:00:00.000Z"
BROAD = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"},
}
DOUBTFUL = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Deny", "Action": "iot:Publish", "Resource": "a/+"},
}
QUIET: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
ON = Logging("ERROR")


@cache
def pem(days: int = 400, modulus: int = 0) -> str:
    return certificate_pem(
        rsa_public_key(modulus) if modulus else None, NOW - timedelta(9), NOW + timedelta(days)
    )


def certificate(**more: Any) -> Certificate:
    given: dict[str, Any] = {
        "id": "one", "status": "ACTIVE", "pem": pem(), "created_at": NOW - timedelta(days=9),
        "things": ("lamp",)
    }  # fmt: skip
    return Certificate(**{**given, **more})


def row(name: str = "lamp", **more: Any) -> dict[str, Any]:
    made = {"status": "ONLINE", "certificate_id": "one", "presence_certificate": "one"}
    return {"thing_name": name, "updated_at": "2026-06-30T12:00:00.000Z", **made, **more}


def facts(
    *certificates: Certificate, rows: tuple[dict[str, Any], ...] = (row(),), **more: Any
) -> Facts:
    more = {"logging": ON, **more}
    return Facts(
        NOW, certificates or (certificate(),), rows={one["thing_name"]: one for one in rows}, **more
    )


@dataclass(frozen=True)
class Case:
    """Facts that violate a check, and what is said of them."""

    check: str
    facts: Facts
    resource: tuple[str, str]
    code: str


ONE = ("DEVICE_CERTIFICATE", "one")
CASES = {
    "on two things": Case(
        "DEVICE_CERTIFICATE_SHARED_CHECK", facts(certificate(things=("lamp", "other"))),
        ONE, "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES",
    ),
    "seen with two devices": Case(
        "DEVICE_CERTIFICATE_SHARED_CHECK", facts(rows=(row(), row("other", certificate_id="two"))),
        ONE, "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES",
    ),
    "short key": Case(
        "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
        facts(certificate(pem=pem(modulus=(1 << 1023) + 3))),
        ONE, "CERTIFICATE_KEY_NOT_ACCEPTED",
    ),
    "expired": Case(
        "DEVICE_CERTIFICATE_EXPIRING_CHECK", facts(certificate(pem=pem(days=-1))), ONE,
        "CERTIFICATE_PAST_EXPIRATION"
    ),
    "expires now": Case(
        "DEVICE_CERTIFICATE_EXPIRING_CHECK", facts(certificate(pem=pem(days=0))), ONE,
        "CERTIFICATE_PAST_EXPIRATION"
    ),
    "expires in 30 days": Case(
        "DEVICE_CERTIFICATE_EXPIRING_CHECK", facts(certificate(pem=pem(days=30),
        status="PENDING_TRANSFER")),
        ONE, "CERTIFICATE_APPROACHING_EXPIRATION",
    ),
    "a year old": Case(
        "DEVICE_CERTIFICATE_AGE_CHECK", facts(certificate(created_at=NOW - timedelta(days=365))),
        ONE, "CERTIFICATE_PAST_AGE_THRESHOLD",
    ),
    "replaced": Case(
        "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
        facts(rows=(row(certificate_id="two",
        retired_certificate_arn="arn:aws:iot:r:1:cert/one"),)),
        ONE, "CERTIFICATE_REVOKED_BY_ISSUER",
    ),
    "of a device that is gone": Case(
        "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK", facts(rows=(row(status="TERMINATED"),)),
        ONE, "CERTIFICATE_REVOKED_BY_ISSUER",
    ),
    "of a device that was given up": Case(
        "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
        facts(rows=(row(status="FAILED", given_up_at="2026-06-30T12:00:00.000Z"),)),
        ONE, "CERTIFICATE_REVOKED_BY_ISSUER",
    ),
    "taken over": Case(
        "CONFLICTING_CLIENT_IDS_CHECK",
        facts(rows=(row(client_id_conflict_at="2026-06-01T00:00:00.000Z"),)),
        ("CLIENT_ID", "lamp"), "DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS",
    ),
    "broad": Case(
        "IOT_POLICY_OVERLY_PERMISSIVE_CHECK", facts(policies=(Policy("p", "2", BROAD), Policy("q",
        "1", QUIET))),
        ("IOT_POLICY", "p"), "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
    ),
    "doubtful": Case(
        "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK", facts(policies=(Policy("p", "2",
        DOUBTFUL),)),
        ("IOT_POLICY", "p"), "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT",
    ),
    "no logs": Case(
        "LOGGING_DISABLED_CHECK", facts(logging=Logging()),
        ("ACCOUNT_SETTINGS", "logging"), "LOGGING_DISABLED",
    ),
}  # fmt: skip


def names(found: Facts, *checks: str) -> list[tuple[str, str]]:
    """Check and reason code of every finding."""
    return [
        (one.check, one.reason_code)
        for verdict in run(found, checks or NAMES, AT)
        for one in verdict.findings
    ]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_violation_is_found_by_its_check_and_no_other(case: Case) -> None:
    # when
    found = [finding for verdict in run(case.facts, NAMES, AT) for finding in verdict.findings]
    # then
    (finding,) = found
    assert (finding.check, finding.reason_code) == (case.check, case.code)
    assert (finding.resource.type, finding.resource.id) == case.resource
    assert finding.at == AT
    assert finding.remedy
    assert "{" not in finding.reason + finding.remedy
    json.dumps(finding.as_dict())


def test_every_check_has_a_violation() -> None:
    assert {case.check for case in CASES.values()} == {check.name for check in CHECKS}


GOOD: Mapping[str, Facts] = {
    "a healthy device": facts(logging=ON, policies=(Policy("p", "1", QUIET),)),
    "no device": Facts(NOW, logging=ON),
    "a weak certificate that can't be used": facts(
        certificate(
            pem=pem(days=-1, modulus=(1 << 1023) + 3), status="INACTIVE", things=("lamp", "other")
        ),
        certificate(
            id="two", pem=pem(days=-1), status="REVOKED", created_at=NOW - timedelta(days=999)
        ),
    ),
    "expires in 31 days": facts(certificate(pem=pem(days=31))),
    "nearly a year old": facts(certificate(created_at=NOW - timedelta(days=364))),
    "replaced a moment ago": facts(
        rows=(
            row(
                retired_certificate_arn="arn:aws:iot:r:1:cert/one",
                updated_at="2026-07-01T11:59:00.000Z",
            ),
        )
    ),
    "removed with its certificate": facts(rows=(row(status="TERMINATED", certificate_id="gone"),)),
    "taken over long ago": facts(rows=(row(client_id_conflict_at="2026-05-30T00:00:00.000Z"),)),
    "that can't be read": facts(certificate(pem="not a certificate")),
    "seen with one that is gone": facts(
        rows=(row(), row("old", status="FAILED", certificate_id="two"))
    ),
}


@pytest.mark.parametrize("given", GOOD.values(), ids=GOOD)
def test_what_is_good_is_not_accused(given: Facts) -> None:
    assert names(given) == []


def test_only_the_checks_that_are_asked_for_run() -> None:
    # given
    bad = facts(certificate(pem=pem(days=-1), things=("lamp", "other")))
    # then
    assert names(bad, "DEVICE_CERTIFICATE_EXPIRING_CHECK") == [
        ("DEVICE_CERTIFICATE_EXPIRING_CHECK", "CERTIFICATE_PAST_EXPIRATION")
    ]
    assert [verdict.check for verdict in run(bad, ["DEVICE_CERTIFICATE_AGE_CHECK"], AT)] == [
        "DEVICE_CERTIFICATE_AGE_CHECK"
    ]


def test_what_has_nothing_to_look_at_is_skipped_with_a_reason() -> None:
    # when
    verdicts = {verdict.check: verdict for verdict in run(facts(), NAMES, AT)}
    # then
    assert verdicts.keys() == set(NAMES)
    assert {
        name for name, verdict in verdicts.items() if verdict.outcome == "skipped"
    } == NOT_APPLICABLE.keys()
    assert all(verdict.note for verdict in verdicts.values() if verdict.outcome == "skipped")


def test_the_checks_are_awss_own() -> None:
    """https://docs.aws.amazon.com/iot-device-defender/latest/devguide/device-defender-audit-checks.html."""
    assert len(set(NAMES)) == len(NAMES) == 17
    severities = [check.severity for check in CHECKS]
    assert severities == sorted(severities, key=SEVERITIES.index, reverse=True)
    assert {severity for severity, _why in NOT_APPLICABLE.values()} <= set(SEVERITIES)
