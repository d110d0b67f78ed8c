"""A device's request, signed here by its owner's authority: the key of neither is in the cloud."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.identifiers import JITR, MAX_REQUEST_BYTES, NOWHERE, identity_key, request_key
from playground.devices.devices import Devices, Row
from playground.devices.signer import Signer
from playground.errors import AuthorityError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PATIENCE_SECONDS = 300.0
"""As long as the workflow waits."""
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Certifying:
    """Of one device that makes its key itself."""

    home: Home
    signer: Signer
    thing_name: str

    def look(self) -> bool:
        """Sign its request, if that is there; whether it was, or is signed already.

        Raises AuthorityError for a request that can't be signed.
        """
        if self._has(identity_key(self.thing_name)):
            return True
        key = request_key(self.thing_name)
        if not self._has(key):
            return False
        found = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        csr = found.read(MAX_REQUEST_BYTES + 1).decode("ascii", "replace")
        certificate_id, chain = self.signer.sign(csr, self.thing_name)
        # As SignRequest does for AWS IoT's certificates (docs/contracts.md, "Config bucket").
        self._s3.put_object(
            Bucket=self._bucket,
            Key=identity_key(self.thing_name),
            Body=json.dumps({"certificateId": certificate_id, "certificatePem": chain}).encode(),
            ContentType="application/json",
            ServerSideEncryption="AES256",
        )
        return True

    def awaited(self) -> Iterator[None]:
        """Gives whenever it has looked, until it is signed. Raises AuthorityError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.look():
            self.check()
            if time.monotonic() > deadline:
                raise AuthorityError(f"{self.thing_name} has not sent a request in time.")
            yield
            time.sleep(PAUSE_SECONDS)

    def check(self) -> Row:
        """The device's row. Raises AuthorityError, or UnknownDeviceError, when nothing is to be
        signed for it.
        """
        row = Devices(self.home).row(self.thing_name)
        if row.get("identity") != JITR:
            raise AuthorityError(f"{self.thing_name} is not a device with method {JITR}.")
        if row.get("hosting") == NOWHERE:
            raise AuthorityError(
                f"{self.thing_name} is not virtual, so its request is with its owner: give it with "
                "--csr FILE."
            )
        if row["status"] != "PROVISIONING" or "certificate_id" in row:
            raise AuthorityError(f"{self.thing_name} waits for no certificate.")
        return row

    def _has(self, key: str) -> bool:
        found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        return bool(found.get("Contents"))

    @property
    def _s3(self) -> "S3Client":
        client: S3Client = self.home.client("s3")
        return client

    @property
    def _bucket(self) -> str:
        return self.home.output("ConfigBucketName")
