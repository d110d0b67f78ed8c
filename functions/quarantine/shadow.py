"""What a device's shadow says of its quarantine."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient


def mark_shadow(iot_data: "IoTDataPlaneClient", thing_name: str, *, confined: bool) -> None:
    """A shadow holds no null: it removes the key, which is what a device goes on from."""
    desired = {"quarantine": True if confined else None}
    iot_data.update_thing_shadow(thingName=thing_name, payload=json.dumps({"state": {"desired": desired}}).encode())
