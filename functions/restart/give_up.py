"""Giving up, and stopping: a device that no restart mends, or that somebody wants to have stopped,
is left without a task, and with a certificate that opens nothing.

Thing, shadow and catalog row stay. `given_up_at` keeps the name taken, unlike FAILED alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.certificates import tolerating
from common.errors import RestartLost, TransientError
from common.moments import now
from common.row import GIVEN_UP, STOPPED, Row
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
    """Repeatable; gives the reason in full. Raises RestartLost when the device is being deleted,
    TransientError when its row was not read.
    """
    row = catalog.row(request.thing_name) or {}
    if is_at_rest(row, request.restart_arn):
        return str(row["status_reason"])
    last = row.get("status_reason", "")
    reason = request.reason + (f"; {last}" if last else "")
    _put_to_rest(request, row, catalog, iot, {"status": "FAILED", "status_reason": reason})
    return reason


def stop(request: GiveUpRequest, catalog: Catalog, iot: "IoTClient") -> None:
    """The device has no task any more: leave it so. Repeatable; raises as `give_up`."""
    row = catalog.row(request.thing_name) or {}
    if not is_at_rest(row, request.restart_arn):
        # It is no attempt that has failed: the next restart counts from the beginning.
        said = {"status": STOPPED, "status_reason": request.reason, "restarts": 0}
        _put_to_rest(request, row, catalog, iot, said)


def is_at_rest(row: Row, restart_arn: str) -> bool:
    """Whether this restart has put the device to rest already."""
    return row.get("restarted_by") == restart_arn and GIVEN_UP in row


def _put_to_rest(
    request: GiveUpRequest, row: Row, catalog: Catalog, iot: "IoTClient", said: Mapping[str, Any]
) -> None:
    if not row:  # An answer that was cut reads like one without an item.
        raise TransientError(f"the row of {request.thing_name} was not read")
    if "certificate_id" in row:
        with tolerating("ResourceNotFoundException"):
            iot.update_certificate(certificateId=row["certificate_id"], newStatus="INACTIVE")
    hold = restart_of(catalog.table, request.thing_name, request.restart_arn)
    try:
        hold.let_go(remove=("task_arn",), given_up_at=now(), **said)
    except RestartLost:
        # Perhaps by this very call, which the SDK repeats without an answer.
        if not is_at_rest(catalog.row(request.thing_name) or {}, request.restart_arn):
            raise
