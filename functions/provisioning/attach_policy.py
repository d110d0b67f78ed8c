"""AttachPolicy: the stack's one device policy to the certificate, the certificate to the thing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common import environment
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient


def attach_policy(thing_name: str, certificate_arn: str, policy_name: str, iot: "IoTClient") -> None:
    """Both calls are idempotent, so a retry is harmless.

    The policy counts only on the certificate; `iot:Connection.Thing.IsAttached` needs the certificate on the thing.
    """
    iot.attach_policy(policyName=policy_name, target=certificate_arn)
    iot.attach_thing_principal(thingName=thing_name, principal=certificate_arn)


iot_client = session.client("iot", config=CONFIG)
device_policy = environment.required("DEVICE_POLICY")


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State AttachPolicy. Takes `{thingName, certificateArn, execution}`, gives `{policyName}`."""
    with transient_faults_named():
        attach_policy(event["thingName"], event["certificateArn"], device_policy, iot_client)
    logger.info("policy attached", policy_name=device_policy)
    return {"policyName": device_policy}
