"""AttachPolicy: the policies that the device is to have now to the certificate, the certificate to the thing."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from common import wiring
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient


def attach_policy(thing_name: str, certificate_arn: str, names: Iterable[str], iot: "IoTClient") -> None:
    """All calls are idempotent, so a retry is harmless.

    A policy counts only on the certificate; `iot:Connection.Thing.IsAttached` needs the certificate on the thing.
    """
    policies.attach(iot, names, certificate_arn)
    iot.attach_thing_principal(thingName=thing_name, principal=certificate_arn)


iot_client = session.client("iot", config=CONFIG)
device_catalog = wiring.catalog()
policies = wiring.policies()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State AttachPolicy. Takes `{thingName, certificateArn, execution, existing?}`, gives `{policyName}`, the first.

    `existing`: whether the device is there already. Then it keeps its links, and stays in quarantine when it is there;
    a new one has neither, and needs no look.
    """
    thing_name = event["thingName"]
    with transient_faults_named():
        row = device_catalog.row(thing_name) if event.get("existing") else None
        names = policies.of(row)
        attach_policy(thing_name, event["certificateArn"], names, iot_client)
    logger.info("policies attached", policy_names=names)
    return {"policyName": names[0]}
