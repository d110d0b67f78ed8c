"""Who is to blame: from a certificate to the thing that has it, and whether the stack has anything
to say of it now.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.clients import error_code
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.purposes import Purpose

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

JUDGED = ("PROVISIONING", "ONLINE", "OFFLINE")
"""What a device in quarantine is refused is the quarantine's doing."""

UNDER_WORK = (Purpose.DEPROVISION, Purpose.RESTART)
"""Who works on a device so takes a certificate away that may still be in use."""

GONE = ("ResourceNotFoundException", "InvalidRequestException")


@dataclass(frozen=True)
class CatalogOwners:
    """`detector.Owners`, by AWS IoT's registry and the catalog."""

    catalog: Catalog
    iot: "IoTClient"
    certificate_prefix: str
    """What the ARN of a certificate begins with."""

    def of_certificate(self, certificate_id: str) -> str | None:
        """The thing that it is attached to."""
        try:
            things = self.iot.list_principal_things(
                principal=f"{self.certificate_prefix}{certificate_id}"
            )["things"]
        except ClientError as error:
            if error_code(error) in GONE:
                return None
            raise
        return next(filter(None, map(self.thing, things)), None)

    def thing(self, name: str) -> str | None:
        """The name, if there is something to be said of it."""
        row = self.catalog.row(name) if name else None
        if row is None or row["status"] not in JUDGED or is_held(row, *UNDER_WORK):
            return None
        return name
