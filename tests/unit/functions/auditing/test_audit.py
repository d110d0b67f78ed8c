"""The audit's function: what it gathers, what it answers, and what it tells whom."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auditing import audit, gathering
from auditing.audit import AuditRequest
from auditing.checks import NAMES, OVERLY_PERMISSIVE
from auditing.repair import restrictive
from common.errors import InvalidInput
from tests.certificates import certificate_pem
from tests.unit.built import CLIENTS, built
from tests.unit.doubles.audited_iot import ACCOUNT, AuditedIot
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.iot import Thing
from tests.unit.doubles.service import Refusal
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.stack import AUDIT_TOPIC

WIDE = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"},
}
DEVICE_POLICY = restrictive(f"{ACCOUNT}:policy/playground-device")
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}

Audit = Callable[..., dict[str, Any]]


@pytest.fixture
def iot(clock: Clock) -> Iterator[AuditedIot]:
    double = AuditedIot(
        {"playground-device": DEVICE_POLICY, "another": WIDE, "nobodys": WIDE}, clock
    )
    for client in CLIENTS.all("iot"):
        double.behind(client)
    yield double
    for client in CLIENTS.all("iot"):
        double.leave(client)


@pytest.fixture
def device(iot: AuditedIot, table: Any) -> Callable[..., str]:
    """Makes a device with a certificate of its own; gives the certificate's id."""

    def make(name: str, **more: Any) -> str:
        iot.things[name] = Thing("playground-bulb", groups={"playground-devices"})
        certificate = iot.add_certificate(certificate_pem(), (name,))
        iot.certificates[f"{ACCOUNT}:cert/{certificate}"].policies.add("playground-device")
        now = datetime.now(UTC).isoformat()
        row = {
            "thing_name": name,
            "status": "ONLINE",
            "certificate_id": certificate,
            "updated_at": now,
        }
        table.put_item(Item={**row, **more})
        return certificate

    return make


@pytest.fixture
def audited(iot: AuditedIot, table: Any, topics: MemoryTopics, context: Any) -> Audit:
    return lambda **event: built(audit)(event, context)


def found(answer: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["check"], finding["resource"]["id"]) for finding in answer["findings"]}


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {check["check"]: check["outcome"] for check in answer["checks"]}


def test_healthy_devices_have_no_findings(
    device: Callable[..., str], audited: Audit, iot: AuditedIot
) -> None:
    # given
    iot.logging = {"defaultLogLevel": "ERROR", "disableAllLogs": False}
    for number in range(5):
        device(f"lamp-{number}")
    # when
    answer = audited()
    # then: every page was read
    assert answer["findings"] == []
    assert answer["complete"] is True
    assert set(outcomes(answer)) == set(NAMES)
    assert sum(outcome == "passed" for outcome in outcomes(answer).values()) == 9
    assert iot.pages == 3


def test_what_is_wrong_is_found_on_any_page(
    device: Callable[..., str], audited: Audit, iot: AuditedIot
) -> None:
    # given
    for number in range(5):
        last = device(f"lamp-{number}")
    made = datetime.now(UTC)
    expired = iot.add_certificate(
        certificate_pem(None, made - timedelta(9), made - timedelta(1)), ("lamp-4",)
    )
    iot.things["lamp-0"].principals.add(f"{ACCOUNT}:cert/{last}")
    # then
    answer = audited(
        checks=["DEVICE_CERTIFICATE_SHARED_CHECK", "DEVICE_CERTIFICATE_EXPIRING_CHECK"]
    )
    assert found(answer) == {
        ("DEVICE_CERTIFICATE_SHARED_CHECK", last),
        ("DEVICE_CERTIFICATE_EXPIRING_CHECK", expired),
    }
    assert len(outcomes(answer)) == 2


def test_a_certificate_that_only_a_row_names_is_looked_at_and_one_that_is_gone_is_not(
    device: Callable[..., str], audited: Audit, iot: AuditedIot
) -> None:
    # given
    left = iot.add_certificate(certificate_pem())
    long_ago = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    device("old", status="TERMINATED", certificate_id=left, updated_at=long_ago)
    device("older", status="TERMINATED", certificate_id="0" * 64, updated_at=long_ago)
    # then
    assert found(audited(checks=["REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK"])) == {
        ("REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK", left)
    }


@pytest.mark.parametrize("where", ["certificate", "group", "nowhere"])
def test_whatever_policy_a_device_has_is_looked_at_and_no_other(
    device: Callable[..., str], audited: Audit, iot: AuditedIot, where: str
) -> None:
    # given
    certificate = device("lamp")
    if where == "certificate":
        iot.certificates[f"{ACCOUNT}:cert/{certificate}"].policies.add("another")
    elif where == "group":
        iot.on_group.append("another")
    # then
    expected = set() if where == "nowhere" else {(OVERLY_PERMISSIVE, "another")}
    assert found(audited(checks=[OVERLY_PERMISSIVE])) == expected


@pytest.mark.parametrize(
    ("logging", "outcome"),
    [
        (Refusal("NotConfiguredException", 404), "failed"),
        ({"defaultLogLevel": "DISABLED"}, "failed"),
        ({"defaultLogLevel": "INFO", "disableAllLogs": True}, "failed"),
        ({"defaultLogLevel": "INFO", "disableAllLogs": False}, "passed"),
    ],
)
def test_logging(audited: Audit, iot: AuditedIot, logging: Any, outcome: str) -> None:
    iot.logging = logging
    assert outcomes(audited(checks=["LOGGING_DISABLED_CHECK"])) == {
        "LOGGING_DISABLED_CHECK": outcome
    }


def test_more_devices_than_one_audit_looks_at_are_told_of(
    device: Callable[..., str], audited: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(gathering, "MOST_DEVICES", 2)
    for number in range(3):
        device(f"lamp-{number}")
    # then
    assert audited()["complete"] is False


def test_the_clock_has_what_can_be_repaired_told_and_a_person_does_not(
    device: Callable[..., str], audited: Audit, iot: AuditedIot, topics: MemoryTopics
) -> None:
    # given
    device("lamp")
    iot.create_policy_version("playground-device", json.dumps(WIDE), setAsDefault=True)
    # when a person asks
    asked = audited()
    # then
    assert (OVERLY_PERMISSIVE, "playground-device") in found(asked)
    assert topics.published == []
    # when the clock does
    answer = audited(**SCHEDULED)
    # then: those alone that ProcessFinding does something about
    ((topic, message),) = topics.published
    assert topic == AUDIT_TOPIC
    assert message["findings"] == [
        one for one in answer["findings"] if one["check"] == OVERLY_PERMISSIVE
    ]
    assert len(answer["findings"]) > len(message["findings"]) == 1


def test_nothing_is_told_when_nothing_is_found(audited: Audit, topics: MemoryTopics) -> None:
    audited(**SCHEDULED)
    assert topics.published == []


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"check": ["x"]}, "check"),
        ({"checks": []}, "checks"),
        ({"checks": "x"}, "checks"),
        ({"checks": ["x"]}, "checks"),
    ],
)
def test_a_bad_request_is_refused_by_its_field(event: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        AuditRequest.from_event(event)
    assert refusal.value.field == field
