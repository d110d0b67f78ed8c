"""RenewCertificate: the certificate that is to succeed the device's own, whose key went with its
task.

As with the first one the key goes straight to the config bucket (certificates/key_issuer.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certificates.key_issuer import KeyIssuer
from certificates.ledger import Ledger
from common import environment
from common.clients import NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.observability import observed
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class RenewRequest:
    """The device, and the restart that holds it."""

    thing_name: str
    restart_arn: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RenewRequest":
        """From the state's payload."""
        return cls(event["thingName"], event["restart"])


issuer = KeyIssuer(
    iot=session.client("iot", config=NEVER_REPEAT),
    s3=session.client("s3", config=S3_CONFIG),
    bucket=environment.required("CONFIG_BUCKET"),
)
device_catalog = wiring.catalog()


@observed
def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, str]:
    """State RenewCertificate. Gives `{certificateId, certificateArn}`, no key."""
    request = RenewRequest.from_event(event)
    with transient_faults_named():
        ledger = Ledger(device_catalog, request.thing_name, restart_arn=request.restart_arn)
        return issuer.certificate_for(ledger, ledger.row(), context.aws_request_id).answer
