"""AttachPolicy: the policies that the device is to have now to the certificate, the certificate to
the thing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, observed
from devices import wiring
from devices.settling import Settling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def attach_policy(
    thing_name: str, certificate_arn: str, settling: Settling, *, existing: bool = False
) -> tuple[str, ...]:
    """Gives the names of the policies. All calls are idempotent, so a retry is harmless.

    A policy counts only on the certificate; `iot:Connection.Thing.IsAttached` needs the certificate
    on the thing. `existing`: the device is there already. Then it keeps its links, and stays in
    quarantine when it is there; a new one has neither, and needs no look.
    """
    if existing:
        names = settling.settle(certificate_arn)
    else:
        names = settling.policies.of(None)
        settling.policies.attach(settling.iot, names, certificate_arn)
    settling.iot.attach_thing_principal(thingName=thing_name, principal=certificate_arn)
    return names


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State AttachPolicy. Takes `{thingName, certificateArn, execution, existing?}`, gives the
    first `{policyName}`.
    """
    iot_client = session.client("iot", config=CONFIG)
    device_catalog = wiring.catalog(environment, session)
    policies = wiring.policies(environment)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        thing_name = event["thingName"]
        settling = Settling(iot_client, policies, lambda: device_catalog.row(thing_name))
        with transient_faults_named():
            existing = event.get("existing") is True
            names = attach_policy(thing_name, event["certificateArn"], settling, existing=existing)
        logger.info("policies attached", policy_names=names)
        return {"policyName": names[0]}

    return handler


handler = observed(build(environment, session))
