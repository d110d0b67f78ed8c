"""RotateCertificates: a job `rotate-cert` for every device whose certificate comes near the end of
its lifetime.

AWS IoT makes certificates that are valid until 2049 and takes no other date, so the lifetime is the
stack's own rule: a certificate is to be replaced before it is that old. Called once a day.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import CONFIG, error_code, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import InvalidInput
from common.identifiers import NOWHERE
from common.items import scan
from common.jsonvalues import told
from common.moments import as_text, now
from common.observability import Handler, logger, metrics, observed
from common.row import is_free
from devices import wiring
from holding.conditions import is_held
from holding.purposes import RULES, Purpose

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot import IoTClient

# A fifth of the lifetime is left for devices that are away, and for a second and third try.
DUE_AT = 0.8
# CreateJob has ten calls a second in an account, and the rest of the account needs some. What is
# left over is due tomorrow too: a whole fleet that was made in one day has a fifth of its lifetime
# to get through.
MOST_JOBS = 200
OPEN = ("QUEUED", "IN_PROGRESS")
DOCUMENT = json.dumps({"operation": "rotate-cert"})
IN_PROGRESS_MINUTES = 60
# A job's id has at most 64 characters:
# https://docs.aws.amazon.com/iot/latest/apireference/API_CreateJob.html
STACK_CHARACTERS = 36

# Nothing is made for a device that is not there yet, is being replaced or removed, or has been
# locked up.
SKIPPED = ("PROVISIONING", "QUARANTINED", "STOPPED", "FAILED", "TERMINATED")
_ATTRIBUTES = (
    "thing_name",
    "status",
    "certificate_id",
    "certificate_created_at",
    "given_up_at",
    "hosting",
    RULES[Purpose.DEPROVISION].attribute,
)


@dataclass(frozen=True)
class RotationRequest:
    """Whether only to look."""

    dry_run: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RotationRequest":
        """From `{dryRun?}`, or a schedule's event, which has other fields; raises InvalidInput."""
        dry_run = event.get("dryRun", False)
        if not isinstance(dry_run, bool):
            raise InvalidInput("dryRun", f"must be true or false, got {told(dry_run)}")
        return cls(dry_run)


@dataclass(frozen=True)
class Due:
    """A certificate that is to be replaced. `outcome`: found, started, open (there is such a job),
    left, gone.
    """

    thing_name: str
    certificate_id: str
    created_at: str
    expired: bool
    outcome: str = "found"

    @property
    def answer(self) -> dict[str, Any]:
        """As it is told."""
        return {
            "thingName": self.thing_name,
            "certificateId": self.certificate_id,
            "createdAt": self.created_at,
            "expired": self.expired,
            "outcome": self.outcome,
        }


@dataclass(frozen=True)
class Rotations:
    """Finds what is due, and has the devices change it."""

    table: "Table"
    iot: "IoTClient"
    lifetime: timedelta
    job_prefix: str
    thing_arn: str
    """What the ARN of every thing begins with."""

    def run(self, request: RotationRequest) -> list[Due]:
        """What is due, oldest first, and what was done about it."""
        found = sorted(self._due(), key=lambda due: due.created_at)
        if request.dry_run:
            return found
        started = 0
        outcomes = []
        for due in found:
            outcome = "left" if started >= MOST_JOBS else self._start(due)
            started += outcome == "started"
            outcomes.append(
                Due(due.thing_name, due.certificate_id, due.created_at, due.expired, outcome)
            )
        return outcomes

    def _due(self) -> Iterator[Due]:
        moment = datetime.now(UTC)
        for row in scan(self.table, _ATTRIBUTES, consistent=False):
            if row["status"] in SKIPPED or is_free(row) or is_held(row, Purpose.DEPROVISION):
                continue
            # The job is for virtual devices; others need not know it.
            if "certificate_id" not in row or row.get("hosting") == NOWHERE:
                continue
            created_at = row.get("certificate_created_at") or self._created_at(
                row["certificate_id"]
            )
            if created_at is None:
                continue
            age = moment - datetime.fromisoformat(created_at)
            if age >= self.lifetime * DUE_AT:
                yield Due(
                    row["thing_name"],
                    row["certificate_id"],
                    created_at,
                    expired=age >= self.lifetime,
                )

    def _created_at(self, certificate_id: str) -> str | None:
        """Of a certificate from before the row told; None when it is gone."""
        try:
            found = self.iot.describe_certificate(certificateId=certificate_id)[
                "certificateDescription"
            ]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return as_text(found["creationDate"])

    def _start(self, due: Due) -> str:
        """Repeatable: the job is named after the certificate and the day."""
        try:
            if self._has_open_job(due.thing_name):
                return "open"
            self.iot.create_job(
                jobId=f"{self.job_prefix}{due.certificate_id[:12]}-{now()[2:10].replace('-', '')}",
                targets=[self.thing_arn + due.thing_name],
                document=DOCUMENT,
                description="The certificate comes near the end of its lifetime",
                timeoutConfig={"inProgressTimeoutInMinutes": IN_PROGRESS_MINUTES},
            )
        except ClientError as error:
            # The thing is gone since the row was read; or a second run on the same day.
            outcomes = {
                "ResourceNotFoundException": "gone",
                "ResourceAlreadyExistsException": "open",
            }
            if error_code(error) not in outcomes:
                raise
            return outcomes[error_code(error)]
        return "started"

    def _has_open_job(self, thing_name: str) -> bool:
        """One of this function, or `playground job create rotate-cert`; other jobs may be for
        anything.
        """
        pages = self.iot.get_paginator("list_job_executions_for_thing").paginate(
            thingName=thing_name
        )
        return any(
            item["jobId"].startswith(self.job_prefix)
            and item["jobExecutionSummary"]["status"] in OPEN
            for page in pages
            for item in page["executionSummaries"]
        )


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Called once a day. Takes `{dryRun?}`, gives `{dryRun, lifetimeDays, due: [{thingName,
    ...}]}`, oldest first.
    """
    rotations = Rotations(
        table=wiring.catalog_table(environment, session),
        iot=session.client("iot", config=CONFIG),
        lifetime=timedelta(days=float(environment.required("CERTIFICATE_LIFETIME_DAYS"))),
        job_prefix=environment.required("STACK_NAME")[:STACK_CHARACTERS] + "-rotate-",
        thing_arn=environment.required("THING_ARN"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = RotationRequest.from_event(event)
        with transient_faults_named():
            due = rotations.run(request)
        expired = [found for found in due if found.expired]
        for found in expired:
            logger.warning(
                "certificate past its lifetime",
                thing_name=found.thing_name,
                created_at=found.created_at,
            )
        metrics.add_metric("CertificatesDue", unit="Count", value=len(due))
        metrics.add_metric("CertificatesExpired", unit="Count", value=len(expired))
        metrics.add_metric(
            "RotationsStarted", unit="Count", value=sum(found.outcome == "started" for found in due)
        )
        logger.info(
            "certificates looked at", due=len(due), expired=len(expired), dry_run=request.dry_run
        )
        days = rotations.lifetime / timedelta(days=1)
        return {
            "dryRun": request.dry_run,
            "lifetimeDays": days,
            "due": [found.answer for found in due],
        }

    return handler


handler = observed(build(environment, session))
