"""What there is of one device in every service, and what to call it: whole, in quarantine and so
on, or a leak.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from common.identifiers import seat_handle
from tests.playground_cloud import Cloud

WHOLE = "device"
CONFINED = "quarantined"
STOPPED = "without its task"
AT_REST = "stopped by hand"
# Aborted, and undone, before the call came that nobody can stop any more. A restart replaces the
# certificate in any case.
HALF_STOPPED = "without its task, its certificate inactive"
NOTHING = "nothing"
# A whole device that was to be rolled: with the new image, which new tasks run too; with its own
# one, and new tasks run the new one; with its own one, which new tasks run again.
MOVED, KEPT, BACK = "moved", "not moved", "put back"
# One without its task, and the tag stands again for the image that it had.
GIVEN_BACK = "without its task, the tag given back"
DEVICES = (WHOLE, CONFINED, GIVEN_BACK, STOPPED, AT_REST, HALF_STOPPED, MOVED, KEPT, BACK)
"""Verdicts on a device that is as it should be."""
APART = {MOVED: WHOLE, KEPT: WHOLE, BACK: WHOLE, GIVEN_BACK: STOPPED}
"""What those on a device that was to be rolled say of it, apart from its image."""
FREE = ("FAILED", "TERMINATED")
IMAGE_VARIABLE = "IMAGE_DIGEST"
# What an execution that works on a device writes into its row while it does.
HOLDING = ("restarting", "quarantining", "releasing", "readmitting", "task_token")


IS_ACTIVE = "a certificate not active"


@dataclass(frozen=True)
class Rolled:
    """What a roll of a device is about, and what it has left for all the stack."""

    previous: str
    """The image that the device had."""
    target: str
    """The one that it was to have."""
    tag: str
    """What new tasks run now."""
    runs: Sequence[str] = ()
    """What the device's tasks were told to be."""
    holder: str = ""
    """Why the lock is not free."""

    @property
    def wrong(self) -> Sequence[str]:
        """What concerns all devices."""
        other = self.tag not in (self.previous, self.target)
        tag = f"the tag stands for {self.tag or 'nothing'}" if other else ""
        return [what for what in (self.holder, tag) if what]

    def verdict(self, recorded: str) -> str:
        """On a whole device of that image, by the catalog; "" where its image is not right."""
        found = ({recorded, *self.runs}, self.tag)
        return next(
            (
                name
                for name, image, tag in (
                    (MOVED, self.target, self.target),
                    (KEPT, self.previous, self.target),
                    (BACK, self.previous, self.previous),
                )
                if ({image}, tag) == found
            ),
            "",
        )


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
    at_rest: Sequence[str] = ("a task",)
    """What a device that was stopped by hand would lack."""
    half_stopped: Sequence[str] = ("a task",)
    """What one would lack that was stopped half."""
    rolled: Rolled | None = field(default=None, kw_only=True)
    """Of one that was to be rolled."""

    @property
    def verdict(self) -> str:
        """`device`, `quarantined`, `without its task`, `stopped by hand`, `nothing`, those of a
        roll, or what is wrong.
        """
        if self.rolled is None:
            return self._verdict
        if self.rolled.wrong:
            return f"LEFT {self} ({'; '.join(self.rolled.wrong)})"
        if self._verdict == WHOLE:
            named = self.rolled.verdict(self.row.get("image_digest", ""))
            return named or f"LEFT {self} (an image that is not right: {self.rolled})"
        given_back = self._verdict == STOPPED and self.rolled.tag == self.rolled.previous
        return GIVEN_BACK if given_back else self._verdict

    @property
    def _verdict(self) -> str:
        """That on the device alone."""
        if not any(self.found.values()) and self.row.get("status", FREE[0]) in FREE:
            return NOTHING
        for verdict, lacking in (
            (WHOLE, [*self.blemishes, *self.free]),
            (CONFINED, [*self.blemishes, *self.confined]),
            (STOPPED, [*self.blemishes, *self.stopped]),
            (AT_REST, self.at_rest),
            (HALF_STOPPED, self.half_stopped),
        ):
            if not lacking:
                return verdict
        lacking = self.confined if self.row.get("status") == "QUARANTINED" else self.free
        return f"LEFT {self} ({'; '.join([*self.blemishes, *lacking])})"

    def __str__(self) -> str:
        left = [f"{kind}: {', '.join(names)}" for kind, names in self.found.items() if names]
        return "; ".join([*left, f"row: {self.row.get('status', '-')}"])


def remains(
    cloud: Cloud,
    thing: str,
    owners: Sequence[str],
    certificates: Sequence[str],
    rolled: Rolled | None = None,
) -> Remains:
    """Look everywhere. `owners` are the marks of the executions; `certificates` the ids of all that
    were made; `rolled` what a roll has left for all the stack.
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
        "tasks": [*_tasks(cloud, owners), *_seat(cloud, thing, owners)],
    }
    attached = _or_none(lambda: iot.list_thing_principals(thingName=thing)) or {"principals": []}
    if ours and row.get("certificate_requests"):
        # What the row's marks lead to is for the sweep, after all cells. The counts of the whole
        # run show that it goes.
        living = {
            name: one
            for name, one in living.items()
            if one["status"] == "ACTIVE" or one["certificateArn"] in attached["principals"]
        }
    blemishes = {
        "no thing": ours,
        "not one certificate": len(living) == 1,
        IS_ACTIVE: all(one["status"] == "ACTIVE" for one in living.values()),
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
    half_stopped = {
        **{what: so for what, so in (blemishes | stopped).items() if what != IS_ACTIVE},
        "a certificate that is active": all(one["status"] == "INACTIVE" for one in living.values()),
    }
    at_rest = {
        **{what: so for what, so in half_stopped.items() if what != "not OFFLINE"},
        "not STOPPED": row.get("status") == "STOPPED",
    }
    wanted = (blemishes, free, confined, stopped, at_rest, half_stopped)
    left = Remains(found, row, *([what for what, so in each.items() if not so] for each in wanted))
    if rolled is None:
        return left
    return replace(left, rolled=replace(rolled, runs=_images(cloud, found["tasks"])))


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


def seat_of(cloud: Cloud, thing: str) -> Mapping[str, Any]:
    """The item that says where the device has its seat; {} when there is none."""
    found: Mapping[str, Any] = cloud.client("dynamodb").get_item(
        TableName=cloud.home.output("HostsTableName"),
        Key={"host": {"S": f"#of/{thing}"}, "entry": {"S": "seat"}},
        ConsistentRead=True,
    )
    item: Mapping[str, Any] = found.get("Item", {})
    return item


def _seat(cloud: Cloud, thing: str, owners: Sequence[str]) -> list[str]:
    """Its handle, which stands for a task."""
    seat = seat_of(cloud, thing)
    if not seat or seat["owner"]["S"] not in owners:
        return []
    return [seat_handle(seat["on"]["S"], thing, seat["seat"]["S"])]


def _images(cloud: Cloud, tasks: Sequence[str]) -> list[str]:
    """What these tasks were told to run."""
    if not tasks:
        return []
    described = cloud.client("ecs").describe_tasks(
        cluster=cloud.home.output("DeviceClusterName"), tasks=[*tasks]
    )["tasks"]
    return [
        variable["value"]
        for task in described
        for override in task["overrides"]["containerOverrides"]
        for variable in override["environment"]
        if variable["name"] == IMAGE_VARIABLE
    ]
