"""IssueNextCertificate: a successor for a device's certificate, from a signing request that the
device has made.

Only for a job `rotate-cert` that the device is carrying out: whoever holds a stolen certificate
can't have more of them at will. The private key never leaves the device.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from certificates.message import CertificateMessage, NotOurs, Refused, answer, checked_csr
from certificates.succession import Succession
from common.certificates import remove_certificate
from common.clients import CONFIG, NEVER_REPEAT, error_code, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import TransientError
from common.jsontext import read_or_none
from common.moments import now
from common.observability import Handler, logger, observed
from common.row import Row
from devices import wiring
from devices.confinement import Policies
from devices.settling import Settling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_iot.type_defs import CreateCertificateFromCsrResponseTypeDef

OPERATION = "rotate-cert"
SERVER_ERROR = 500


@dataclass(frozen=True)
class CertificateRequest:
    """What a certificate is made from, for which job; `mark` is how the row calls it."""

    job_id: str
    csr: str
    digest: str
    mark: str


@dataclass(frozen=True)
class NextCertificateIssuer:
    """Makes one certificate for a job of a device, however often it is asked."""

    iot: "IoTClient"
    issuing: "IoTClient"
    """One that never repeats a call: the same request twice makes two certificates."""
    succession: Succession
    policies: Policies

    def issue(self, message: CertificateMessage, request_id: str) -> dict[str, str]:
        """The answer: `{jobId, certificateId, certificatePem, csrSha256}`; raises Refused.

        `request_id` is the Lambda invocation's.
        """
        asked = message.content("csr")
        job_id, csr = asked["jobId"], checked_csr(asked["csr"])
        row = self._authorised(message, job_id)
        digest = hashlib.sha256(csr.encode()).hexdigest()
        mark = f"{now()} {request_id}"
        arn, pem = self._found(row, job_id, digest) or self._made(
            row, CertificateRequest(job_id, csr, digest, mark)
        )
        self._put_to_use(row, arn)
        return {
            "jobId": job_id,
            "certificateId": arn.rpartition("/")[2],
            "certificatePem": pem,
            "csrSha256": digest,
        }

    def _put_to_use(self, row: Row, arn: str) -> None:
        """Make it one to connect with. Only once: whoever makes it inactive afterwards has a
        reason.
        """
        attached = {
            policy["policyName"]
            for policy in self.iot.list_attached_policies(target=arn)["policies"]
        }
        if not attached & {self.policies.device, self.policies.quarantine}:
            self.iot.update_certificate(certificateId=arn.rpartition("/")[2], newStatus="ACTIVE")
        Settling(self.iot, self.policies, lambda: self.succession.row(row["thing_name"])).settle(
            arn
        )
        self.iot.attach_thing_principal(thingName=row["thing_name"], principal=arn)

    def _authorised(self, message: CertificateMessage, job_id: str) -> Row:
        row = self.succession.row(message.thing_name)
        if message.principal != row.get("certificate_id"):
            raise Refused("NOT_ALLOWED", "only over the certificate that is in force")
        if row.get("abandoned_rotation") == job_id:
            raise Refused("ABANDONED", f"the device has abandoned job {job_id}")
        if "next_certificate_id" in row and "next_certificate_job" not in row:
            raise Refused("CONFLICT", "a workflow is replacing the certificate")
        self._check_job(message.thing_name, job_id)
        return row

    def _check_job(self, thing_name: str, job_id: str) -> None:
        try:
            execution = self.iot.describe_job_execution(jobId=job_id, thingName=thing_name)[
                "execution"
            ]
            document = self.iot.get_job_document(jobId=job_id)["document"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise Refused("NO_SUCH_JOB", f"{thing_name} has no job {job_id}") from error
            raise
        if execution["status"] != "IN_PROGRESS" or _operation(document) != OPERATION:
            raise Refused("NO_SUCH_JOB", f"job {job_id} is no {OPERATION} that is in progress")

    def _found(self, row: Row, job_id: str, digest: str) -> tuple[str, str] | None:
        """The successor that was made for this very request; one for another request goes."""
        if "next_certificate_id" not in row:
            return None
        if (row["next_certificate_job"], row["next_certificate_request"]) == (job_id, digest):
            try:
                found = self.iot.describe_certificate(certificateId=row["next_certificate_id"])
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
            else:
                described = found["certificateDescription"]
                return described["certificateArn"], described["certificatePem"]
        self.succession.discard(row)
        return None

    def _made(self, row: Row, asked: CertificateRequest) -> tuple[str, str]:
        if not self.succession.ask(row, asked.mark):
            raise _changed(row)
        made = self._sign(row, asked)
        arn = made["certificateArn"]
        try:
            # Known to the catalog before it can do anything, so that it is found whatever happens
            # next.
            recorded = self.succession.record(row, asked.job_id, arn, asked.digest, asked.mark)
        except ClientError:
            remove_certificate(self.iot, row["thing_name"], arn)
            raise
        if not recorded:
            remove_certificate(self.iot, row["thing_name"], arn)
            self.succession.settle(row, asked.mark)
            raise _changed(row)
        logger.info(
            "next certificate made", certificate_id=made["certificateId"], job_id=asked.job_id
        )
        return arn, made["certificatePem"]

    def _sign(
        self, row: Row, asked: CertificateRequest
    ) -> "CreateCertificateFromCsrResponseTypeDef":
        """A certificate that is not active: one that nobody comes to know of is good for
        nothing.
        """
        try:
            return self.issuing.create_certificate_from_csr(
                certificateSigningRequest=asked.csr, setAsActive=False
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < SERVER_ERROR:
                # Refused, so nothing was made. After any other error one may have been.
                self.succession.settle(row, asked.mark)
            if error_code(error) == "InvalidRequestException":
                raise Refused("INVALID_REQUEST", "csr: AWS IoT refuses it") from error
            raise


def _changed(row: Row) -> TransientError:
    return TransientError(f"the row of {row['thing_name']} has changed meanwhile")


def _operation(document: str) -> object:
    found = read_or_none(document)
    return found.get("operation") if isinstance(found, dict) else None


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Target of the rule on `cmd/playground/+/certificate/create`. Gives what it has answered to
    the device.
    """
    iot_client = session.client("iot", config=CONFIG)
    iot_data = session.client("iot-data", config=CONFIG)
    issuer = NextCertificateIssuer(
        iot=iot_client,
        issuing=session.client("iot", config=NEVER_REPEAT),
        succession=Succession(wiring.catalog_table(environment, session), iot_client),
        policies=wiring.policies(environment),
    )

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        message = CertificateMessage.from_event(event)
        with transient_faults_named():
            try:
                said: dict[str, Any] = dict(issuer.issue(message, context.aws_request_id))
            except NotOurs as nobody:
                logger.info("not of this stack")
                return {
                    "thingName": message.thing_name,
                    "jobId": message.job_id,
                    "code": nobody.code,
                }
            except Refused as refusal:
                logger.warning("certificate refused", code=refusal.code, reason=refusal.reason)
                said = {"jobId": message.job_id, "code": refusal.code, "reason": refusal.reason}
            answer(iot_data, message, "rejected" if "code" in said else "accepted", said)
        return {"thingName": message.thing_name, **said}

    return handler


handler = observed(build(environment, session))
