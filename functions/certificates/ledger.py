"""What the catalog row says of a certificate while it is being made.

A provisioning makes the device's first certificate; a restart makes one that is to succeed the
certificate in force.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from common.moments import now
from common.row import CLAIM, Row
from devices.catalog import Catalog
from holding.hold import Hold
from holding.restart import restart_of

SERVER_ERROR = 500


@dataclass(frozen=True)
class Ledger:
    """One device's, for the provisioning that made it or the restart that holds it.

    Every method raises OwnershipLost or RestartLost once the device is somebody else's.
    """

    catalog: Catalog
    thing_name: str
    execution_arn: str | None = None
    restart_arn: str | None = None

    @property
    def prefix(self) -> str:
        """How the attributes begin that name it."""
        return "next_" if self.restart_arn else ""

    def row(self) -> Row:
        """The row as it is now."""
        if self.restart_arn is None:
            return self.catalog.owned(self.thing_name, str(self.execution_arn))
        return self._restart(self.restart_arn).checked(self.catalog.row(self.thing_name))

    @contextmanager
    def asking(self, mark: str) -> Iterator[None]:
        """The row says so before a certificate is asked for in this block. `mark`: when, and by
        which invocation.
        """
        self._write(add={"certificate_requests": {mark}})
        try:
            yield
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < SERVER_ERROR:
                # Refused, so nothing was made. After any other error the sweep has to look.
                self._write(take_out={"certificate_requests": {mark}})
            raise

    def record(self, mark: str, certificate_arn: str) -> None:
        """The certificate is there, and this is its name."""
        names: dict[str, Any] = {
            f"{self.prefix}certificate_id": certificate_arn.rpartition("/")[2],
            f"{self.prefix}certificate_arn": certificate_arn,
        }
        if not self.prefix:
            names["certificate_created_at"] = now()
        self._write(take_out={"certificate_requests": {mark}}, **names)

    def settled(self, mark: str) -> None:
        """What was asked for is not the device's own, and is kept where it is found again."""
        self._write(take_out={"certificate_requests": {mark}})

    def expect(self, claim_certificate_id: str) -> None:
        """From now on this claim certificate may lie in the bucket, and the device come with it."""
        told: dict[str, Any] = {CLAIM: claim_certificate_id, "identity_pending": True}
        self._write(**told)

    def admit(self, certificate_arn: str, claim_certificate_id: str | None) -> bool:
        """The certificate that fleet provisioning has made, or that a device has come with, signed
        by its owner's authority (no claim), becomes the device's. It can do nothing before. One
        that is not admitted AWS IoT deletes, or who does not admit it: so it needs no mark.

        False when the device comes another way, or has a certificate already.
        """
        return self.catalog.admit(
            self.thing_name, str(self.execution_arn), certificate_arn, claim_certificate_id
        )

    def refuse(self, reason: str, claim_certificate_id: str | None) -> bool:
        """The device that has come so is not let in, for that reason.

        False when nobody waits for one that comes so, or it was let in already.
        """
        return self.catalog.refuse(
            self.thing_name, str(self.execution_arn), reason, claim_certificate_id
        )

    def hand_over(self) -> None:
        """From now on it may lie in the bucket, until the device has connected."""
        self._write(identity_pending=True)

    def _write(
        self,
        add: Mapping[str, set[str]] | None = None,
        take_out: Mapping[str, set[str]] | None = None,
        **values: Any,
    ) -> None:
        if self.restart_arn is None:
            self.catalog.update(
                self.thing_name, str(self.execution_arn), add=add, take_out=take_out, **values
            )
        else:
            self._restart(self.restart_arn).update(add=add, take_out=take_out, **values)

    def _restart(self, arn: str) -> Hold:
        return restart_of(self.catalog.table, self.thing_name, arn)
