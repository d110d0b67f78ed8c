"""Giving up: a device that no restart mends is left where its user can look at it, with a
certificate that opens nothing.

Thing, shadow and catalog row stay. Status FAILED with `given_up_at` keeps the name taken, unlike
FAILED alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.certificates import tolerating
from common.moments import now
from common.row import GIVEN_UP
from devices.catalog import Catalog
from holding.restart import restart_of

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class GiveUpRequest:
    """The device, the restart that holds it, and why the device is not restarted again."""

    thing_name: str
    restart_arn: str
    reason: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "GiveUpRequest":
        """From the payload of state GiveUp."""
        return cls(event["thingName"], event["restart"], event["reason"])


def give_up(request: GiveUpRequest, catalog: Catalog, iot: "IoTClient") -> str:
    """Repeatable; gives the reason in full. Raises RestartLost when the device is being deleted."""
    row = catalog.row(request.thing_name) or {}
    if row.get("restarted_by") == request.restart_arn and GIVEN_UP in row:
        return str(row["status_reason"])
    if "certificate_id" in row:
        with tolerating("ResourceNotFoundException"):
            iot.update_certificate(certificateId=row["certificate_id"], newStatus="INACTIVE")
    last = row.get("status_reason", "")
    reason = request.reason + (f"; {last}" if last else "")
    restart_of(catalog.table, request.thing_name, request.restart_arn).let_go(
        remove=("task_arn",),
        status="FAILED",
        status_reason=reason,
        given_up_at=now(),
    )
    return reason
