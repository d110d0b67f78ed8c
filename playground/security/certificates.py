"""How old the devices' certificates are, and by when each is to be replaced."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from playground.devices.functions import ask
from playground.errors import PlaygroundError
from playground.home.homes import Home


class CertificatesError(PlaygroundError):
    """The stack did not say how old its certificates are."""


@dataclass(frozen=True)
class Aged:
    """A device's certificate. Days, and ISO 8601 times in UTC; `outcome` is what was done about one
    that is due.
    """

    thing_name: str
    status: str
    certificate_id: str
    created_at: str
    age_days: float
    rotate_by: str
    expired: bool
    outcome: str = ""


def ages(home: Home, rows: list[Mapping[str, Any]], *, start: bool = False) -> list[Aged]:
    """The certificates of these catalog rows, oldest first; with `start` the devices change those
    that are due.
    """
    answer = _ask(home, dry_run=not start)
    due = {found["thingName"]: found for found in answer["due"]}
    lifetime = timedelta(days=answer["lifetimeDays"])
    found = [
        _aged(row, due.get(row["thing_name"], {}), lifetime) for row in rows if _has_one(row, due)
    ]
    return sorted(found, key=lambda aged: aged.created_at)


def _has_one(row: Mapping[str, Any], due: Mapping[str, Any]) -> bool:
    """Whether it is known how old the row's certificate is; an old row leaves that to the stack to
    find out.
    """
    return row["thing_name"] in due or (
        "certificate_created_at" in row and row.get("status") not in ("TERMINATED", "FAILED")
    )


def _aged(row: Mapping[str, Any], due: Mapping[str, Any], lifetime: timedelta) -> Aged:
    created_at = due.get("createdAt") or row["certificate_created_at"]
    made = datetime.fromisoformat(created_at)
    age = datetime.now(UTC) - made
    outcome = due.get("outcome", "")
    return Aged(
        thing_name=row["thing_name"],
        status=row.get("status", ""),
        certificate_id=due.get("certificateId") or row.get("certificate_id", ""),
        created_at=created_at,
        age_days=round(age / timedelta(days=1), 1),
        rotate_by=(made + lifetime).isoformat(timespec="seconds").replace("+00:00", "Z"),
        expired=age >= lifetime,
        outcome="due" if outcome == "found" else outcome,
    )


def _ask(home: Home, *, dry_run: bool) -> dict[str, Any]:
    told = "The certificates could not be looked at: "
    return ask(home, "RotateCertificatesFunctionName", {"dryRun": dry_run}, CertificatesError, told)
