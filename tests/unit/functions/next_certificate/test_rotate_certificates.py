"""RotateCertificates: who is due, one job each, nobody who must be left alone, and a loud word when
it is too late.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certificates import rotate_certificates
from common.errors import AccessRefused, InvalidInput, TransientError
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot, RegisteredCertificate, Thing

LIFETIME_DAYS = 100  # tests/unit/stack.py
Rotate = Callable[..., dict[str, Any]]


def days_ago(days: float) -> str:
    return (
        (datetime.now(UTC) - timedelta(days=days))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


@pytest.fixture
def device(table: Any, iot: MemoryIot) -> Callable[..., None]:
    """Registers a device whose certificate is so many days old."""

    def make(name: str, days: float, **more: Any) -> None:
        iot.things[name] = Thing()
        row = {
            "thing_name": name,
            "status": "ONLINE",
            "certificate_id": name * 16,
            "execution_arn": "arn",
        }
        table.put_item(Item={**row, "certificate_created_at": days_ago(days), **more})

    return make


@pytest.fixture
def rotate(table: Any, iot: MemoryIot, context: Any) -> Rotate:
    return lambda **event: built(rotate_certificates)(event, context)


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {found["thingName"]: found["outcome"] for found in answer["due"]}


def test_what_is_due_gets_a_job_and_nothing_else(
    device: Callable[..., None], rotate: Rotate, iot: MemoryIot
) -> None:
    # given
    device("new", 0)
    device("nearly", 79.9)
    device("due", 80.1)
    device("away", 90, status="OFFLINE")
    # when
    answer = rotate()
    # then
    assert answer["lifetimeDays"] == LIFETIME_DAYS
    assert outcomes(answer) == {"away": "started", "due": "started"}
    assert [found["thingName"] for found in answer["due"]] == ["away", "due"], "oldest first"
    assert {tuple(job.executions) for job in iot.jobs.values()} == {("away",), ("due",)}
    for job_id, job in iot.jobs.items():
        assert job_id.startswith("playground-rotate-")
        assert json.loads(job.document) == {"operation": "rotate-cert"}


@pytest.mark.parametrize(
    "row",
    [
        {"status": "QUARANTINED"},
        {"status": "TERMINATED"},
        {"status": "FAILED"},
        {"status": "FAILED", "given_up_at": "then"},
        {"status": "PROVISIONING"},
        {"deprovisioning": "arn"},
    ],
    ids=str,
)
def test_who_must_be_left_alone_is(
    device: Callable[..., None], rotate: Rotate, iot: MemoryIot, row: dict[str, str]
) -> None:
    device("lamp", 200, **row)
    assert rotate()["due"] == []
    assert iot.jobs == {}


@pytest.mark.parametrize(
    ("status", "outcome"), [("QUEUED", "open"), ("IN_PROGRESS", "open"), ("FAILED", "started")]
)
def test_one_that_is_at_it_gets_no_second_job(
    device: Callable[..., None],
    rotate: Rotate,
    iot: MemoryIot,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    outcome: str,
) -> None:
    # given: yesterday's job, and somebody else's
    device("lamp", 90)
    monkeypatch.setattr(rotate_certificates, "now", lambda: days_ago(1))
    rotate()
    monkeypatch.undo()
    (job,) = iot.jobs.values()
    job.executions["lamp"] = status
    iot.create_job(
        "other",
        ["arn:aws:iot:eu-west-1:123456789012:thing/lamp"],
        "{}",
        "",
        {"inProgressTimeoutInMinutes": 1},
    )
    # when
    assert outcomes(rotate()) == {"lamp": outcome}
    # then: and never two on one day
    assert len(iot.jobs) == 2 + (outcome == "started")
    assert outcomes(rotate()) == {"lamp": "open"}


def test_to_look_changes_nothing(
    device: Callable[..., None], rotate: Rotate, iot: MemoryIot
) -> None:
    device("lamp", 90)
    assert outcomes(rotate(dryRun=True)) == {"lamp": "found"}
    assert iot.jobs == {}
    with pytest.raises(InvalidInput, match="dryRun"):
        rotate(dryRun="yes")


def test_one_past_its_lifetime_is_told_loudly(
    device: Callable[..., None], rotate: Rotate, printed: Callable[[], str]
) -> None:
    # given
    device("old", 100.1)
    device("due", 99.9)
    # when
    answer = rotate()
    # then
    assert {found["thingName"]: found["expired"] for found in answer["due"]} == {
        "old": True,
        "due": False,
    }
    lines = [json.loads(line) for line in printed().splitlines()]
    warnings = [line for line in lines if line.get("level") == "WARNING"]
    assert [(line["message"], line["thing_name"]) for line in warnings] == [
        ("certificate past its lifetime", "old")
    ]
    (figures,) = [line for line in lines if "_aws" in line]
    assert (
        figures["CertificatesDue"],
        figures["CertificatesExpired"],
        figures["RotationsStarted"],
    ) == ([2], [1], [2])


def test_a_row_that_does_not_tell_is_looked_up(table: Any, rotate: Rotate, iot: MemoryIot) -> None:
    # given a device from before rows told, and one whose certificate is gone
    lamp = "1" * 64
    for name, certificate_id in (("lamp", lamp), ("gone", "2" * 64)):
        iot.things[name] = Thing()
        table.put_item(
            Item={
                "thing_name": name,
                "status": "ONLINE",
                "certificate_id": certificate_id,
                "execution_arn": "arn",
            }
        )
    made_at = datetime.now(UTC) - timedelta(days=90)
    iot.certificates[f"arn:aws:iot:eu-west-1:123456789012:cert/{lamp}"] = RegisteredCertificate(
        "", made_at=made_at
    )
    # when, then
    assert outcomes(rotate()) == {"lamp": "started"}


def test_a_thing_that_is_gone_by_now_stops_nobody(
    device: Callable[..., None], rotate: Rotate, iot: MemoryIot
) -> None:
    device("gone", 95)
    device("lamp", 90)
    del iot.things["gone"]
    assert outcomes(rotate()) == {"gone": "gone", "lamp": "started"}


def test_so_many_a_day_the_oldest_first(
    device: Callable[..., None], rotate: Rotate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotate_certificates, "MOST_JOBS", 2)
    for number in range(4):
        device(f"lamp{number}", 90 + number)
    assert outcomes(rotate()) == {
        "lamp3": "started",
        "lamp2": "started",
        "lamp1": "left",
        "lamp0": "left",
    }
    assert outcomes(rotate()) == {
        "lamp3": "open",
        "lamp2": "open",
        "lamp1": "started",
        "lamp0": "started",
    }


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("ThrottlingException", 429, TransientError), ("UnauthorizedException", 401, AccessRefused)],
)
def test_what_aws_refuses_is_an_error(
    device: Callable[..., None], rotate: Rotate, code: str, status: int, error: type[Exception]
) -> None:
    device("lamp", 90)
    with (
        faults.refused(CLIENTS.client("iot"), "CreateJob", code, status),
        pytest.raises(error),
    ):
        rotate()
