"""Devices: list, create, describe, delete."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common.certificates import tolerating
from common.device_wish import DeviceWish
from common.identifiers import host_of, made_up_name
from common.jsontext import read
from common.row import EXPIRES, Row, is_free
from control_plane.listing import Listing, Wanted
from control_plane.machines import DEPROVISION, PROVISION, Machines, link, name_of, summary
from control_plane.present import known, living
from control_plane.problem import FieldError, conflict
from control_plane.repeating import Starting
from control_plane.request import Answer, Request
from control_plane.started import accepted
from devices.catalog import Catalog
from devices.confinement import is_connected
from explaining.states import iso
from holding.conditions import is_held
from holding.dead import holder_of
from holding.purposes import Purpose

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient

    from control_plane.routes import Act

DEFAULT_LIMIT = 25


@dataclass(frozen=True)
class Devices:
    """What the API does with devices."""

    catalog: Catalog
    listing: Listing
    machines: Machines
    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {
            "listDevices": self.page,
            "createDevice": self.create,
            "describeDevice": self.describe,
            "deleteDevice": self.delete,
        }

    def page(self, request: Request) -> Answer:
        """A page of the catalog."""
        asked = request.parameters
        wanted = Wanted(
            asked.get("limit", DEFAULT_LIMIT),
            asked.get("status"),
            asked.get("type"),
            asked.get("text"),
        )
        if "nextToken" in asked:
            wanted = wanted.continued(asked["nextToken"])
        found = self.listing.page(wanted)
        token = wanted.token(found.next) if found.next else None
        return Answer(200, {"devices": [_item(row) for row in found.rows], "nextToken": token})

    def create(self, request: Request) -> Answer:
        """Start the provisioning; a repeated request leads to the execution that the first one
        started.
        """
        wish = DeviceWish.of(request.body)
        starting = Starting(self.machines, PROVISION)
        name = starting.start(request, lambda: self._refuse_taken(wish.thing_name))
        thing_name = wish.thing_name or made_up_name(self.machines.execution_arn(PROVISION, name))
        return accepted(thing_name, PROVISION, name, f"executions/{name}")

    def describe(self, request: Request) -> Answer:
        """All that is known of a device; a part that is not there is null."""
        row = known(self.catalog, request.parameters["thingName"])
        return Answer(
            200,
            {
                "thingName": row["thing_name"],
                "catalog": _catalog(row),
                "shadow": self._shadow(row["thing_name"]),
                "certificate": self._certificate(row.get("certificate_id")),
                "execution": self._execution(row["execution_arn"]),
                "presence": _presence(row),
                "links": _links(row),
            },
        )

    def delete(self, request: Request) -> Answer:
        """Start the removal, or lead to the one that is under way. Raises Problem 404 or 409."""
        row = living(self.catalog, request.parameters["thingName"])
        name = self._removal(row) or self.machines.start(
            DEPROVISION, json.dumps({"thingName": row["thing_name"]})
        )
        return accepted(row["thing_name"], DEPROVISION, name, f"../executions/{name}")

    def _refuse_taken(self, thing_name: str | None) -> None:
        """The workflow would refuse it too; so the caller knows at once, and no execution fails for
        it.
        """
        if thing_name is None:
            return
        row = self.catalog.row(thing_name)
        taken = row is not None and not is_free(row)
        with tolerating("ResourceNotFoundException"):
            taken = taken or bool(self.iot.describe_thing(thingName=thing_name))
        if taken:
            error = FieldError("/thingName", "is taken; delete the device or choose another name")
            raise conflict(f"{thing_name} exists already", error)

    def _removal(self, row: Row) -> str | None:
        """Name of the removal that is under way. Raises Problem 409 when something else undoes the
        device.
        """
        holder = holder_of(row, Purpose.DEPROVISION)
        found = self.machines.described(holder) if holder else None
        if holder is None or found is None or found["status"] not in ("RUNNING", "PENDING_REDRIVE"):
            return None
        if self.machines.workflow_of(holder) == DEPROVISION:
            return name_of(holder)
        raise conflict(f"{row['thing_name']} is being undone by the execution {name_of(holder)}")

    def _shadow(self, thing_name: str) -> dict[str, Any] | None:
        with tolerating("ResourceNotFoundException"):
            found = read(self.iot_data.get_thing_shadow(thingName=thing_name)["payload"].read())
            state = found.get("state", {})
            parts = {part: state.get(part) or {} for part in ("desired", "reported", "delta")}
            return {**parts, "version": found["version"]}
        return None

    def _certificate(self, certificate_id: str | None) -> dict[str, Any] | None:
        if certificate_id is None:
            return None
        with tolerating("ResourceNotFoundException"):
            found = self.iot.describe_certificate(certificateId=certificate_id)[
                "certificateDescription"
            ]
            validity = found.get("validity", {})
            return {
                "certificateId": found["certificateId"],
                "status": found["status"],
                "createdAt": iso(found.get("creationDate")),
                "notBefore": iso(validity.get("notBefore")),
                "notAfter": iso(validity.get("notAfter")),
            }
        return None

    def _execution(self, execution_arn: str) -> dict[str, Any] | None:
        workflow = self.machines.workflow_of(execution_arn)
        found = self.machines.described(execution_arn) if workflow else None
        return summary(workflow, found) if workflow and found else None


def _links(row: Row) -> dict[str, str]:
    return {"self": f"/v1/devices/{row['thing_name']}", "execution": link(row["execution_arn"])}


def _reason(row: Row) -> str | None:
    """Why the device is not online; of one in quarantine why it is there, unless there is more."""
    return row.get("status_reason") or row.get("quarantine_reason")


def _item(row: Row) -> dict[str, Any]:
    return {
        "thingName": row["thing_name"],
        "deviceType": row["device_type"],
        "status": row["status"],
        "statusReason": _reason(row),
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "expiresAt": row.get(EXPIRES),
        "lastSeenAt": row.get("last_seen_at"),
        "ip": row.get("ip"),
        "links": _links(row),
    }


def _catalog(row: Row) -> dict[str, Any]:
    """By name: a row holds a task token meanwhile, which is nobody's business."""
    host = host_of(row.get("task_arn", ""))
    return {
        "status": row["status"],
        "statusReason": _reason(row),
        "deviceType": row["device_type"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "expiresAt": row.get(EXPIRES),
        "lastSeenAt": row.get("last_seen_at"),
        "ip": row.get("ip"),
        "certificateId": row.get("certificate_id"),
        "nextCertificateId": row.get("next_certificate_id"),
        "taskArn": None if host else row.get("task_arn"),
        "host": host,
        "clusterArn": row.get("cluster_arn"),
        "disconnectReason": row.get("disconnect_reason"),
        "givenUpAt": row.get("given_up_at"),
        "beingRemoved": is_held(row, Purpose.DEPROVISION),
    }


def _presence(row: Row) -> dict[str, Any] | None:
    if "presence_at" not in row:
        return None
    return {
        "connected": is_connected(row),
        "at": iso(datetime.fromtimestamp(int(row["presence_at"]) / 1000, UTC)),
        "sessionIdentifier": row["presence_session"],
        "versionNumber": int(row["presence_version"]),
        "ip": row.get("ip"),
        "disconnectReason": row.get("disconnect_reason"),
    }
