"""CreateCertificate: keys and certificate; the private key goes straight to the config bucket and nowhere else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from common import environment
from common.catalog import Catalog
from common.clients import CONFIG, NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.identifiers import identity_key
from common.observability import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Certificate:
    """What may be told about a certificate: no key."""

    certificate_id: str
    certificate_arn: str


@dataclass(frozen=True)
class CertificateIssuer:
    """Makes one certificate for a thing that an execution has claimed, however often it is asked."""

    iot: "IoTClient"
    s3: "S3Client"
    catalog: Catalog
    bucket: str

    def certificate_for(self, thing_name: str) -> Certificate:
        """The thing's certificate; made on the first call, found in the catalog by every retry after it."""
        row = self.catalog.row(thing_name) or {}
        if "certificate_id" in row:
            made = Certificate(row["certificate_id"], row["certificate_arn"])
            if row.get("identity_pending"):
                return made
            # An earlier attempt died before the key reached the bucket. Nobody holds that key: begin again.
            self._discard(thing_name, made)
        return self._create(thing_name)

    def _create(self, thing_name: str) -> Certificate:
        answer = self.iot.create_keys_and_certificate(setAsActive=True)
        made = Certificate(answer["certificateId"], answer["certificateArn"])
        try:
            # Known to the catalog first, so that CleanUp finds it whatever happens next.
            self.catalog.update(thing_name, certificate_id=made.certificate_id, certificate_arn=made.certificate_arn)
            identity = {
                "certificateId": made.certificate_id,
                "certificatePem": answer["certificatePem"],
                "privateKey": answer["keyPair"]["PrivateKey"],
            }
            self.s3.put_object(
                Bucket=self.bucket,
                Key=identity_key(thing_name),
                Body=json.dumps(identity).encode(),
                ContentType="application/json",
            )
        except (BotoCoreError, ClientError, KeyError):
            self._discard(thing_name, made)
            raise
        # Not undone when it fails: it may have been written all the same, and the next attempt goes by it.
        self.catalog.update(thing_name, identity_pending=True)
        return made

    def _discard(self, thing_name: str, certificate: Certificate) -> None:
        try:
            self.iot.update_certificate(certificateId=certificate.certificate_id, newStatus="INACTIVE")
            self.iot.delete_certificate(certificateId=certificate.certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return  # An earlier attempt discarded it; the catalog still named it.
        logger.warning("certificate discarded", thing_name=thing_name, certificate_id=certificate.certificate_id)


issuer = CertificateIssuer(
    iot=session.client("iot", config=NEVER_REPEAT),
    s3=session.client("s3", config=S3_CONFIG),
    catalog=Catalog(session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))),
    bucket=environment.required("CONFIG_BUCKET"),
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State CreateCertificate. Takes `{thingName}`, gives `{certificateId, certificateArn}`."""
    logger.append_keys(thing_name=event["thingName"])
    with transient_faults_named():
        certificate = issuer.certificate_for(event["thingName"])
    logger.info("certificate created", certificate_id=certificate.certificate_id)
    return {"certificateId": certificate.certificate_id, "certificateArn": certificate.certificate_arn}
