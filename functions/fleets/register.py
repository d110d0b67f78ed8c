"""The register of fleets: one item for each, which is the lock on its name, too.

An execution that changes a fleet writes itself into the item first. It lets go when it is done; one
that has ended without is in nobody's way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from common.clients import error_code
from common.errors import FleetBusy, FleetNotFound
from common.executions import Executions
from common.items import CONDITION_FAILED, scan, update_if
from common.moments import now

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

Fleet = Mapping[str, Any]
PROVISIONING, REMOVING, READY = "PROVISIONING", "REMOVING", "READY"
DOING = {PROVISIONING: "is being provisioned", REMOVING: "is being removed"}


@dataclass(frozen=True)
class Register:
    """Reads and conditional writes; every method is safe to repeat."""

    table: "Table"
    executions: Executions

    def fleet(self, name: str) -> Fleet | None:
        """The item as it is now, or None."""
        return self.table.get_item(Key={"fleet_name": name}, ConsistentRead=True).get("Item")

    def held_by(self, execution_arn: str) -> Fleet | None:
        """The fleet that this execution holds, or None."""
        found = (one for one in scan(self.table) if one.get("execution_arn") == execution_arn)
        return next(found, None)

    def take(
        self, name: str, execution_arn: str, status: str, *, instead_of: str | None = None
    ) -> None:
        """Hold the fleet for this execution, a new one too if it is to be provisioned.

        `instead_of`: an execution to take it over from, which may still run. Raises FleetBusy, and
        FleetNotFound for a removal of what is not there.
        """
        there = self.fleet(name)
        if there is None and status != PROVISIONING:
            raise FleetNotFound(f"name: there is no fleet {name}")
        holder = None if there is None else there.get("execution_arn")
        if there is not None and holder not in (None, execution_arn, instead_of):
            self._refuse_the_living(there)
        as_seen = Attr("fleet_name").not_exists() if there is None else _held_by(holder)
        # Perhaps by this very call, which the SDK repeats without an answer.
        as_seen |= Attr("execution_arn").eq(execution_arn)
        update = (
            "SET #status = :status, execution_arn = :me, held_at = :now, updated_at = :now, "
            "created_at = if_not_exists(created_at, :now), "
            "devices = if_not_exists(devices, :none)"
        )
        values = {":status": status, ":me": execution_arn, ":now": now(), ":none": 0}
        if update_if(self.table, {"fleet_name": name}, update, as_seen, values) is None:
            raise FleetBusy(f"name: another execution was faster to take {name}")

    def _refuse_the_living(self, there: Fleet) -> None:
        holder = str(there["execution_arn"])
        if self.executions.running(holder, there["held_at"]):
            raise FleetBusy(f"name: {there['fleet_name']} {DOING[there['status']]} by {holder}")

    def let_go(self, name: str, execution_arn: str, devices: int) -> bool:
        """The fleet is ready, with so many devices; False when the execution does not hold it."""
        update = (
            "SET #status = :status, devices = :devices, updated_at = :now "
            "REMOVE execution_arn, held_at"
        )
        values = {":status": READY, ":devices": devices, ":now": now()}
        held = Attr("execution_arn").eq(execution_arn)
        return update_if(self.table, {"fleet_name": name}, update, held, values) is not None

    def forget(self, name: str, execution_arn: str) -> bool:
        """The fleet is gone; False when the execution does not hold it."""
        try:
            self.table.delete_item(
                Key={"fleet_name": name},
                ConditionExpression=Attr("execution_arn").eq(execution_arn),
            )
        except ClientError as error:
            if error_code(error) == CONDITION_FAILED:
                return False
            raise
        return True


def _held_by(holder: str | None) -> ConditionBase:
    attribute = Attr("execution_arn")
    there = Attr("fleet_name").exists()
    return there & (attribute.not_exists() if holder is None else attribute.eq(holder))
