"""Fleets: list, make or change, describe, remove."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.certificates import tolerating
from common.executions import Executions
from common.fleet_wish import FleetWish
from common.identifiers import fleet_key
from common.items import Item, scan
from common.jsontext import read, read_or_none
from control_plane.machines import PROVISION_FLEET, REMOVE_FLEET, Machines, link, name_of
from control_plane.problem import Problem, conflict, not_found
from control_plane.repeating import Starting
from control_plane.request import Answer, Request
from control_plane.started import fleet_accepted

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client

    from control_plane.routes import Act


@dataclass(frozen=True)
class Fleets:
    """What the API does with fleets. `table` is their register."""

    table: "Table"
    s3: "S3Client"
    bucket: str
    machines: Machines

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {
            "listFleets": self.all,
            "provisionFleet": self.provision,
            "describeFleet": self.describe,
            "removeFleet": self.remove,
        }

    def all(self, _request: Request) -> Answer:
        """All, by name."""
        found = sorted(map(_told, scan(self.table)), key=lambda fleet: str(fleet["name"]))
        return Answer(200, {"fleets": found})

    def provision(self, request: Request) -> Answer:
        """Start what brings the fleet to the file; a repeated request leads to the execution that
        the first one started. Raises Problem 400, 409 or 422.
        """
        wish = FleetWish.of(request.body)
        # An execution's name has one workflow: GET /v1/executions asks for it by the name alone.
        starting = Starting(self.machines, PROVISION_FLEET, apart=PROVISION_FLEET)
        name = starting.start(request, lambda: self._refuse_held(wish.name))
        return fleet_accepted(wish.name, PROVISION_FLEET, name, f"executions/{name}")

    def describe(self, request: Request) -> Answer:
        """One fleet. Raises Problem 404."""
        row = self._there(request.parameters["fleetName"])
        holder = row.get("execution_arn")
        links = {
            "self": f"/v1/fleets/{row['fleet_name']}",
            "execution": link(holder) if holder else None,
        }
        return Answer(200, {**_told(row), "groups": self._groups(row), "links": links})

    def remove(self, request: Request) -> Answer:
        """Start the removal, or lead to the one that is under way. Raises Problem 404 or 409."""
        row = self._there(request.parameters["fleetName"])
        name = str(row["fleet_name"])
        execution = self._removal(row) or self.machines.start(
            REMOVE_FLEET, json.dumps({"name": name})
        )
        return fleet_accepted(name, REMOVE_FLEET, execution, f"../executions/{execution}")

    def _row(self, name: str) -> Item | None:
        return self.table.get_item(Key={"fleet_name": name}, ConsistentRead=True).get("Item")

    def _there(self, name: str) -> Item:
        row = self._row(name)
        if row is None:
            raise not_found(f"there is no fleet {name}")
        return row

    def _groups(self, row: Item) -> list[Mapping[str, Any]]:
        """Of the file that the fleet was brought to. One that has no device yet has none."""
        if row["devices"]:
            # S3 says the second of what is not there, to who may not list.
            with tolerating("NoSuchKey"), tolerating("AccessDenied"):
                key = fleet_key(row["fleet_name"], "file")
                found = self.s3.get_object(Bucket=self.bucket, Key=key)
                return [_group(group) for group in read(found["Body"].read())["groups"]]
        return []

    def _refuse_held(self, name: str) -> None:
        """The workflow would refuse it too; so the caller knows at once, and no execution fails for
        it.
        """
        row = self._row(name)
        holder = self._holder(row) if row else None
        if holder:
            raise _held(name, holder)

    def _removal(self, row: Item) -> str | None:
        """Name of the removal of the whole fleet that is under way. Raises Problem 409 when
        something else has the fleet.
        """
        holder = self._holder(row)
        if holder is None:
            return None
        found = self.machines.described(holder)
        asked = read_or_none(found["input"]) if found else None
        # What undoes an execution holds the fleet too, and was asked for otherwise.
        whole = asked == {"name": row["fleet_name"]}
        if whole and self.machines.workflow_of(holder) == REMOVE_FLEET:
            return name_of(holder)
        raise _held(row["fleet_name"], holder)

    def _holder(self, row: Item) -> str | None:
        """The execution that has the fleet; one that has ended has it no more."""
        holder = row.get("execution_arn")
        if holder and Executions(self.machines.sfn).running(holder, row["held_at"]):
            return str(holder)
        return None


def _held(name: str, holder: str) -> Problem:
    return conflict(f"{name} is being changed by the execution {name_of(holder)}")


def _told(row: Item) -> dict[str, Any]:
    return {
        "name": row["fleet_name"],
        "status": row["status"],
        "devices": int(row["devices"]),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def _group(group: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "name": group["name"],
        "deviceType": group.get("deviceType", "generic"),
        "count": group["count"],
    }
