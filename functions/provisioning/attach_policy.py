"""AttachPolicy: the stack's one device policy to the certificate, the certificate to the thing.

Of a device that is there already, whose certificate is replaced, the policy of its links too.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common import environment
from common.clients import CONFIG, session, transient_faults_named
from common.links import attach_links
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
table = session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))
device_policy = environment.required("DEVICE_POLICY")
links_prefix = environment.required("LINKS_POLICY_PREFIX")


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State AttachPolicy. Takes `{thingName, certificateArn, execution, existing?}`, gives `{policyName}`.

    `existing`: whether the device is there already. A new one has no links, and needs no look.
    """
    thing_name, certificate_arn = event["thingName"], event["certificateArn"]
    with transient_faults_named():
        attach_policy(thing_name, certificate_arn, device_policy, iot_client)
        if event.get("existing"):
            attach_links(iot_client, table, links_prefix, thing_name, certificate_arn)
    logger.info("policy attached", policy_name=device_policy)
    return {"policyName": device_policy}
