"""SettleQuarantine: the last word of both workflows in the catalog row, which lets the device
go.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import QuarantineLost, TransientError
from common.observability import Handler, logger, metrics, observed
from common.row import Row
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import QUARANTINED
from holding.conditions import is_held
from holding.hold import Hold
from holding.purposes import RULES, Purpose
from quarantine.hold import hold_of
from quarantine.letting_go import release
from quarantine.request import HeldDevice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

TRIES = 5
AT_WORK = RULES[Purpose.QUARANTINE].attribute


def settle(device: HeldDevice, catalog: Catalog) -> str:
    """Gives the status from now on. Repeatable. Raises QuarantineLost when the device is being
    deleted.
    """
    hold = hold_of(catalog.table, device.thing_name, device.execution_arn)
    for _ in range(TRIES):
        row = catalog.row(device.thing_name)
        if row is not None and _is_settled(row, hold):
            return str(row["status"])  # By an earlier attempt whose answer was lost.
        row = hold.checked(row)
        settled = _confined(hold) if is_held(row, Purpose.QUARANTINE) else release(row, hold)
        if settled is not None:
            return settled
    raise TransientError(f"{device.thing_name} keeps connecting and disconnecting")


def _confined(hold: Hold) -> str | None:
    """The status; None when the row has changed, perhaps by this very call, which the SDK repeats
    without an answer.
    """
    try:
        return str(hold.update(remove=(AT_WORK,))["status"])
    except QuarantineLost:
        return None


def _is_settled(row: Row, hold: Hold) -> bool:
    if hold.holder not in (row.get("quarantined_by"), row.get("released_by")):
        return False
    return not is_held(row, Purpose.DEPROVISION) and not replace(hold, undoing=True).is_in(row)


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State SettleQuarantine, of both workflows. Gives `{status}`."""
    device_catalog = wiring.catalog(environment, session)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        device = HeldDevice.from_event(event)
        with transient_faults_named():
            status = settle(device, device_catalog)
        if status == QUARANTINED:
            metrics.add_metric("DevicesConfined", unit="Count", value=1)
        else:
            metrics.add_metric("DevicesReleased", unit="Count", value=1)
        logger.info("quarantine settled", status=status)
        return {"status": status}

    return handler


handler = observed(build(environment, session))
