"""Counts everything that provisioning makes, in every service, so that what was left behind
shows.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.playground_cloud import Cloud

# A row stays, for the record, when there is nothing of its device any more.
GONE = ("FAILED", "TERMINATED")
POOL = "#pool"
HOST = re.compile(r"host-\d+")


def census(cloud: Cloud) -> Mapping[str, frozenset[str]]:
    """What is there now: names by service. Two equal ones mean that nothing was made, or all of it
    was undone.
    """
    iot = cloud.client("iot")
    things = {thing["thingName"] for thing in _all(iot, "list_things", "things")}
    return {
        "things": frozenset(things),
        # One that a device has got for its claim and not used goes by itself, within an hour.
        "certificates": frozenset(
            c["certificateArn"]
            for c in _all(iot, "list_certificates", "certificates")
            if c["status"] != "PENDING_ACTIVATION"
        ),
        "authorities": frozenset(_authorities(iot)),
        "undecided certificates": frozenset(
            f"{authority} {c['certificateId']}"
            for authority in _authorities(iot)
            for c in iot.list_certificates_by_ca(caCertificateId=authority)["certificates"]
            if c["status"] == "PENDING_ACTIVATION"
        ),
        "policy attachments": frozenset(
            f"{policy} {target}"
            for policy in ("DevicePolicyName", "QuarantinePolicyName")
            for target in iot.list_targets_for_policy(policyName=cloud.home.output(policy))[
                "targets"
            ]
        ),
        "group members": frozenset(
            f"{group} {thing}"
            for group in ("devices", "quarantine")
            for thing in iot.list_things_in_thing_group(
                thingGroupName=f"{cloud.home.stack_name}-{group}"
            )["things"]
        ),
        "policies": frozenset(
            policy["policyName"] for policy in _all(iot, "list_policies", "policies")
        ),
        "jobs": frozenset(job["jobId"] for job in _all(iot, "list_jobs", "jobs")),
        "objects": frozenset(_objects(cloud)),
        "tasks": frozenset(_tasks(cloud)),
        "shadows": frozenset(_shadows(cloud)),
        "fleets": frozenset(_fleets(cloud)),
        "hosts": frozenset(hosts(cloud)),
        "seats": frozenset(_seats(cloud)),
        "catalog": frozenset(name for name, there in _rows(cloud) if there),
    }


def _authorities(iot: Any) -> list[str]:
    return [one["certificateId"] for one in _all(iot, "list_ca_certificates", "certificates")]


def _all(client: Any, operation: str, key: str) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate() for item in page[key]]


def _objects(cloud: Cloud) -> list[str]:
    pages = (
        cloud.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=cloud.home.output("ConfigBucketName"))
    )
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _fleets(cloud: Cloud) -> list[str]:
    pages = cloud.client("dynamodb").get_paginator("scan")
    rows = pages.paginate(TableName=cloud.home.output("FleetsTableName"))
    return [item["fleet_name"]["S"] for page in rows for item in page["Items"]]


def hosts(cloud: Cloud) -> list[str]:
    """Those that give seats away, or are still there."""
    opened = {item["entry"]["S"] for item in _of_hosts(cloud) if item["host"]["S"] == POOL}
    made = {name for name, there in _rows(cloud) if there and HOST.fullmatch(name)}
    return sorted((opened - {"#number"}) | made)


def _seats(cloud: Cloud) -> list[str]:
    """Of devices, by either of their two items."""
    items = [(item["host"]["S"], item["entry"]["S"]) for item in _of_hosts(cloud)]
    return [f"{host} {entry}" for host, entry in items if host != POOL]


def _of_hosts(cloud: Cloud) -> list[Any]:
    pages = cloud.client("dynamodb").get_paginator("scan")
    found = pages.paginate(TableName=cloud.home.output("HostsTableName"), ConsistentRead=True)
    return [item for page in found for item in page["Items"]]


def _tasks(cloud: Cloud) -> list[str]:
    """Tasks that run. (The emulator lists those that ran when it went down for ever, as wanted but
    stopped.)
    """
    ecs, cluster = cloud.client("ecs"), cloud.home.output("DeviceClusterName")
    return [
        task["taskArn"]
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster)
        if page["taskArns"]
        for task in ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
        if task["lastStatus"] == "RUNNING"
    ]


def _shadows(cloud: Cloud) -> list[str]:
    """Of every device that the catalog has ever known: a shadow outlives its thing."""
    data = cloud.client("iot-data")
    found = []
    for name, _there in _rows(cloud):
        try:
            data.get_thing_shadow(thingName=name)
        except data.exceptions.ResourceNotFoundException:
            continue
        found.append(name)
    return found


def _rows(cloud: Cloud) -> list[tuple[str, bool]]:
    """Every device that the catalog has ever known, and whether it is there; one that was given up
    is.
    """
    table = cloud.home.output("DeviceCatalogTableName")
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [
        (item["thing_name"]["S"], item["status"]["S"] not in GONE or "given_up_at" in item)
        for page in pages
        for item in page["Items"]
    ]
