"""IsolateDevice: the device into the quarantine group, its certificates under the quarantine policy
alone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import transient_faults_named
from common.observability import logger, observed
from quarantine import wiring
from quarantine.hold import hold_of
from quarantine.request import HeldDevice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


isolation = wiring.isolation()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State IsolateDevice. Gives `{policyName}`, the one that counts from now on."""
    device = HeldDevice.from_event(event)
    with transient_faults_named():
        hold = hold_of(isolation.catalog.table, device.thing_name, device.execution_arn)
        row = hold.checked(isolation.catalog.row(device.thing_name))
        isolation.confine(row, device.execution_arn)
    logger.info("device isolated", policy_name=isolation.policies.quarantine)
    return {"policyName": isolation.policies.quarantine}
