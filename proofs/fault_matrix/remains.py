"""What there is of one device in every service, and what to call it: whole, in quarantine and so
on, or a leak.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.playground_cloud import Cloud

WHOLE = "device"
CONFINED = "quarantined"
STOPPED = "without its task"
NOTHING = "nothing"
DEVICES = (WHOLE, CONFINED, STOPPED)
"""Verdicts on a device that is as it should be."""
FREE = ("FAILED", "TERMINATED")
# What an execution that works on a device writes into its row while it does.
HOLDING = ("restarting", "quarantining", "releasing", "readmitting", "task_token")


@dataclass(frozen=True)
class Remains:
    """Names by service, and the catalog's row. What belongs to somebody else is not counted."""

    found: Mapping[str, Sequence[str]]
    row: Mapping[str, Any] = field(default_factory=dict)
    blemishes: Sequence[str] = ()
    """What any device would lack."""
    free: Sequence[str] = ()
    """What a free one that runs would lack besides."""
    confined: Sequence[str] = ()
    """What one in quarantine would lack besides."""
    stopped: Sequence[str] = ("a task",)
    """What a device after a failed restart lacks besides."""

    @property
    def verdict(self) -> str:
        """`device`, `quarantined`, `without its task`, `nothing`, or what is wrong."""
        if not any(self.found.values()) and self.row.get("status", FREE[0]) in FREE:
            return NOTHING
        if not self.blemishes and not self.free:
            return WHOLE
        if not self.blemishes and not self.confined:
            return CONFINED
        if not self.blemishes and not self.stopped:
            return STOPPED
        lacking = self.confined if self.row.get("status") == "QUARANTINED" else self.free
        return f"LEFT {self} ({'; '.join([*self.blemishes, *lacking])})"

    def __str__(self) -> str:
        left = [f"{kind}: {', '.join(names)}" for kind, names in self.found.items() if names]
        return "; ".join([*left, f"row: {self.row.get('status', '-')}"])


def remains(
    cloud: Cloud, thing: str, owners: Sequence[str], certificates: Sequence[str]
) -> Remains:
    """Look everywhere. `owners` are the marks of the executions; `certificates` the ids of all that
    were made.
    """
    iot = cloud.client("iot")
    row = cloud.row(thing)
    described = _or_none(lambda: iot.describe_thing(thingName=thing))
    ours = described is not None and described["attributes"].get("execution") in owners
    statuses = {found: _certificate(iot, found) for found in certificates}
    living = {name: status for name, status in statuses.items() if status}
    found = {
        "thing": [thing] if ours else [],
        "group": _groups(iot, thing) if ours else [],
        "certificates": sorted(living),
        "policies": [
            name for status in living.values() for name in _policies(iot, status["certificateArn"])
        ],
        "shadow": [thing] if _has_shadow(cloud, thing) else [],
        "objects": _objects(cloud, thing),
        "tasks": _tasks(cloud, owners),
    }
    attached = _or_none(lambda: iot.list_thing_principals(thingName=thing)) or {"principals": []}
    blemishes = {
        "no thing": ours,
        "not one certificate": len(living) == 1,
        "a certificate not active": all(one["status"] == "ACTIVE" for one in living.values()),
        "not the certificates that are attached": sorted(attached["principals"])
        == sorted(one["certificateArn"] for one in living.values()),
        "not the certificate of the catalog": [row.get("certificate_id")] == list(living),
        "no shadow": bool(found["shadow"]),
        "held by an execution": not any(name in row for name in HOLDING),
    }
    stack = cloud.home.stack_name
    running = {
        "not what belongs into the bucket, no key": _are_right(found["objects"], thing, row),
        "not one task": len(found["tasks"]) == 1,
        "not the task of the catalog": [row.get("task_arn")] == found["tasks"],
    }
    free = running | {
        "not the device policy alone": found["policies"] == [f"{stack}-device"],
        "not in the group alone": found["group"] == [f"{stack}-devices"],
        "not ONLINE": row.get("status") == "ONLINE",
    }
    confined = running | {
        "not the quarantine policy alone": found["policies"] == [f"{stack}-quarantine"],
        "not in both groups": found["group"] == [f"{stack}-devices", f"{stack}-quarantine"],
        "not QUARANTINED": row.get("status") == "QUARANTINED",
        "not connected": bool(row.get("presence_connected")),
    }
    stopped = {
        "not the device policy alone": free["not the device policy alone"],
        "not in the group alone": free["not in the group alone"],
        "not OFFLINE": row.get("status") == "OFFLINE",
        "a task": not found["tasks"] and "task_arn" not in row,
        "a key in the bucket": f"devices/{thing}/identity.json" not in found["objects"],
    }
    wanted = (blemishes, free, confined, stopped)
    return Remains(found, row, *([what for what, so in each.items() if not so] for each in wanted))


def _are_right(objects: Sequence[str], thing: str, row: Mapping[str, Any]) -> bool:
    """The config alone. Of a device that makes its own key also its request, and perhaps its
    certificate.

    Neither is a secret. The certificate is there again when the answer to its being written was
    lost, and it was written a second time, after the device had fetched it; it goes with the
    device, or after a day.
    """
    config, request, certificate = (
        f"devices/{thing}/{name}" for name in ("config.json", "csr.pem", "identity.json")
    )
    if row.get("identity") != "csr":
        return objects == [config]
    return {config, request} <= set(objects) <= {config, request, certificate}


def _or_none(call: Any) -> Any:
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFoundException", "NoSuchBucket"):
            return None
        raise


def _certificate(iot: Any, certificate_id: str) -> Any:
    answer = _or_none(lambda: iot.describe_certificate(certificateId=certificate_id))
    return answer["certificateDescription"] if answer else None


def _policies(iot: Any, certificate_arn: str) -> list[str]:
    answer = _or_none(lambda: iot.list_attached_policies(target=certificate_arn))
    return [policy["policyName"] for policy in answer["policies"]] if answer else []


def _groups(iot: Any, thing: str) -> list[str]:
    answer = _or_none(lambda: iot.list_thing_groups_for_thing(thingName=thing))
    return sorted(group["groupName"] for group in answer["thingGroups"]) if answer else []


def _has_shadow(cloud: Cloud, thing: str) -> bool:
    data = cloud.client("iot-data")
    return _or_none(lambda: data.get_thing_shadow(thingName=thing)) is not None


def _objects(cloud: Cloud, thing: str) -> list[str]:
    answer = cloud.client("s3").list_objects_v2(
        Bucket=cloud.home.output("ConfigBucketName"), Prefix=f"devices/{thing}/"
    )
    return [item["Key"] for item in answer.get("Contents", [])]


def _tasks(cloud: Cloud, owners: Sequence[str]) -> list[str]:
    ecs, cluster = cloud.client("ecs"), cloud.home.output("DeviceClusterName")
    return [
        arn
        for owner in owners
        for arn in ecs.list_tasks(cluster=cluster, startedBy=owner)["taskArns"]
    ]
