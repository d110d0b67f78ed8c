"""The row of a device that somebody asks for, as far as there has to be one."""

from common.observability import about_row
from common.row import Row, is_free
from control_plane.problem import conflict, not_found
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.purposes import Purpose


def known(catalog: Catalog, thing_name: str) -> Row:
    """Whatever has become of it. Raises Problem 404."""
    row = catalog.row(thing_name)
    if row is None:
        raise not_found(f"the catalog knows no device {thing_name}")
    about_row(row)
    return row


def living(catalog: Catalog, thing_name: str) -> Row:
    """Of a device that is there, or half there. Raises Problem 404."""
    row = known(catalog, thing_name)
    if is_free(row):
        raise not_found(f"{thing_name} is {row['status']}: nothing of it is there any more")
    return row


def present(catalog: Catalog, thing_name: str) -> Row:
    """Of a device that can be talked to: one that is there, and that nobody removes. Raises Problem
    404, and 409 when it is being removed.
    """
    row = living(catalog, thing_name)
    if is_held(row, Purpose.DEPROVISION):
        raise conflict(f"{thing_name} is being removed")
    return row
