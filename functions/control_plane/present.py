"""Which devices can be talked to: those that are there, and that nobody removes."""

from common.observability import about_row
from common.row import Row, is_free
from control_plane.problem import conflict, not_found
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.purposes import Purpose


def present(catalog: Catalog, thing_name: str) -> Row:
    """The row of a device that is there. Raises Problem 404 when there is none, 409 when it is
    being removed.
    """
    row = catalog.row(thing_name)
    if row is None:
        raise not_found(f"the catalog knows no device {thing_name}")
    if is_free(row):
        raise not_found(f"{thing_name} is {row['status']}: nothing of it is there any more")
    about_row(row)
    if is_held(row, Purpose.DEPROVISION):
        raise conflict(f"{thing_name} is being removed")
    return row
