"""SettleQuarantine: the last word of both workflows in the catalog row, which lets the device go."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common import wiring
from common.catalog import Catalog, Row
from common.clients import transient_faults_named
from common.errors import QuarantineLost, TransientError
from common.observability import logger, metrics, observed
from common.quarantine import AT_WORK, QUARANTINED
from quarantine.holding import held, holds, update_held
from quarantine.letting_go import release
from quarantine.request import HeldDevice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

TRIES = 5


def settle(device: HeldDevice, catalog: Catalog) -> str:
    """Gives the status from now on. Repeatable. Raises QuarantineLost when the device is being deleted."""
    for _ in range(TRIES):
        row = catalog.row(device.thing_name)
        if row is not None and _is_settled(row, device.execution_arn):
            return str(row["status"])  # By an earlier attempt whose answer was lost.
        row = held(row, device.execution_arn)
        settled = _confined(device, catalog) if AT_WORK in row else release(row, device.execution_arn, catalog)
        if settled is not None:
            return settled
    raise TransientError(f"{device.thing_name} connects and disconnects all the time")


def _confined(device: HeldDevice, catalog: Catalog) -> str | None:
    """The status; None when the row has changed, perhaps by this very call, which the SDK repeats without an answer."""
    try:
        return str(update_held(catalog.table, device.thing_name, device.execution_arn, remove=(AT_WORK,))["status"])
    except QuarantineLost:
        return None


def _is_settled(row: Row, execution_arn: str) -> bool:
    done = execution_arn in (row.get("quarantined_by"), row.get("released_by"))
    return done and "deprovisioning" not in row and not holds(row, execution_arn)


device_catalog = wiring.catalog()


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State SettleQuarantine, of both workflows. Gives `{status}`."""
    device = HeldDevice.from_event(event)
    with transient_faults_named():
        status = settle(device, device_catalog)
    if status == QUARANTINED:
        metrics.add_metric("DevicesConfined", unit="Count", value=1)
    else:
        metrics.add_metric("DevicesReleased", unit="Count", value=1)
    logger.info("quarantine settled", status=status)
    return {"status": status}
