"""AttachPolicy: the policies that the device is to have now to the certificate, the certificate to the thing."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from common import environment
from common.catalog import Catalog
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger
from common.quarantine import Policies

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient


def attach_policy(thing_name: str, certificate_arn: str, policies: Iterable[str], iot: "IoTClient") -> None:
    """All calls are idempotent, so a retry is harmless.

    A policy counts only on the certificate; `iot:Connection.Thing.IsAttached` needs the certificate on the thing.
    """
    for policy in policies:
        iot.attach_policy(policyName=policy, target=certificate_arn)
    iot.attach_thing_principal(thingName=thing_name, principal=certificate_arn)


iot_client = session.client("iot", config=CONFIG)
device_catalog = Catalog(session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE")))
certificate_policies = Policies(environment.required("DEVICE_POLICY"), environment.required("QUARANTINE_POLICY"))


@logger.inject_lambda_context(clear_state=True)
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State AttachPolicy. Takes `{thingName, certificateArn}`, gives `{policyName}`, the first of them.

    A device in quarantine that is restarted comes back in quarantine.
    """
    logger.append_keys(thing_name=event["thingName"])
    with transient_faults_named():
        policies = certificate_policies.of(device_catalog.row(event["thingName"]))
        attach_policy(event["thingName"], event["certificateArn"], policies, iot_client)
    logger.info("policies attached", policy_names=policies)
    return {"policyName": policies[0]}
