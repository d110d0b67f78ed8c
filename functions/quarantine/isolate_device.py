"""IsolateDevice: the device into the quarantine group, its certificates under the quarantine policy
alone; or, of a release, out of the group, and its certificates get back what they had.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, observed
from holding.conditions import ready
from holding.purposes import Purpose
from quarantine import wiring
from quarantine.hold import hold_of
from quarantine.isolation import Isolation
from quarantine.request import HeldDevice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def isolate(device: HeldDevice, isolation: Isolation) -> None:
    """Raises QuarantineLost when the execution does not hold the device any more."""
    hold = hold_of(isolation.catalog.table, device.thing_name, device.execution_arn)
    row = hold.checked(isolation.catalog.row(device.thing_name))
    isolation.confine(row, device.execution_arn)


def readmit(device: HeldDevice, isolation: Isolation) -> None:
    """Say so in the row first, then do it. Raises QuarantineLost, also while the device is being
    restarted.
    """
    hold = hold_of(isolation.catalog.table, device.thing_name, device.execution_arn)
    row = hold.update(condition=ready(Purpose.READMIT), readmitting=True)
    isolation.readmit(row, device.execution_arn)


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State IsolateDevice, and with purpose `readmit` state ReadmitDevice. Gives `{policyName}`,
    the one that counts from now on.
    """
    isolation = wiring.isolation(environment, session)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        device = HeldDevice.from_event(event)
        readmitted = event.get("purpose") == Purpose.READMIT
        with transient_faults_named():
            (readmit if readmitted else isolate)(device, isolation)
        policy = isolation.policies.device if readmitted else isolation.policies.quarantine
        logger.info("device readmitted" if readmitted else "device isolated", policy_name=policy)
        return {"policyName": policy}

    return handler


handler = observed(build(environment, session))
