"""What a quarantine and a release have in common when they take a device."""

from common.errors import DeviceBusy, QuarantineLost, ThingNotFound
from common.row import Row, is_free
from devices.catalog import Catalog
from holding.conditions import obstacle
from holding.purposes import Purpose
from holding.undone import is_undone

TRIES = 3
"""So often the row is read and judged anew when somebody has changed it in between."""


def known(catalog: Catalog, thing_name: str) -> Row:
    """The row of a device that there is. Raises ThingNotFound."""
    row = catalog.row(thing_name)
    if row is None or is_free(row):
        raise ThingNotFound(f"thingName: the catalog knows no device {thing_name}")
    return row


def refuse_undone(row: Row, execution_arn: str) -> None:
    """Raise QuarantineLost for an execution that has ended, and whose function goes on."""
    if is_undone(row, execution_arn):
        raise QuarantineLost(f"{execution_arn} has ended, and was undone")


def refuse_busy(row: Row, purpose: Purpose, dead: str | None) -> None:
    """Raise DeviceBusy where somebody has the device who is not `dead` and has to be waited for."""
    held = obstacle(row, purpose, dead=dead)
    if held is not None:
        raise DeviceBusy(f"thingName: {row['thing_name']} {held}")
