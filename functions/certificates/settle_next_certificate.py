"""SettleNextCertificate: the successor takes the place of a device's certificate, or goes.

The device confirms over the successor itself, which proves that it works; it abandons over the
certificate in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certificates.message import (
    CertificateMessage,
    NotOurs,
    Refused,
    answer,
    checked_certificate_id,
)
from certificates.succession import Succession
from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import TransientError
from common.observability import Handler, logger, metrics, observed
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


@dataclass(frozen=True)
class Settlement:
    """Ends a succession; everything in it can be repeated."""

    succession: Succession

    def settle(self, message: CertificateMessage) -> dict[str, str]:
        """The answer: `{jobId, certificateId}`, the certificate in force; raises Refused."""
        if message.request == "confirm":
            return self.confirm(message)
        if message.request == "abandon":
            return self.abandon(message)
        raise Refused("INVALID_REQUEST", "the topic must end with confirm or abandon")

    def confirm(self, message: CertificateMessage) -> dict[str, str]:
        """The successor is in force; the certificate before it is revoked and deleted."""
        asked = message.content("certificateId")
        job_id, certificate_id = asked["jobId"], checked_certificate_id(asked["certificateId"])
        if message.principal != certificate_id:
            raise Refused("NOT_ALLOWED", "only over the certificate that is confirmed")
        row = self.succession.row(message.thing_name)
        if (
            row.get("next_certificate_id") == certificate_id
            and row.get("next_certificate_job") == job_id
        ):
            if not self.succession.promote(row):
                raise TransientError(f"the row of {message.thing_name} has changed meanwhile")
            logger.info(
                "certificate replaced", certificate_id=certificate_id, before=row["certificate_id"]
            )
            row = self.succession.row(message.thing_name)
        if row.get("certificate_id") != certificate_id:
            raise Refused(
                "UNKNOWN_CERTIFICATE", "it is not the successor of the certificate in force"
            )
        self.succession.retire(row)
        return {"jobId": job_id, "certificateId": certificate_id}

    def abandon(self, message: CertificateMessage) -> dict[str, str]:
        """The job's successor is revoked and deleted, and it gets no other."""
        job_id = message.content()["jobId"]
        row = self.succession.row(message.thing_name)
        if message.principal != row.get("certificate_id"):
            raise Refused("NOT_ALLOWED", "only over the certificate that is in force")
        if not self.succession.abandon(row, job_id):
            raise TransientError(f"the row of {message.thing_name} has changed meanwhile")
        # Read after that: whatever was being made for the job is written down by now, or never will
        # be.
        row = self.succession.row(message.thing_name)
        if row.get("next_certificate_job") == job_id:
            self.succession.discard(row)
            logger.info(
                "next certificate abandoned",
                certificate_id=row["next_certificate_id"],
                job_id=job_id,
            )
        return {"jobId": job_id, "certificateId": row["certificate_id"]}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Target of the rules on `cmd/playground/+/certificate/confirm` and `abandon`. Gives what it
    has answered.
    """
    iot_client = session.client("iot", config=CONFIG)
    iot_data = session.client("iot-data", config=CONFIG)
    settlement = Settlement(
        Succession(
            wiring.catalog_table(environment, session),
            iot_client,
        )
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        message = CertificateMessage.from_event(event)
        with transient_faults_named():
            try:
                said: dict[str, Any] = dict(settlement.settle(message))
                metrics.add_metric(
                    f"Certificates{message.request.title()}ed", unit="Count", value=1
                )
            except NotOurs as nobody:
                logger.info("not of this stack")
                return {
                    "thingName": message.thing_name,
                    "jobId": message.job_id,
                    "code": nobody.code,
                }
            except Refused as refusal:
                logger.warning(
                    "not settled", request=message.request, code=refusal.code, reason=refusal.reason
                )
                said = {"jobId": message.job_id, "code": refusal.code, "reason": refusal.reason}
            answer(iot_data, message, "rejected" if "code" in said else "accepted", said)
        return {"thingName": message.thing_name, **said}

    return handler


handler = observed(build(environment, session))
