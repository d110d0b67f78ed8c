"""What is there after a kill and an `up`, in every service and on the disk, held against one
another.
"""

import time
from dataclasses import dataclass, field

from playground.devices.sweep import sweep
from playground.local.identities import Identities, Owner
from playground.local.tasks import TaskBook
from tests.playground_cloud import Cloud

SETTLED_WITHIN = 180.0


@dataclass
class Look:
    """Names of devices, and sentences about what does not fit."""

    there: set[str] = field(default_factory=set)
    half_made: list[str] = field(default_factory=list)
    certificates: dict[str, str] = field(default_factory=dict)


def settled(cloud: Cloud) -> Look:
    """Look until everything fits and is online, or the time is over.

    A certificate whose id was lost is the sweep's, which may not judge before the function that
    asked for it has surely ended (docs/design/provisioning.md). It runs every 15 minutes, and more
    often here.
    """
    deadline = time.monotonic() + SETTLED_WITHIN
    while True:
        found = look(cloud)
        if not found.half_made or time.monotonic() > deadline:
            return found
        sweep(cloud.home, 0)
        time.sleep(2)


def look(cloud: Cloud) -> Look:
    """One look."""
    home = cloud.home
    book = TaskBook(home, home.output("DeviceClusterName"))
    owners = book.owners()
    found = Look({owner.thing_name for owner in owners})
    found.certificates = {
        owner.thing_name: ", ".join(sorted(owner.certificates)) for owner in owners
    }
    found.half_made += [
        f"{owner.thing_name} is {owner.status}" for owner in owners if owner.status != "ONLINE"
    ]
    found.half_made += _differences("things", _things(cloud), found.there)
    wanted = {certificate for owner in owners for certificate in owner.certificates}
    found.half_made += _differences("certificates", _certificates(cloud), wanted)
    arns = _tasks(cloud, book.cluster)
    found.half_made += _differences("tasks", arns, {owner.task_arn for owner in owners})
    found.half_made += _keys(cloud, owners)
    found.half_made += [f"{arn} runs" for arn in cloud.running()]
    if not found.half_made:
        found.half_made += [
            f"to sweep: {one.kind} {one.name} ({one.reason})"
            for one in sweep(home, 0, dry_run=True)
        ]
    return found


def _differences(what: str, there: set[str], wanted: set[str]) -> list[str]:
    more = [f"{what}: {one} is nobody's" for one in sorted(there - wanted)]
    return more + [f"{what}: {one} is missing" for one in sorted(wanted - there)]


def _things(cloud: Cloud) -> set[str]:
    pages = cloud.client("iot").get_paginator("list_things").paginate()
    return {thing["thingName"] for page in pages for thing in page["things"]}


def _certificates(cloud: Cloud) -> set[str]:
    pages = cloud.client("iot").get_paginator("list_certificates").paginate()
    return {one["certificateId"] for page in pages for one in page["certificates"]}


def _tasks(cloud: Cloud, cluster: str) -> set[str]:
    pages = cloud.client("ecs").get_paginator("list_tasks").paginate(cluster=cluster)
    return {arn for page in pages for arn in page["taskArns"]}


def _keys(cloud: Cloud, owners: list[Owner]) -> list[str]:
    folders = {path.name for path in cloud.paths.devices.iterdir()}
    wanted = {owner.task_arn.rpartition("/")[2] for owner in owners}
    identities = Identities(cloud.paths.devices)
    wrong = [one for one in owners if identities.certificate_of(one) not in one.certificates]
    return _differences("state directories", folders, wanted) + [
        f"{one.thing_name} has another key" for one in wrong
    ]
