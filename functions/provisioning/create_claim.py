"""CreateClaim: the claim certificate that a device gets its own certificate with (fleet
provisioning).

`trusted-user`: one of the device's own, which AWS IoT lets expire after five minutes. `claim` and
`claim-csr`: one that all devices of the stack share, made when the first one asks for it. Either
goes to the device as a key that AWS IoT has made does, by one object, once; the row says first
which claim it is. Devices of a batch share one of their own. Who makes the key of the certificate
that it is exchanged for, makes no difference here.

The shared one is made INACTIVE, and a mark in the row says beforehand that a certificate is asked
for. It is active once the bucket has it. Who finds it INACTIVE there goes on where another attempt
was cut off; one that is REVOKED, or gone, is replaced (docs/security-keys.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from certificates.identity_document import as_identity, keep_identity_of, put_identity
from certificates.ledger import Ledger
from common.certificates import tolerating
from common.clients import (
    CONFIG,
    NEVER_REPEAT,
    S3_CONFIG,
    error_code,
    session,
    transient_faults_named,
)
from common.environment import Environment, environment
from common.errors import TransientError
from common.identifiers import OWN_CLAIM, shared_claim_key
from common.jsontext import read
from common.moments import now
from common.observability import Handler, logger, observed
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client

TRIES = 4
# How S3 says that somebody else has written the object: before us, or at this moment.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
OUTRUN = ("PreconditionFailed", "ConditionalRequestConflict")

Identity = Mapping[str, str]


@dataclass(frozen=True)
class Kept:
    """The shared claim as it lies in the bucket: its document, and the ETag of the object."""

    identity: Identity
    etag: str


@dataclass(frozen=True)
class Claims:
    """Where claim certificates come from."""

    iot: "IoTClient"
    issuing: "IoTClient"
    """One that never repeats a call: the same request twice makes two certificates."""
    s3: "S3Client"
    bucket: str
    template: str
    policy: str
    """What the shared claim may do: the topics of the template, nothing else."""

    def of_its_own(self) -> Identity:
        """A claim for this device alone. It can't be withdrawn, and expires after five minutes.

        https://docs.aws.amazon.com/iot/latest/apireference/API_CreateProvisioningClaim.html
        """
        return as_identity(self.issuing.create_provisioning_claim(templateName=self.template))

    def shared(self, key: str, ledger: Ledger, request_id: str) -> Identity:
        """The claim that lies under this key, made when there is none that works. Raises
        TransientError when others were faster every time.
        """
        for _ in range(TRIES):
            kept = self._kept(key)
            if kept is not None and self._in_force(kept.identity["certificateId"]):
                return kept.identity
            self._make(key, ledger, f"{now()} {request_id}", kept)
        raise TransientError("the claim certificate is being replaced by others")

    def _kept(self, key: str) -> Kept | None:
        # Listed first: without the permission to list, S3 answers 403 for what is not there.
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return None
        found = self.s3.get_object(Bucket=self.bucket, Key=key)
        return Kept(read(found["Body"].read()), found["ETag"])

    def _in_force(self, certificate_id: str) -> bool:
        """Whether it can be used, at least from now on."""
        try:
            found = self.iot.describe_certificate(certificateId=certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return False
        described = found["certificateDescription"]
        if described["status"] == "INACTIVE":
            # In this order: without its policy it would be of no use to whoever finds it ACTIVE.
            self.iot.attach_policy(policyName=self.policy, target=described["certificateArn"])
            self.iot.update_certificate(certificateId=certificate_id, newStatus="ACTIVE")
            return True
        if described["status"] == "ACTIVE":
            return True
        # Before there is another one: who is cut off here finds it again.
        self._remove(certificate_id, described["certificateArn"])
        return False

    def _make(self, key: str, ledger: Ledger, mark: str, replaced: Kept | None) -> None:
        """Put a new one into the bucket, INACTIVE, unless somebody else does."""
        with ledger.asking(mark):
            made = self.issuing.create_keys_and_certificate(setAsActive=False)
        if self._keep(key, as_identity(made), replaced):
            logger.info("claim certificate made", certificate_id=made["certificateId"])
        else:
            self.iot.delete_certificate(certificateId=made["certificateId"])
        ledger.settled(mark)

    def _keep(self, key: str, identity: Identity, replaced: Kept | None) -> bool:
        condition: Any = {"IfNoneMatch": "*"} if replaced is None else {"IfMatch": replaced.etag}
        try:
            put_identity(self.s3, self.bucket, key, identity, **condition)
        except ClientError as error:
            if error_code(error) not in OUTRUN:
                raise
            return False
        return True

    def _remove(self, certificate_id: str, arn: str) -> None:
        """One that was revoked: nobody is to use it any more."""
        with tolerating("ResourceNotFoundException"):
            self.iot.detach_policy(policyName=self.policy, target=arn)
            self.iot.delete_certificate(certificateId=certificate_id)


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State CreateClaim. Takes `{thingName, execution}`, gives `{claimCertificateId}`, no key.

    Repeatable: another attempt hands over another claim, and only that one counts.
    """
    s3_client = session.client("s3", config=S3_CONFIG)
    bucket = environment.required("CONFIG_BUCKET")
    claims = Claims(
        iot=session.client("iot", config=CONFIG),
        issuing=session.client("iot", config=NEVER_REPEAT),
        s3=s3_client,
        bucket=bucket,
        template=environment.required("PROVISIONING_TEMPLATE"),
        policy=environment.required("CLAIM_POLICY"),
    )
    device_catalog = wiring.catalog(environment, session)

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, str]:
        ledger = Ledger(device_catalog, event["thingName"], event["execution"])
        with transient_faults_named():
            row = ledger.row()
            if row.get("identity") == OWN_CLAIM:
                claim = claims.of_its_own()
            else:
                key = shared_claim_key(row.get("batch"))
                claim = claims.shared(key, ledger, context.aws_request_id)
            # The row first, so that whatever sees the device connect knows what to take away.
            ledger.expect(claim["certificateId"])
            keep_identity_of(s3_client, bucket, ledger.thing_name, claim)
        logger.info("claim handed over", claim_certificate_id=claim["certificateId"])
        return {"claimCertificateId": claim["certificateId"]}

    return handler


handler = observed(build(environment, session))
