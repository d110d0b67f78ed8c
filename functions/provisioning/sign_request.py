"""SignRequest: a certificate from the request that the device itself has made. Its key is never in
the cloud.

The device puts its request into the config bucket with the reference that its config holds; the
state looks until it is there. As with keys the row says first that a certificate is asked for, the
certificate is made INACTIVE, and it is activated and handed over only when the row names it. Unlike
a key it can be had again, so a retry goes on where the attempt before was cut off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from certificates.identity_document import keep_certificate
from certificates.ledger import Ledger
from certificates.message import Refused, checked_csr
from certificates.signing import SigningRequest
from common.clients import (
    CONFIG,
    NEVER_REPEAT,
    S3_CONFIG,
    error_code,
    session,
    transient_faults_named,
)
from common.environment import Environment, environment
from common.errors import RequestMissing, RequestRefused
from common.idempotency import once_per_execution, record_faults_named
from common.identifiers import MAX_REQUEST_BYTES, request_key
from common.moments import now
from common.observability import Handler, logger, observed
from common.row import Row
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import Policies
from devices.settling import Settling
from provisioning.attach_policy import attach_policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class RequestSigner:
    """Makes one certificate for an attempt, however often it is asked."""

    iot: "IoTClient"
    issuing: "IoTClient"
    """One that never repeats a call: the same request twice makes two certificates."""
    s3: "S3Client"
    catalog: Catalog
    bucket: str
    policies: Policies

    def request_of(self, thing_name: str) -> str | None:
        """What the device has put into the bucket; None while there is nothing. Raises
        RequestRefused.
        """
        key = request_key(thing_name)
        # Listed first: without the permission to list, S3 answers 403 for what is not there.
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return None
        content = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read(
            MAX_REQUEST_BYTES + 1
        )
        try:
            return checked_csr(content.decode("ascii")).strip() + "\n"
        except UnicodeDecodeError:
            raise RequestRefused("csr: must be PEM, hence ASCII") from None
        except Refused as refusal:
            raise RequestRefused(refusal.reason) from None

    def certificate_for(self, asked: SigningRequest, csr: str, request_id: str) -> str:
        """ARN of the certificate, which the device can fetch. `request_id` is the Lambda
        invocation's.

        Raises OwnershipLost or RestartLost when the device is no longer the workflow's to make,
        RequestRefused when AWS IoT takes neither key nor request.
        """
        ledger = asked.ledger(self.catalog)
        row = ledger.row()
        arn: str | None = row.get(f"{ledger.prefix}certificate_arn")
        if arn is None:
            arn, pem = self._create(ledger, csr, f"{now()} {request_id}")
        elif _has_connected(row, arn):
            return arn
        else:
            described = self.iot.describe_certificate(certificateId=_id_of(arn))
            pem = described["certificateDescription"]["certificatePem"]
        self.iot.update_certificate(certificateId=_id_of(arn), newStatus="ACTIVE")
        settling = Settling(self.iot, self.policies, lambda: self.catalog.row(asked.thing_name))
        attach_policy(asked.thing_name, arn, settling, existing=asked.restart_arn is not None)
        # The row first, so that whatever sees the device connect knows what to take away. The
        # certificate last: a device that has it connects at once.
        ledger.hand_over()
        keep_certificate(self.s3, self.bucket, asked.thing_name, _id_of(arn), pem)
        return arn

    def _create(self, ledger: Ledger, csr: str, mark: str) -> tuple[str, str]:
        try:
            with ledger.asking(mark):
                made = self.issuing.create_certificate_from_csr(
                    certificateSigningRequest=csr, setAsActive=False
                )
        except ClientError as error:
            if error_code(error) == "InvalidRequestException":
                raise RequestRefused(f"csr: AWS IoT refuses it: {error}") from error
            raise
        # An error here may hide that it was written: then a retry goes on with it. Otherwise the
        # mark stays in the row, and the sweep removes what was made, which is INACTIVE and good for
        # nothing.
        ledger.record(mark, made["certificateArn"])
        return made["certificateArn"], made["certificatePem"]


def _has_connected(row: Row, certificate_arn: str) -> bool:
    return bool(row.get("presence_certificate") == _id_of(certificate_arn))


def _id_of(certificate_arn: str) -> str:
    return certificate_arn.rpartition("/")[2]


def _not_yet(asked: SigningRequest, signer: RequestSigner) -> dict[str, Any]:
    asked.ledger(signer.catalog).row()  # raises when there is nothing more to wait for
    if asked.overdue:
        raise RequestMissing(f"{asked.thing_name} has not asked for its certificate in time")
    return {"signed": False, "certificateId": None, "certificateArn": None}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State SignRequest. Takes what `SigningRequest.from_event` takes, gives `{signed,
    certificateId, certificateArn}`.

    `signed` is false while the device has not asked. Raises RequestMissing when it has been waited
    for long enough.
    """
    signer = RequestSigner(
        iot=session.client("iot", config=CONFIG),
        issuing=session.client("iot", config=NEVER_REPEAT),
        s3=session.client("s3", config=S3_CONFIG),
        catalog=wiring.catalog(environment, session),
        bucket=environment.required("CONFIG_BUCKET"),
        policies=wiring.policies(environment),
    )

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        asked = SigningRequest.from_event(event)
        with transient_faults_named(), record_faults_named():
            csr = signer.request_of(asked.thing_name)
            if csr is None:
                return _not_yet(asked, signer)
            answer: dict[str, Any] = _answer(
                {"execution": asked.attempt, "asked": dict(event), "csr": csr}, context
            )
        return answer

    @once_per_execution("provisioning.sign_request._answer", environment, session)
    def _answer(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        asked = SigningRequest.from_event(event["asked"])
        arn = signer.certificate_for(asked, event["csr"], context.aws_request_id)
        logger.info("certificate created", certificate_id=_id_of(arn))
        return {"signed": True, "certificateId": _id_of(arn), "certificateArn": arn}

    return handler


handler = observed(build(environment, session))
