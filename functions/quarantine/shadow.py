"""What a device's shadow says of its quarantine."""

import json
from typing import TYPE_CHECKING

from common.errors import QuarantineLost, TransientError
from devices.catalog import Catalog
from devices.confinement import is_confined
from holding.conditions import is_held
from holding.purposes import Purpose

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient

LOOKS = 6


def mark_shadow(iot_data: "IoTDataPlaneClient", catalog: Catalog, thing_name: str) -> bool:
    """Have it say what the row says, which is given. Repeatable.

    The row is read again afterwards: whoever was held up and writes what it had said before, mends
    that. A shadow holds no null: it removes the key, which is what a device goes on from.
    Raises QuarantineLost once the device is being deleted, TransientError when the row does not
    stand still.
    """
    for _ in range(LOOKS):
        confined = _is_confined(catalog, thing_name)
        payload = json.dumps({"state": {"desired": {"quarantine": True if confined else None}}})
        iot_data.update_thing_shadow(thingName=thing_name, payload=payload.encode())
        if _is_confined(catalog, thing_name) == confined:
            return confined
    raise TransientError(f"{thing_name} keeps changing; try again")


def _is_confined(catalog: Catalog, thing_name: str) -> bool:
    row = catalog.row(thing_name)
    if row is None or is_held(row, Purpose.DEPROVISION):
        raise QuarantineLost(f"{thing_name} is being deleted, or has been")
    return is_confined(row)
