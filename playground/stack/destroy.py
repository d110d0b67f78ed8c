"""Remove every device and the stack, in either home, and tell what could not be removed.

Each part can be repeated, tolerates what is gone already, and does not keep the next one from its
work: interrupted at any point, it is finished by calling it again.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from playground.base.reporting import Reporter
from playground.devices.authorities import Authorities
from playground.devices.devices import Devices
from playground.devices.executions import Outcome
from playground.devices.sweep import Swept, sweep
from playground.devices.workflows import DEPROVISION, Workflow
from playground.errors import PlaygroundError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.messages import listen_identity

GONE = ("FAILED", "TERMINATED")
# A function may outlive its execution by seconds, and a certificate that it asked for is judged
# after 40 of them.
SWEEP_LIMIT = 90.0
SWEEP_PAUSE = 3.0
DELETED_AT_ONCE = 1000  # objects in one DeleteObjects call


@dataclass(frozen=True)
class Left:
    """Something that could not be removed, and why."""

    what: str
    why: str


@dataclass
class Demolition:
    """Takes one stack down."""

    home: Home
    report: Reporter
    delete_stack: Callable[[], None]
    paths: Paths = field(default_factory=Paths.here)
    left: list[Left] = field(default_factory=list)

    def run(self) -> list[Left]:
        """What could not be removed; empty when nothing is left."""
        if self._status() is not None:
            for title, needs, part in self._parts():
                if all(resource in self.resources for resource in needs):
                    self.report.step(title)
                    with_care(part, title, self.left)
            self.report.step("Deleting the stack (sam delete)")
            with_care(self.delete_stack, f"stack {self.home.stack_name}", self.left)
        self.report.step("Looking for what CloudFormation leaves behind")
        with_care(self._log_groups, "log groups", self.left)
        with_care(self._listeners, "listeners", self.left)
        with_care(self._authorities, "your own authority", self.left)
        with_care(self._stack_is_gone, f"stack {self.home.stack_name}", self.left)
        return self.left

    def _parts(self) -> Iterator[tuple[str, tuple[str, ...], Callable[[], None]]]:
        """Title, the resources without which there is nothing to do, and the work; the order
        matters.
        """
        yield "Stopping what runs", (), self._executions
        yield (
            "Removing the devices",
            ("DeviceCatalog", "DeprovisionDeviceStateMachine", "CleanUpFunction"),
            self._devices,
        )
        yield "Sweeping", ("DeviceCatalog", "SweepFunction", "CleanUpFunction"), self._sweep
        yield "Deleting jobs", ("DeviceGroup",), self._jobs
        yield "Removing your own authority", (), self._authorities
        yield "Removing the claim certificate", ("ClaimPolicy",), self._claims
        for policy in ("DevicePolicy", "QuarantinePolicy"):
            yield f"Detaching {policy}", (policy,), partial(self._policy, policy)
        yield "Stopping the tasks in the cluster", ("DeviceCluster",), self._tasks
        for bucket in ("ConfigBucket", "FirmwareBucket", "SourceBucket", "ConsoleBucket"):
            yield f"Emptying {bucket}", (bucket,), partial(self._objects, bucket)

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """Physical ids by logical ones, of what a half-deleted stack still has."""
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for found in self._stack_resources()
            if found["ResourceStatus"] != "DELETE_COMPLETE" and "PhysicalResourceId" in found
        }

    def _stack_resources(self) -> list[Any]:
        pages = self.home.client("cloudformation").get_paginator("list_stack_resources")
        return [
            found
            for page in pages.paginate(StackName=self.home.stack_name)
            for found in page["StackResourceSummaries"]
        ]

    def _status(self) -> str | None:
        """CloudFormation's word for the stack; None when it is gone."""
        try:
            stacks = self.home.client("cloudformation").describe_stacks(
                StackName=self.home.stack_name
            )["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        status = str(stacks[0]["StackStatus"]) if stacks else None
        return None if status == "DELETE_COMPLETE" else status

    def _executions(self) -> None:
        """All: what an aborted one has begun, the removal of its device or the sweep finishes."""
        sfn = self.home.client("stepfunctions")
        for machine in [arn for arn in self.resources.values() if ":stateMachine:" in arn]:
            for item in _all(
                sfn,
                "list_executions",
                "executions",
                stateMachineArn=machine,
                statusFilter="RUNNING",
            ):
                try:
                    sfn.stop_execution(
                        executionArn=item["executionArn"],
                        error="Destroyed",
                        cause="playground destroy",
                    )
                except ClientError as error:
                    self.report.line(f"{item['name']}: {error}")  # it has just ended by itself

    def _devices(self) -> None:
        names = [
            row["thing_name"] for row in Devices(self.home).rows() if row["status"] not in GONE
        ]
        ended = 0

        def done(outcome: Outcome) -> None:
            nonlocal ended
            ended += 1
            self.report.line(f"{ended} of {len(names)} {outcome.error}")

        # What fails here is tried again by the sweep, and told by what is left after it.
        Workflow(self.home, DEPROVISION).run_many([{"thingName": name} for name in names], done)

    def _sweep(self) -> None:
        deadline = time.monotonic() + SWEEP_LIMIT
        while True:
            found = sweep(self.home, 0)
            for result in found:
                self.report.line(f"{result.outcome} {result.kind} {result.name}")
            unsettled = (
                any(result.outcome != "ambiguous" for result in found) or self._open_requests()
            )
            if not unsettled or time.monotonic() > deadline:
                break
            time.sleep(SWEEP_PAUSE)
        self.left += [
            Left(f"{result.kind} {result.name}", _why(result))
            for result in found
            if _remains(result)
        ]
        for row in Devices(self.home).rows():
            if row["status"] not in GONE:
                self.left.append(Left(f"device {row['thing_name']}", f"is still {row['status']}"))

    def _open_requests(self) -> bool:
        """Whether a certificate may still turn up that nobody knows of yet."""
        return any(row.get("certificate_requests") for row in Devices(self.home).rows())

    def _jobs(self) -> None:
        """Those whose every target is this stack's: its group, or a thing that its catalog
        knows.
        """
        iot = self.home.client("iot")
        names = (
            {row["thing_name"] for row in Devices(self.home).rows()}
            if "DeviceCatalog" in self.resources
            else set()
        )
        ours = {f":thing/{name}" for name in names} | {
            f":thinggroup/{self.home.stack_name}-devices"
        }
        for summary in (
            job for page in iot.get_paginator("list_jobs").paginate() for job in page["jobs"]
        ):
            job = iot.describe_job(jobId=summary["jobId"])["job"]
            targets = job.get("targets", [])
            if targets and all(f":{target.rpartition(':')[2]}" in ours for target in targets):
                with_care(
                    partial(iot.delete_job, jobId=job["jobId"], force=True),
                    f"job {job['jobId']}",
                    self.left,
                )

    def _listeners(self) -> None:
        """Also those that run: their stack goes."""
        for policy, _until in listen_identity.policies(self.home):
            with_care(
                partial(listen_identity.remove, self.home, policy), f"listener {policy}", self.left
            )

    def _authorities(self) -> None:
        """With what they have registered, which no device is left for; and their keys."""
        Authorities(self.home, self.paths).forget_all()

    def _claims(self) -> None:
        """Of fleet provisioning: that of the stack, and what has been given its policy beside."""
        iot, policy = self.home.client("iot"), self.resources["ClaimPolicy"].rpartition("/")[2]
        for arn in list(_all(iot, "list_targets_for_policy", "targets", policyName=policy)):
            iot.detach_policy(policyName=policy, target=arn)
            certificate_id = arn.rpartition(":cert/")[2]
            iot.update_certificate(certificateId=certificate_id, newStatus="REVOKED")
            iot.delete_certificate(certificateId=certificate_id)

    def _policy(self, logical_id: str) -> None:
        """AWS IoT deletes neither a policy that is attached nor one with more than one version."""
        iot, policy = self.home.client("iot"), self.resources[logical_id].rpartition("/")[2]
        for target in _all(iot, "list_targets_for_policy", "targets", policyName=policy):
            iot.detach_policy(policyName=policy, target=target)
        for version in iot.list_policy_versions(policyName=policy)["policyVersions"]:
            if not version["isDefaultVersion"]:
                iot.delete_policy_version(policyName=policy, policyVersionId=version["versionId"])

    def _tasks(self) -> None:
        """The cluster is the stack's own, and can't be deleted while a task runs in it."""
        ecs, cluster = self.home.client("ecs"), self.resources["DeviceCluster"]
        for arn in _all(ecs, "list_tasks", "taskArns", cluster=cluster):
            ecs.stop_task(cluster=cluster, task=arn, reason="playground destroy")

    def _objects(self, logical_id: str) -> None:
        s3, bucket = self.home.client("s3"), self.resources[logical_id]
        # Every version, where there are some; elsewhere each object has one, whose id is null.
        keys = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for item in _all(s3, "list_object_versions", kind, Bucket=bucket)
        ]
        for start in range(0, len(keys), DELETED_AT_ONCE):
            answer = s3.delete_objects(
                Bucket=bucket, Delete={"Objects": keys[start : start + DELETED_AT_ONCE]}
            )
            self.left += [
                Left(f"object {error['Key']}", error["Message"])
                for error in answer.get("Errors", [])
            ]

    def _log_groups(self) -> None:
        """A function that logs while its log group is deleted makes it anew, without retention."""
        logs, stack = self.home.client("logs"), self.home.stack_name
        vended = [f"/aws/vendedlogs/{service}/{stack}" for service in ("states", "apigateway")]
        for prefix in (f"/playground/{stack}/", *vended):
            for group in _all(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix):
                if prefix.endswith("/") or group["logGroupName"] == prefix:
                    logs.delete_log_group(logGroupName=group["logGroupName"])

    def _stack_is_gone(self) -> None:
        status = self._status()
        if status is None:
            return
        self.left.append(Left(f"stack {self.home.stack_name}", f"is {status}"))
        for found in self._stack_resources():
            if found["ResourceStatus"] == "DELETE_FAILED":
                what = f"{found['LogicalResourceId']} {found.get('PhysicalResourceId', '')}"
                self.left.append(Left(what, found.get("ResourceStatusReason", "DELETE_FAILED")))


def with_care(part: Callable[[], object], what: str, left: list[Left]) -> None:
    """Do a part; what keeps it from its work is told in the end, and does not keep the others."""
    try:
        part()
    except (PlaygroundError, BotoCoreError, ClientError) as error:
        left.append(Left(what, str(error)))


def _remains(result: Swept) -> bool:
    return result.outcome in ("ambiguous", "failed")


def _why(result: Swept) -> str:
    return result.error or result.reason


def _all(client: Any, operation: str, key: str, **asked: Any) -> list[Any]:
    return [
        item
        for page in client.get_paginator(operation).paginate(**asked)
        for item in page.get(key, [])
    ]
