"""CreateCertificate: a certificate with keys that AWS IoT makes (certificates/key_issuer.py).

The device's first one, or, of a restart, the one that is to succeed the device's own, whose key
went with its task.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from certificates.key_issuer import Certificate, KeyIssuer
from certificates.ledger import Ledger
from common.clients import NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.idempotency import once_per_execution, record_faults_named
from common.observability import Handler, observed
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def first_certificate(ledger: Ledger, keys: KeyIssuer, request_id: str) -> Certificate:
    """Repeatable. Raises OwnershipLost when the device is no longer the execution's to make."""
    row = ledger.row()
    if "certificate_id" in row and row["status"] != "PROVISIONING":
        # The device has connected with it; whether it may go on is not this function's business any
        # more.
        return Certificate(row["certificate_id"], row["certificate_arn"])
    return keys.certificate_for(ledger, row, request_id)


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State CreateCertificate of both workflows. Takes `{thingName, execution}`, or of a restart
    `{thingName, restart}`; gives `{certificateId, certificateArn}`, no key.
    """
    issuer = KeyIssuer(
        iot=session.client("iot", config=NEVER_REPEAT),
        s3=session.client("s3", config=S3_CONFIG),
        bucket=environment.required("CONFIG_BUCKET"),
    )
    device_catalog = wiring.catalog(environment, session)

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, str]:
        if "restart" in event:
            with transient_faults_named():
                ledger = Ledger(device_catalog, event["thingName"], restart_arn=event["restart"])
                return issuer.certificate_for(ledger, ledger.row(), context.aws_request_id).answer
        with transient_faults_named(), record_faults_named():
            answer: dict[str, str] = _answer(dict(event), context)
        return answer

    @once_per_execution("provisioning.create_certificate._answer", environment, session)
    def _answer(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, str]:
        # Its answer is kept: it must hold no key.
        ledger = Ledger(device_catalog, event["thingName"], event["execution"])
        return first_certificate(ledger, issuer, context.aws_request_id).answer

    return handler


handler = observed(build(environment, session))
