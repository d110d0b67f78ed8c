"""Keys and certificate for a device; the private key goes straight to the config bucket and nowhere
else.

CreateKeysAndCertificate can't be repeated safely and names nothing beforehand. So the row says
first that a certificate has been asked for, and the certificate is made INACTIVE: if the function
is killed before the row names it, the sweep knows when it was made, and that it can't have been
used (docs/design/provisioning.md).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from certificates.identity_document import keep_identity
from certificates.ledger import Ledger
from common.errors import OwnershipLost, RestartLost
from common.moments import now
from common.observability import logger
from common.row import Row

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class Certificate:
    """What may be told about a certificate: no key."""

    certificate_id: str
    certificate_arn: str

    @property
    def answer(self) -> dict[str, str]:
        """As the workflow takes it."""
        return {"certificateId": self.certificate_id, "certificateArn": self.certificate_arn}


@dataclass(frozen=True)
class KeyIssuer:
    """Makes one certificate, however often it is asked."""

    iot: "IoTClient"
    """One that never repeats a call: the same request twice makes two certificates."""
    s3: "S3Client"
    bucket: str

    def certificate_for(self, ledger: Ledger, row: Row, request_id: str) -> Certificate:
        """Made on the first call, found in the `row` by every retry after it. `request_id` is the
        invocation's.

        Raises OwnershipLost or RestartLost when the device is no longer the workflow's to make.
        """
        named = f"{ledger.prefix}certificate"
        if f"{named}_id" in row:
            made = Certificate(row[f"{named}_id"], row[f"{named}_arn"])
            if row.get("identity_pending"):
                return self._activate(made)
            # An earlier attempt died before the key reached the bucket. Nobody holds that key:
            # begin again.
            self._discard(made)
        return self._create(ledger, f"{now()} {request_id}")

    def _create(self, ledger: Ledger, mark: str) -> Certificate:
        with ledger.asking(mark):
            answer = self.iot.create_keys_and_certificate(setAsActive=False)
        made = Certificate(answer["certificateId"], answer["certificateArn"])
        try:
            ledger.record(mark, made.certificate_arn)
            keep_identity(self.s3, self.bucket, ledger.thing_name, answer)
        except (BotoCoreError, ClientError, OwnershipLost, RestartLost):
            self._discard(made)
            raise
        # Not undone when it fails: it may have been written all the same, and the next attempt goes
        # by it.
        ledger.hand_over()
        return self._activate(made)

    def _activate(self, made: Certificate) -> Certificate:
        self.iot.update_certificate(certificateId=made.certificate_id, newStatus="ACTIVE")
        logger.info("certificate created", certificate_id=made.certificate_id)
        return made

    def _discard(self, made: Certificate) -> None:
        """Delete a certificate that was never active, and that nothing hangs on."""
        try:
            self.iot.delete_certificate(certificateId=made.certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return  # An earlier attempt discarded it; the catalog still named it.
        logger.warning("certificate discarded", certificate_id=made.certificate_id)
