"""AdmitCertificate: says whether a device that comes with a certificate of its owner's own
authority is one that a workflow waits for, and makes it that (just-in-time registration).

AWS IoT has registered the certificate, PENDING_ACTIVATION, has closed the connection, and tells so
at every connection until the certificate has another status:
https://docs.aws.amazon.com/iot/latest/developerguide/auto-register-device-cert.html

Yes only if its common name is the name of a device of this method whose row is PROVISIONING and
names no other certificate, and, of a batch, if the list of serial numbers has it. The certificate
is written into the row first, and all of that is one conditional write. So it can do nothing before
it is in the row. One that is refused is deleted, and nothing of it is left. Events come twice, late
and out of order: only what AWS IoT and the row say now counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certificates.ledger import Ledger
from common.clients import CONFIG, session, transient_faults_named
from common.der import MalformedCertificate, read_certificate
from common.environment import Environment, environment
from common.identifiers import JITR, STACK_TAG, THING_NAME
from common.observability import Handler, about, about_row, logger, observed
from common.row import Row
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import Policies
from devices.serials import AllowList
from devices.settling import Settling
from provisioning.attach_policy import attach_policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_iot.type_defs import CertificateDescriptionTypeDef

ADMITTED, REFUSED, IGNORED = "ADMITTED", "REFUSED", "IGNORED"
UNDECIDED = "PENDING_ACTIVATION"


@dataclass(frozen=True)
class Registered:
    """What AWS IoT tells of: a certificate, and the authority that has signed it."""

    certificate_id: str
    authority_id: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Registered":
        """From what the rule passes on."""
        return cls(event["certificateId"], event["caCertificateId"])


class Refused(Exception):  # noqa: N818 - no error of ours: the certificate is no device's
    """Why a certificate is not admitted: a sentence without its end."""


@dataclass(frozen=True)
class Door:
    """Decides, and does what follows; everything in it can be repeated."""

    iot: "IoTClient"
    catalog: Catalog
    policies: Policies
    allowed: AllowList
    stack: str

    def decide(self, registered: Registered) -> str:
        """ADMITTED, REFUSED, or IGNORED: there is nothing to decide, or not by this stack."""
        try:
            return self._decide(registered)
        except self.iot.exceptions.ResourceNotFoundException as error:
            # Of a device that is being removed, or of an event that has come again.
            logger.info("gone meanwhile", reason=str(error))
            return IGNORED

    def _decide(self, registered: Registered) -> str:
        found = self.iot.describe_certificate(certificateId=registered.certificate_id)
        certificate = found["certificateDescription"]
        ours = (
            certificate["status"] == UNDECIDED
            and certificate.get("caCertificateId") == registered.authority_id
            and self._is_ours(certificate["certificateArn"], registered.authority_id)
        )
        if not ours:
            return IGNORED
        try:
            return self._admit(certificate, registered.authority_id)
        except Refused as refusal:
            # As it is: AWS IoT refuses that of one that is ACTIVE, or attached by somebody.
            self.iot.delete_certificate(certificateId=registered.certificate_id)
            logger.warning(
                "certificate refused",
                certificate_id=registered.certificate_id,
                reason=str(refusal),
            )
            return REFUSED

    def _is_ours(self, certificate_arn: str, authority_id: str) -> bool:
        """Whether the authority is this stack's: others in the account have rules of their own."""
        arn = f"{certificate_arn.rpartition(':cert/')[0]}:cacert/{authority_id}"
        tags = self.iot.list_tags_for_resource(resourceArn=arn).get("tags", [])
        return {"Key": STACK_TAG, "Value": self.stack} in tags

    def _admit(self, certificate: "CertificateDescriptionTypeDef", authority_id: str) -> str:
        """Raises Refused."""
        self._check_authority(authority_id)
        thing_name = named_in(certificate["certificatePem"])
        about(thing_name=thing_name)
        row = self.catalog.row(thing_name)
        if row is None:
            raise Refused("no device has its name")
        about_row(row)
        arn = certificate["certificateArn"]
        ledger = Ledger(self.catalog, thing_name, row["execution_arn"])
        self._check_list(ledger, row)
        if not ledger.admit(arn, None):
            # Another event may have been faster, and the device be there: its certificate stays.
            if (self.catalog.row(thing_name) or {}).get("certificate_arn") == arn:
                return IGNORED
            raise Refused(
                f"no workflow waits for {thing_name} with method {JITR} and without a certificate"
            )
        settling = Settling(self.iot, self.policies, lambda: self.catalog.row(thing_name))
        attach_policy(thing_name, arn, settling, existing=True)
        # Last, so that it is told of again until all is done.
        self.iot.update_certificate(certificateId=certificate["certificateId"], newStatus="ACTIVE")
        return ADMITTED

    def _check_list(self, ledger: Ledger, row: Row) -> None:
        reason = self.allowed.refusal(row["thing_name"], row["batch"]) if "batch" in row else None
        if reason is not None and ledger.refuse(reason, None):
            raise Refused(reason)

    def _check_authority(self, authority_id: str) -> None:
        found = self.iot.describe_ca_certificate(certificateId=authority_id)
        if found["certificateDescription"]["status"] != "ACTIVE":
            raise Refused("its authority is withdrawn")


def named_in(pem: str) -> str:
    """The thing name that is the certificate's only common name. Raises Refused."""
    try:
        names = read_certificate(pem).common_names
    except MalformedCertificate as error:
        raise Refused(f"it can't be read: {error}") from error
    if len(names) != 1 or not THING_NAME.fullmatch(names[0]):
        raise Refused("its subject has no common name, or more than one, that can name a thing")
    return names[0]


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Target of the rule on `$aws/events/certificates/registered/+`; the sweep tells again of what
    was lost. Gives `{certificateId, result, undone}`, `undone` of one that was refused.
    """
    door = Door(
        session.client("iot", config=CONFIG),
        wiring.catalog(environment, session),
        wiring.policies(environment),
        wiring.serials(environment, session),
        environment.required("STACK_NAME"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        registered = Registered.from_event(event)
        with transient_faults_named():
            result = door.decide(registered)
        logger.info("decided", certificate_id=registered.certificate_id, result=result)
        undone = result == REFUSED
        return {"certificateId": registered.certificate_id, "result": result, "undone": undone}

    return handler


handler = observed(build(environment, session))
