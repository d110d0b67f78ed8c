"""What there is in every service, to be held against the catalog."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from common.certificates import CERTIFICATE_ARNS
from common.identifiers import STACK_TAG
from common.items import scan
from common.links import is_links_policy
from common.row import GIVEN_UP, Row
from holding.conditions import looked_at, present
from holding.purposes import Purpose
from hosting.seats import OpenHost, Seats

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_ecs import ECSClient
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient
    from types_boto3_s3 import S3Client

PREFIX = "devices/"
# What the finders look at in a row; in that of a device that is online six attributes of nineteen.
READ = tuple(
    sorted(
        {
            "thing_name",
            "status",
            GIVEN_UP,
            "updated_at",
            "execution_arn",
            "task_arn",
            "device_type",
            "certificate_requests",
            *CERTIFICATE_ARNS,
            "next_certificate_id",
            "quarantined_by",
            "links",
            *looked_at(*map(present, Purpose)),
        }
    )
)
MOST_TASKS = 100  # in one DescribeTasks call
# Things that are asked for at a time. More of them gain nothing: by then one processor is all at
# work on the calls, and on AWS a function of 256 MB has a seventh of one.
AT_ONCE = 4


@dataclass(frozen=True)
class Task:
    """A task of the stack's cluster that has not stopped, or a seat on a host, by its handle."""

    arn: str
    started_by: str
    created_at: datetime


@dataclass(frozen=True)
class Trace:
    """What AWS IoT has under a name."""

    attributes: Mapping[str, str] | None
    """The thing's; None when there is no such thing."""
    shadow: bool
    """Whether there is a shadow though there is no thing."""


@dataclass(frozen=True)
class Evidence:
    """One look at everything."""

    tasks: tuple[Task, ...]
    things: frozenset[str]
    """Names in the stack's thing group."""
    objects: Mapping[str, datetime]
    """When the youngest object below `devices/<name>/` was written, by name."""
    rows: Mapping[str, Row]
    policies: frozenset[str] = frozenset()
    """Names of policies of links."""
    hosts: tuple[OpenHost, ...] = ()
    """Those that give seats away."""

    @cached_property
    def tasks_of(self) -> Mapping[str, Sequence[Task]]:
        """The tasks by the mark of who started them."""
        found: dict[str, list[Task]] = {}
        for task in self.tasks:
            found.setdefault(task.started_by, []).append(task)
        return found


@dataclass(frozen=True)
class Observer:
    """Reads; changes nothing."""

    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"
    ecs: "ECSClient"
    s3: "S3Client"
    table: "Table"
    bucket: str
    cluster_arn: str
    thing_group: str
    links_prefix: str
    seats: Seats
    stack: str

    def look(self) -> Evidence:
        """The catalog last: whatever is made was written there before, so nothing that is new can
        look forgotten.
        """
        tasks, things, objects, policies, hosts = (
            (*self._tasks(), *self._seats()),
            self._things(),
            self._objects(),
            self._policies(),
            tuple(self.seats.hosts()),
        )
        rows = {row["thing_name"]: row for row in scan(self.table, READ)}
        return Evidence(tasks, things, objects, rows, policies, hosts)

    def attributes(self, thing_name: str) -> Mapping[str, str] | None:
        """The thing's attributes; None when there is no such thing."""
        try:
            return self.iot.describe_thing(thingName=thing_name).get("attributes", {})
        except self.iot.exceptions.ResourceNotFoundException:
            return None

    def traces(self, thing_names: Sequence[str]) -> Mapping[str, Trace]:
        """What AWS IoT has under each name, asked a few at a time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(thing_names, pool.map(self._trace, thing_names), strict=True))

    def job_goes_on(self, thing_name: str, job_id: str) -> bool:
        """Whether the device still has the job to carry out."""
        try:
            found = self.iot.describe_job_execution(jobId=job_id, thingName=thing_name)["execution"]
        except self.iot.exceptions.ResourceNotFoundException:
            return False
        return found["status"] in ("QUEUED", "IN_PROGRESS")

    def idle_certificates(self) -> list[Any]:
        """All that are INACTIVE, as ListCertificates tells of them."""
        pages = self.iot.get_paginator("list_certificates").paginate()
        return [
            found
            for page in pages
            for found in page["certificates"]
            if found["status"] == "INACTIVE"
        ]

    def undecided_certificates(self) -> Iterator[Mapping[str, Any]]:
        """All that this stack's authorities have signed and nobody has admitted or refused, as
        ListCertificatesByCA tells of them; with `caCertificateId`.
        """
        for page in self.iot.get_paginator("list_ca_certificates").paginate():
            for authority in page["certificates"]:
                arn, identifier = authority["certificateArn"], authority["certificateId"]
                tags = self.iot.list_tags_for_resource(resourceArn=arn).get("tags", [])
                if {"Key": STACK_TAG, "Value": self.stack} in tags:
                    yield from self._undecided(identifier)

    def _undecided(self, authority_id: str) -> Iterator[Mapping[str, Any]]:
        pages = self.iot.get_paginator("list_certificates_by_ca")
        for page in pages.paginate(caCertificateId=authority_id):
            for found in page["certificates"]:
                if found["status"] == "PENDING_ACTIVATION":
                    yield {**found, "caCertificateId": authority_id}

    def in_use(self, certificate_arn: str) -> bool:
        """Whether a policy or a thing hangs on the certificate. Ours, when it was lost, had
        neither.
        """
        if self.iot.list_attached_policies(target=certificate_arn)["policies"]:
            return True
        return bool(self.iot.list_principal_things(principal=certificate_arn)["things"])

    def _trace(self, thing_name: str) -> Trace:
        attributes = self.attributes(thing_name)
        return Trace(attributes, attributes is None and self._has_shadow(thing_name))

    def _has_shadow(self, thing_name: str) -> bool:
        """Whether there is a classic shadow of that name."""
        try:
            self.iot_data.get_thing_shadow(thingName=thing_name)
        except self.iot_data.exceptions.ResourceNotFoundException:
            return False
        return True

    def _tasks(self) -> list[Task]:
        pages = self.ecs.get_paginator("list_tasks").paginate(cluster=self.cluster_arn)
        arns = [arn for page in pages for arn in page["taskArns"]]
        found = []
        for start in range(0, len(arns), MOST_TASKS):
            answer = self.ecs.describe_tasks(
                cluster=self.cluster_arn, tasks=arns[start : start + MOST_TASKS]
            )
            found += [task for task in answer["tasks"] if task["lastStatus"] != "STOPPED"]
        return [
            Task(task["taskArn"], task.get("startedBy", ""), task["createdAt"]) for task in found
        ]

    def _seats(self) -> Iterator[Task]:
        for seat in self.seats.all():
            yield Task(seat.handle, seat.owner, datetime.fromisoformat(seat.taken_at))

    def _things(self) -> frozenset[str]:
        pages = self.iot.get_paginator("list_things_in_thing_group").paginate(
            thingGroupName=self.thing_group
        )
        return frozenset(name for page in pages for name in page["things"])

    def _policies(self) -> frozenset[str]:
        pages = self.iot.get_paginator("list_policies").paginate()
        names = (found["policyName"] for page in pages for found in page["policies"])
        return frozenset(name for name in names if is_links_policy(self.links_prefix, name))

    def _objects(self) -> dict[str, datetime]:
        youngest: dict[str, datetime] = {}
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=PREFIX)
        for item in (item for page in pages for item in page.get("Contents", [])):
            name = item["Key"].removeprefix(PREFIX).partition("/")[0]
            youngest[name] = max(item["LastModified"], youngest.get(name, item["LastModified"]))
        return youngest
