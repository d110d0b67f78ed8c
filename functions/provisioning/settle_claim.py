"""SettleClaim: waits until the device has got its certificate with its claim, or has come with one
of its owner's authority, and gives that the policies that the device is to have now.

Who has let it in (admit_device.py, admit_certificate.py) has written the certificate into the row;
it is ACTIVE when the template has been applied, or it is admitted. The device may have connected by
then, and even be in quarantine: so the policies follow the row, as for any certificate of a device
that is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certificates.signing import SigningRequest
from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import RequestMissing, SerialRefused
from common.identifiers import JITR
from common.observability import Handler, logger, observed
from common.row import REFUSED, Row
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import Policies
from devices.settling import Settling
from provisioning.attach_policy import attach_policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class ClaimSettler:
    """Looks for a device's certificate; everything in it can be repeated."""

    iot: "IoTClient"
    catalog: Catalog
    policies: Policies

    def settle(self, asked: SigningRequest) -> str | None:
        """ARN of the certificate; None while there is none.

        Raises OwnershipLost when the device is no longer the execution's, SerialRefused when the
        list of serial numbers keeps it out, RequestMissing when it has been waited for long enough.
        """
        row = asked.ledger(self.catalog).row()
        arn = self._provisioned(row)
        if arn is None:
            if REFUSED in row:
                raise SerialRefused(f"{asked.thing_name} may not join: {row[REFUSED]}")
            if asked.overdue:
                raise RequestMissing(_not_come(row))
            return None
        settling = Settling(self.iot, self.policies, lambda: self.catalog.row(asked.thing_name))
        attach_policy(asked.thing_name, arn, settling, existing=True)
        return arn

    def _provisioned(self, row: Row) -> str | None:
        """The certificate that the row names, when AWS IoT has put it into force."""
        arn: str | None = row.get("certificate_arn")
        if arn is None:
            return None
        found = self.iot.describe_certificate(certificateId=row["certificate_id"])
        return arn if found["certificateDescription"]["status"] == "ACTIVE" else None


def _not_come(row: Row) -> str:
    name = row["thing_name"]
    if row.get("identity") == JITR:
        return (
            f"{name} has not come with a certificate of your authority in time. "
            f"`playground authority sign {name}` signs its request, where `playground create` does "
            "not run"
        )
    return f"{name} has not used its claim in time"


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State SettleClaim. Takes `{thingName, execution, since}`, gives `{signed, certificateId,
    certificateArn}`, as SignRequest; `signed` is false while the device has no certificate.
    """
    settler = ClaimSettler(
        session.client("iot", config=CONFIG),
        wiring.catalog(environment, session),
        wiring.policies(environment),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        with transient_faults_named():
            arn = settler.settle(SigningRequest.from_event(event))
        if arn is None:
            return {"signed": False, "certificateId": None, "certificateArn": None}
        certificate_id = arn.rpartition("/")[2]
        logger.info("certificate settled", certificate_id=certificate_id)
        return {"signed": True, "certificateId": certificate_id, "certificateArn": arn}

    return handler


handler = observed(build(environment, session))
