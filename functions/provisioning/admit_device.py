"""AdmitDevice: the pre-provisioning hook. It says whether a device that comes with a claim
certificate gets the certificate that AWS IoT has made for it.

Yes only for the device of a workflow that waits for it: its row is PROVISIONING, was given this
very claim, and names no other certificate. The certificate is written into the row first, and all
of that is one conditional write. So whoever has a claim can at most come before its device, and
then the workflow, which finds that its own device does not connect, removes what was made.

A device of a batch must be in the list of serial numbers, too. If it is not, the row says why, and
the workflow ends (settle_claim.py). A device of no batch is not looked up.

AWS IoT asks for an answer within 5 seconds:
https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certificates.ledger import Ledger
from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.identifiers import THING_NAME
from common.observability import Handler, about, about_row, logger, observed
from devices import wiring
from devices.catalog import Catalog
from devices.serials import AllowList

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

NOT_AWAITED = "no workflow waits for it with this claim and without a certificate"

# The parameter of the template that names the device.
SERIAL_NUMBER = "SerialNumber"


@dataclass(frozen=True)
class AdmissionRequest:
    """Who comes, with which claim, and what it is to get."""

    thing_name: str
    """Empty when what was named can be no thing."""
    claim_certificate_id: str
    certificate_arn: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "AdmissionRequest":
        """From what AWS IoT tells the hook, of which a client has chosen the parameters."""
        named = event.get("parameters", {}).get(SERIAL_NUMBER)
        region = event["templateArn"].rpartition(":provisioningtemplate/")[0]
        return cls(
            named if isinstance(named, str) and THING_NAME.fullmatch(named) else "",
            event.get("claimCertificateId", ""),
            f"{region}:cert/{event['certificateId']}",
        )


def refusal(request: AdmissionRequest, catalog: Catalog, allowed: AllowList) -> str | None:
    """Why it may not have it. None when it may: then the row names it. Repeatable."""
    row = catalog.row(request.thing_name) if request.thing_name else None
    if row is None:
        return NOT_AWAITED
    about_row(row)
    ledger = Ledger(catalog, request.thing_name, row["execution_arn"])
    reason = allowed.refusal(request.thing_name, row["batch"]) if "batch" in row else None
    if reason is None:
        admitted = ledger.admit(request.certificate_arn, request.claim_certificate_id)
        return None if admitted else NOT_AWAITED
    return reason if ledger.refuse(reason, request.claim_certificate_id) else NOT_AWAITED


def build(environment: Environment, session: "Session") -> Handler[dict[str, bool]]:
    """Hook of the provisioning template. Gives `{allowProvisioning}`."""
    device_catalog = wiring.catalog(environment, session)
    allowed = wiring.serials(environment, session)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, bool]:
        request = AdmissionRequest.from_event(event)
        about(thing_name=request.thing_name)
        with transient_faults_named():
            reason = refusal(request, device_catalog, allowed)
        claim = request.claim_certificate_id
        if reason is None:
            logger.info("device admitted", claim_certificate_id=claim)
        else:
            logger.warning("device refused", reason=reason, claim_certificate_id=claim)
        return {"allowProvisioning": reason is None}

    return handler


handler = observed(build(environment, session))
