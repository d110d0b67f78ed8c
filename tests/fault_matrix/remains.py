"""What there is of one device in every service, and what to call it: whole, nothing, or a leak."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.playground_cloud import Cloud

WHOLE = "device"
NOTHING = "nothing"
FREE = ("FAILED", "TERMINATED")


@dataclass(frozen=True)
class Remains:
    """Names by service, and the catalog's row. What belongs to somebody else is not counted."""

    found: Mapping[str, Sequence[str]]
    row: Mapping[str, Any] = field(default_factory=dict)
    blemishes: Sequence[str] = ()
    """What a device that is online would lack."""

    @property
    def verdict(self) -> str:
        """`device`, `nothing`, or what is wrong."""
        if not any(self.found.values()) and self.row.get("status", FREE[0]) in FREE:
            return NOTHING
        if not self.blemishes:
            return WHOLE
        return f"LEFT {self} ({'; '.join(self.blemishes)})"

    def __str__(self) -> str:
        left = [f"{kind}: {', '.join(names)}" for kind, names in self.found.items() if names]
        return "; ".join([*left, f"row: {self.row.get('status', '-')}"])


def remains(cloud: Cloud, thing: str, owners: Sequence[str], certificates: Sequence[str]) -> Remains:
    """Look everywhere. `owners` are the marks of the executions; `certificates` the ids of all that were made."""
    iot = cloud.client("iot")
    row = cloud.row(thing)
    described = _or_none(lambda: iot.describe_thing(thingName=thing))
    ours = described is not None and described["attributes"].get("execution") in owners
    statuses = {found: _certificate(iot, found) for found in certificates}
    living = {name: status for name, status in statuses.items() if status}
    tasks = _tasks(cloud, owners)
    objects = _objects(cloud, thing)
    found = {
        "thing": [thing] if ours else [],
        "group": [thing] if ours and _groups(iot, thing) else [],
        "certificates": sorted(living),
        "policies": [name for name, status in living.items() for _ in _policies(iot, status["certificateArn"])],
        "shadow": [thing] if _has_shadow(cloud, thing) else [],
        "objects": objects,
        "tasks": tasks,
    }
    attached = _or_none(lambda: iot.list_thing_principals(thingName=thing)) or {"principals": []}
    blemishes = [
        what
        for what, is_so in {
            "no thing": ours,
            "not in the group": bool(found["group"]),
            "not one certificate": len(living) == 1,
            "a certificate not active": all(one["status"] == "ACTIVE" for one in living.values()),
            "not the certificates that are attached": sorted(attached["principals"])
            == sorted(one["certificateArn"] for one in living.values()),
            "not the certificate of the catalog": [row.get("certificate_id")] == list(living),
            "not one policy": len(found["policies"]) == 1,
            "no shadow": bool(found["shadow"]),
            "not the config alone in the bucket": objects == [f"devices/{thing}/config.json"],
            "not one task": len(tasks) == 1,
            "not the task of the catalog": [row.get("task_arn")] == tasks,
            "not ONLINE": row.get("status") == "ONLINE",
        }.items()
        if not is_so
    ]
    return Remains(found, row, blemishes)


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


def _policies(iot: Any, certificate_arn: str) -> list[Any]:
    answer = _or_none(lambda: iot.list_attached_policies(target=certificate_arn))
    return list(answer["policies"]) if answer else []


def _groups(iot: Any, thing: str) -> list[Any]:
    answer = _or_none(lambda: iot.list_thing_groups_for_thing(thingName=thing))
    return list(answer["thingGroups"]) if answer else []


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
    return [arn for owner in owners for arn in ecs.list_tasks(cluster=cluster, startedBy=owner)["taskArns"]]
