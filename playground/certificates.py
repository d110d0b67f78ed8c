"""How old the devices' certificates are, and by when each is to be replaced."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from playground.errors import PlaygroundError
from playground.homes import Home

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

# The function may take 300 seconds.
PATIENT = Config(read_timeout=320, retries={"total_max_attempts": 1})


class CertificatesError(PlaygroundError):
    """The stack did not say how old its certificates are."""


@dataclass(frozen=True)
class Aged:
    """A device's certificate. Days, and ISO 8601 times in UTC; `outcome` is what was done about one that is due."""

    thing_name: str
    certificate_id: str
    created_at: str
    age_days: float
    rotate_by: str
    expired: bool
    outcome: str = ""


def ages(home: Home, rows: list[Mapping[str, Any]]) -> list[Aged]:
    """The certificates of these catalog rows, oldest first; `outcome` says of which one is due."""
    answer = _ask(home, dry_run=True)
    due = {found["thingName"] for found in answer["due"]}
    lifetime = timedelta(days=answer["lifetimeDays"])
    known = [
        row for row in rows if "certificate_created_at" in row and row.get("status") not in ("TERMINATED", "FAILED")
    ]
    found = [_aged(row, lifetime, "due" if row["thing_name"] in due else "") for row in known]
    return sorted(found, key=lambda aged: aged.created_at)


def due(home: Home, *, start: bool) -> list[Aged]:
    """The certificates that are due, oldest first; with `start` their devices are told to change them."""
    answer = _ask(home, dry_run=not start)
    lifetime = timedelta(days=answer["lifetimeDays"])
    return [
        _aged(
            {
                "thing_name": found["thingName"],
                "certificate_id": found["certificateId"],
                "certificate_created_at": found["createdAt"],
            },
            lifetime,
            found["outcome"],
        )
        for found in answer["due"]
    ]


def _aged(row: Mapping[str, Any], lifetime: timedelta, outcome: str) -> Aged:
    made = datetime.fromisoformat(row["certificate_created_at"])
    age = datetime.now(UTC) - made
    return Aged(
        thing_name=row["thing_name"],
        certificate_id=row.get("certificate_id", ""),
        created_at=row["certificate_created_at"],
        age_days=round(age / timedelta(days=1), 1),
        rotate_by=(made + lifetime).isoformat(timespec="seconds").replace("+00:00", "Z"),
        expired=age >= lifetime,
        outcome=outcome,
    )


def _ask(home: Home, *, dry_run: bool) -> dict[str, Any]:
    client: LambdaClient = home.client("lambda", PATIENT)
    payload = json.dumps({"dryRun": dry_run}).encode()
    answer = client.invoke(FunctionName=home.output("RotateCertificatesFunctionName"), Payload=payload)
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CertificatesError(f"The certificates could not be looked at: {said.get('errorMessage', said)}")
    return said
