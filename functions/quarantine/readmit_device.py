"""ReadmitDevice: its certificates get back what they had, and the device leaves the quarantine
group.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import transient_faults_named
from common.observability import logger, observed
from holding.conditions import ready
from holding.purposes import Purpose
from quarantine import wiring
from quarantine.hold import hold_of
from quarantine.isolation import Isolation
from quarantine.request import HeldDevice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def readmit(device: HeldDevice, isolation: Isolation) -> None:
    """Say so in the row first, then do it. Raises QuarantineLost, also while the device is being
    restarted.
    """
    hold = hold_of(isolation.catalog.table, device.thing_name, device.execution_arn)
    row = hold.update(condition=ready(Purpose.READMIT), readmitting=True)
    isolation.readmit(row, device.execution_arn)


readmission = wiring.isolation()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State ReadmitDevice. Gives `{policyName}`, the device policy."""
    device = HeldDevice.from_event(event)
    with transient_faults_named():
        readmit(device, readmission)
    logger.info("device readmitted", policy_name=readmission.policies.device)
    return {"policyName": readmission.policies.device}
