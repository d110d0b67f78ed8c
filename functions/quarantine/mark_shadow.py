"""MarkShadow: the device's shadow says that it is in quarantine, or no longer:
`desired.quarantine`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, observed
from devices import wiring
from quarantine.hold import hold_of
from quarantine.request import HeldDevice
from quarantine.shadow import mark_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def build(environment: Environment, session: "Session") -> Handler[dict[str, bool]]:
    """State MarkShadow, of both workflows. Gives `{quarantine}`, as the row has it."""
    device_catalog = wiring.catalog(environment, session)
    iot_data_client = session.client("iot-data", config=CONFIG)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, bool]:
        device = HeldDevice.from_event(event)
        with transient_faults_named():
            hold = hold_of(device_catalog.table, device.thing_name, device.execution_arn)
            hold.checked(device_catalog.row(device.thing_name))
            confined = mark_shadow(iot_data_client, device_catalog, device.thing_name)
        logger.info("shadow marked", quarantine=confined)
        return {"quarantine": confined}

    return handler


handler = observed(build(environment, session))
