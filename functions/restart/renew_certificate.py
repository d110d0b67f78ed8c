"""RenewCertificate: the certificate that is to succeed the device's own, whose key went with its task.

As with the first one the key goes straight to the config bucket. The row says first that a certificate has been asked
for, and the certificate is made INACTIVE: should the function be killed before the row names it, the row tells when it
was made, and it can't have been used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from common import environment
from common.catalog import Catalog, now
from common.clients import CONFIG, NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.errors import RestartLost
from common.identity import keep_identity
from common.observability import logger, observed
from restart.holding import update_held

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class RenewRequest:
    """The device, the restart that holds it, and the Lambda invocation, whose log tells of the certificate."""

    thing_name: str
    restart_arn: str
    request_id: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any], request_id: str = "") -> "RenewRequest":
        """From the state's payload."""
        return cls(event["thingName"], event["restart"], request_id)


@dataclass(frozen=True)
class NextCertificate:
    """What may be told about a certificate: no key."""

    certificate_id: str
    certificate_arn: str


@dataclass(frozen=True)
class Renewal:
    """Makes one certificate per attempt of a restart, however often it is asked."""

    iot: "IoTClient"
    s3: "S3Client"
    catalog: Catalog
    bucket: str

    def certificate_for(self, asked: RenewRequest) -> NextCertificate:
        """Made on the first call, found in the catalog by every retry after it. Raises RestartLost."""
        row = self.catalog.row(asked.thing_name) or {}
        if "next_certificate_id" in row:
            made = NextCertificate(row["next_certificate_id"], row["next_certificate_arn"])
            if row.get("identity_pending"):
                return self._activate(made)
            # An earlier attempt died before the key reached the bucket. Nobody holds that key: begin again.
            self._discard(made)
        return self._create(asked)

    def _create(self, asked: RenewRequest) -> NextCertificate:
        request = {"certificate_requests": {f"{now()} {asked.request_id}"}}
        update_held(self.catalog.table, asked.thing_name, asked.restart_arn, sets={"ADD": request})
        answer = self.iot.create_keys_and_certificate(setAsActive=False)
        made = NextCertificate(answer["certificateId"], answer["certificateArn"])
        try:
            update_held(
                self.catalog.table,
                asked.thing_name,
                asked.restart_arn,
                sets={"DELETE": request},
                next_certificate_id=made.certificate_id,
                next_certificate_arn=made.certificate_arn,
            )
            keep_identity(self.s3, self.bucket, asked.thing_name, answer)
        except (BotoCoreError, ClientError, RestartLost):
            self._discard(made)
            raise
        # Not undone when it fails: it may have been written all the same, and the next attempt goes by it.
        update_held(self.catalog.table, asked.thing_name, asked.restart_arn, identity_pending=True)
        return self._activate(made)

    def _activate(self, made: NextCertificate) -> NextCertificate:
        self.iot.update_certificate(certificateId=made.certificate_id, newStatus="ACTIVE")
        return made

    def _discard(self, made: NextCertificate) -> None:
        """Nothing hangs on it yet: it was never handed on to AttachPolicy."""
        try:
            self.iot.delete_certificate(certificateId=made.certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return  # An earlier attempt discarded it; the catalog still named it.
        logger.warning("certificate discarded", certificate_id=made.certificate_id)


renewal = Renewal(
    iot=session.client("iot", config=NEVER_REPEAT),
    s3=session.client("s3", config=S3_CONFIG),
    catalog=Catalog(session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))),
    bucket=environment.required("CONFIG_BUCKET"),
)


@observed
def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, str]:
    """State RenewCertificate. Gives `{certificateId, certificateArn}`, no key."""
    request = RenewRequest.from_event(event, context.aws_request_id)
    with transient_faults_named():
        made = renewal.certificate_for(request)
    logger.info("certificate created", certificate_id=made.certificate_id)
    return {"certificateId": made.certificate_id, "certificateArn": made.certificate_arn}
