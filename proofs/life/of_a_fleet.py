"""What the functions of fleets do: a fleet of one device is planned, made, taken over and removed.

The device is a row of the catalog alone: its provisioning is another part of the life.
"""

import json
import uuid
from typing import Any

from proofs.life.life import Life

LONG_AGO = "2026-01-02T03:04:05.678Z"


def fleet_name(life: Life) -> str:
    """The fleet's name."""
    return f"{life.thing_name}-fleet"[-40:]


def of_a_fleet(life: Life) -> None:
    name, first, second, removal = fleet_name(life), *(_execution(life) for _ in "123")
    group = {"name": "lamp", "count": 1, "thingName": f"{_member(life)[:-4]}{{number}}"}
    file = {"name": name, "groups": [group]}
    planned = life.call("PlanFleet", {"input": file, "execution": first})
    (item,) = _objects(life, planned["arrivingKey"])
    _put_row(life, item["execution"])
    settled = life.call("SettleFleet", {"name": name, "execution": first, "wanted": 1})
    life.expect("SettleFleet", "the device is in the fleet", settled["devices"] == 1)
    # Two that have died while they held the fleet.
    life.call("PlanFleet", {"input": file, "execution": second})
    _grow_old(life)
    planned = life.call("PlanFleet", {"input": file, "execution": _execution(life)})
    life.expect("PlanFleet", "nobody arrives", planned["arriving"] == 0)
    _grow_old(life)
    planned = life.call("PlanRemoval", {"input": {"name": name}, "execution": removal})
    life.expect("PlanRemoval", "the device leaves", planned["leaving"] == 1)
    undone = {"input": {"executionArn": removal}, "execution": second}
    planned = life.call("PlanRemoval", undone)
    life.expect("PlanRemoval", "nobody leaves", planned["leaving"] == 0)
    _remove_row(life)
    settled = life.call("SettleFleet", {"name": name, "execution": second, "wanted": 0})
    life.expect("SettleFleet", "the fleet is gone", settled["devices"] == 0)


def forget_fleet(life: Life) -> None:
    """Remove what is left of it, whatever became of it."""
    home, s3 = life.cloud.home, life.cloud.client("s3")
    key = {"fleet_name": {"S": fleet_name(life)}}
    life.cloud.client("dynamodb").delete_item(TableName=home.output("FleetsTableName"), Key=key)
    bucket = home.output("ConfigBucketName")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"fleets/{fleet_name(life)}/")
    for one in found.get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    _remove_row(life)


def _execution(life: Life) -> str:
    machine = life.cloud.home.output("ProvisionFleetStateMachineArn")
    return f"{machine.replace(':stateMachine:', ':execution:')}:{uuid.uuid4()}"


def _member(life: Life) -> str:
    return f"{life.thing_name}-member-0001"


def _objects(life: Life, key: str) -> Any:
    bucket = life.cloud.home.output("ConfigBucketName")
    return json.loads(life.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def _put_row(life: Life, execution: str) -> None:
    machine = life.cloud.home.output("ProvisionDeviceStateMachineArn")
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution}"
    row = {"thing_name": _member(life), "execution_arn": arn, "status": "ONLINE"}
    row |= {"created_at": LONG_AGO, "updated_at": LONG_AGO, "device_type": "generic"}
    life.cloud.client("dynamodb").put_item(
        TableName=life.cloud.home.output("DeviceCatalogTableName"),
        Item={name: {"S": value} for name, value in row.items()},
    )


def _remove_row(life: Life) -> None:
    life.cloud.client("dynamodb").delete_item(
        TableName=life.cloud.home.output("DeviceCatalogTableName"),
        Key={"thing_name": {"S": _member(life)}},
    )


def _grow_old(life: Life) -> None:
    """Whoever holds the fleet has done so for long: Step Functions should know of it."""
    life.cloud.client("dynamodb").update_item(
        TableName=life.cloud.home.output("FleetsTableName"),
        Key={"fleet_name": {"S": fleet_name(life)}},
        UpdateExpression="SET held_at = :then",
        ExpressionAttributeValues={":then": {"S": LONG_AGO}},
    )
