"""How `playground audit` tells what was found."""

import pytest

from playground.cli.audit import view
from playground.security.audit import Audit, Check, Finding, Repaired
from playground.show.views import out

POLICY = Finding(
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "CRITICAL",
    {"type": "IOT_POLICY", "id": "iot-playground-device"},
    "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
    "version 2 allows iot:Publish on [*]",
    "2026-01-02T03:04:05.678Z",
    "narrow it",
)
CHECKS = (
    Check(POLICY.check, "CRITICAL", "failed", 1, ""),
    Check("DEVICE_CERTIFICATE_AGE_CHECK", "LOW", "passed", 0, ""),
    Check("LOGGING_DISABLED_CHECK", "LOW", "skipped", 0, "there is none"),
)


def test_a_finding_is_told_with_what_to_do_and_every_check_with_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # when
    found = Audit(at=POLICY.at, complete=True, checks=CHECKS, findings=(POLICY,))
    out.print(view(found, [Repaired("iot-playground-device", "replaced", "was wide", "3", ())]))
    # then: nothing in it is taken for markup
    finding, name, reason, remedy, *checks, repaired = capsys.readouterr().out.split("\n")[:11]
    assert finding.split() == ["CRITICAL", POLICY.check]
    assert name.split() == ["IOT_POLICY", "iot-playground-device"]
    assert reason.strip() == f"{POLICY.reason} ({POLICY.reason_code})"
    assert remedy.strip() == "narrow it"
    told = [" ".join(line.split()) for line in checks if line.strip()]
    assert told == [
        "✗ IOT_POLICY_OVERLY_PERMISSIVE_CHECK 1 found",
        "✓ DEVICE_CERTIFICATE_AGE_CHECK no finding",
        "· there is none:",
        "LOGGING_DISABLED_CHECK",
    ]
    assert repaired == "iot-playground-device: replaced, version 3; was wide"


@pytest.mark.parametrize(
    ("severity", "at_least", "counts"),
    [
        ("LOW", "LOW", True),
        ("LOW", "MEDIUM", False),
        ("CRITICAL", "HIGH", True),
        ("HIGH", "CRITICAL", False),
    ],
)
def test_a_finding_counts_from_its_severity_down(
    *, severity: str, at_least: str, counts: bool
) -> None:
    finding = Finding(POLICY.check, severity, POLICY.resource, "", "", "", "")
    assert finding.as_severe_as(at_least) is counts
