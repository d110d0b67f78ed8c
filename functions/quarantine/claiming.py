"""What a quarantine and a release have in common when they take a device."""

from common.catalog import Catalog, Row, is_free
from common.errors import DeviceBusy, ThingNotFound

TRIES = 3
"""So often the row is read and judged anew when somebody has changed it in between."""


def known(catalog: Catalog, thing_name: str) -> Row:
    """The row of a device that there is. Raises ThingNotFound."""
    row = catalog.row(thing_name)
    if row is None or is_free(row):
        raise ThingNotFound(f"thingName: the catalog knows no device {thing_name}")
    return row


def refuse_busy(row: Row, *reasons: tuple[bool, str]) -> None:
    """Raise DeviceBusy with the first reason that stands."""
    for stands, reason in reasons:
        if stands:
            raise DeviceBusy(f"thingName: {row['thing_name']} {reason}")
