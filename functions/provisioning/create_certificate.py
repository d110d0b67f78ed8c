"""CreateCertificate: keys and certificate; the private key goes straight to the config bucket and nowhere else.

CreateKeysAndCertificate can't be repeated safely and names nothing beforehand. So the row says first that a certificate
has been asked for, and the certificate is made INACTIVE: if the function is killed before the row names it, the sweep
knows when it was made, and that it can't have been used (docs/architecture.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import idempotent
from botocore.exceptions import BotoCoreError, ClientError

from common import environment
from common.catalog import Catalog, now
from common.clients import CONFIG, NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.errors import OwnershipLost
from common.idempotency import PER_EXECUTION, record_faults_named, records
from common.identity import keep_identity
from common.observability import logger, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient
    from types_boto3_iot.type_defs import CreateKeysAndCertificateResponseTypeDef
    from types_boto3_s3 import S3Client

SERVER_ERROR = 500


@dataclass(frozen=True)
class Certificate:
    """What may be told about a certificate: no key."""

    certificate_id: str
    certificate_arn: str


@dataclass(frozen=True)
class CertificateRequest:
    """Which device needs a certificate, for which execution; `request_id` is the Lambda invocation's."""

    thing_name: str
    execution_arn: str
    request_id: str


@dataclass(frozen=True)
class CertificateIssuer:
    """Makes one certificate for a thing that an execution has claimed, however often it is asked."""

    iot: "IoTClient"
    s3: "S3Client"
    catalog: Catalog
    bucket: str

    def certificate_for(self, asked: CertificateRequest) -> Certificate:
        """The thing's certificate; made on the first call, found in the catalog by every retry after it.

        Raises OwnershipLost when the device is no longer the execution's to make.
        """
        row = self.catalog.owned(asked.thing_name, asked.execution_arn)
        if "certificate_id" not in row:
            return self._create(asked)
        made = Certificate(row["certificate_id"], row["certificate_arn"])
        if row["status"] != "PROVISIONING":
            # The device has connected with it; whether it may go on is not this function's business any more.
            return made
        if row.get("identity_pending"):
            return self._activate(made)
        # An earlier attempt died before the key reached the bucket. Nobody holds that key: begin again.
        self._discard(made)
        return self._create(asked)

    def _create(self, asked: CertificateRequest) -> Certificate:
        # Millisecond and invocation: when to look for the certificate, and which log tells of it.
        request = {"certificate_requests": {f"{now()} {asked.request_id}"}}
        self.catalog.update(asked.thing_name, asked.execution_arn, add=request)
        answer = self._make_keys(asked, request)
        made = Certificate(answer["certificateId"], answer["certificateArn"])
        try:
            self.catalog.update(
                asked.thing_name,
                asked.execution_arn,
                take_out=request,
                certificate_id=made.certificate_id,
                certificate_arn=made.certificate_arn,
                certificate_created_at=now(),
            )
            keep_identity(self.s3, self.bucket, asked.thing_name, answer)
        except (BotoCoreError, ClientError, OwnershipLost):
            self._discard(made)
            raise
        # Not undone when it fails: it may have been written all the same, and the next attempt goes by it.
        self.catalog.update(asked.thing_name, asked.execution_arn, identity_pending=True)
        return self._activate(made)

    def _make_keys(
        self, asked: CertificateRequest, request: Mapping[str, set[str]]
    ) -> "CreateKeysAndCertificateResponseTypeDef":
        try:
            return self.iot.create_keys_and_certificate(setAsActive=False)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < SERVER_ERROR:
                # Refused, so nothing was made. After any other error the sweep has to look.
                self.catalog.update(asked.thing_name, asked.execution_arn, take_out=request)
            raise

    def _activate(self, made: Certificate) -> Certificate:
        self.iot.update_certificate(certificateId=made.certificate_id, newStatus="ACTIVE")
        return made

    def _discard(self, certificate: Certificate) -> None:
        """Delete a certificate that was never active, and that nothing hangs on."""
        try:
            self.iot.delete_certificate(certificateId=certificate.certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return  # An earlier attempt discarded it; the catalog still named it.
        logger.warning("certificate discarded", certificate_id=certificate.certificate_id)


issuer = CertificateIssuer(
    iot=session.client("iot", config=NEVER_REPEAT),
    s3=session.client("s3", config=S3_CONFIG),
    catalog=Catalog(session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))),
    bucket=environment.required("CONFIG_BUCKET"),
)
answers = records(environment.required("IDEMPOTENCY_TABLE"))


@observed
def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, str]:
    """State CreateCertificate. Takes `{thingName, execution}`, gives `{certificateId, certificateArn}`."""
    with transient_faults_named(), record_faults_named():
        answer: dict[str, str] = _answer(dict(event), context)
    return answer


@idempotent(persistence_store=answers, config=PER_EXECUTION)
def _answer(event: dict[str, Any], context: "LambdaContext") -> dict[str, str]:
    # Its answer is kept: it must hold no key.
    certificate = issuer.certificate_for(
        CertificateRequest(event["thingName"], event["execution"], context.aws_request_id)
    )
    logger.info("certificate created", certificate_id=certificate.certificate_id)
    return {"certificateId": certificate.certificate_id, "certificateArn": certificate.certificate_arn}
