"""What every part of a life does: calls functions, writes into the row, waits, and tells why it was
in vain.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from playground.devices.task_names import task_id_of
from playground.home.paths import PROJECT
from playground.local.log_files import device_log
from proofs.life.wall import Wall
from tests.playground_cloud import Cloud

LIMIT = 30.0
FUNCTION_SECONDS = 30
REFUSED = (
    "(AccessDenied)",
    "(AccessDeniedException)",
    "(AuthorizationError)",
    "(ForbiddenException)",
)
TRANSIENT, TRIES = "TransientError", 3
MODEL = {"telemetry": {"power": {"constant": 5}}}
WORKFLOWS = {
    "provisioning": "ProvisionDeviceStateMachineArn",
    "restarting": "RestartDeviceStateMachineArn",
    "quarantining": "QuarantineDeviceStateMachineArn",
    "releasing": "ReleaseDeviceStateMachineArn",
    "deprovisioning": "DeprovisionDeviceStateMachineArn",
}


class StepFailedError(Exception):
    """A step did not do what it is for; `error` is what its function, or the device, said."""

    def __init__(self, step: str, error: str) -> None:
        super().__init__(f"{step}: {error}")
        self.step = step
        self.error = error


class TransientFaultError(StepFailedError):
    """Something that the workflow tries again, such as a connection that was closed."""


@dataclass(frozen=True)
class Life:
    """One life under one name."""

    cloud: Cloud
    thing_name: str
    began: float = field(default_factory=time.time)

    @property
    def wall(self) -> Wall:
        """A switch that the device is linked with."""
        return Wall(self.cloud, f"{self.thing_name}-wall")

    def has_reported(self, setting: str) -> bool:
        return setting in self.cloud.shadow(self.thing_name).get("reported", {})

    def config(self) -> dict[str, Any]:
        """The device's config document, as it is in the bucket."""
        bucket = self.cloud.home.output("ConfigBucketName")
        key = f"devices/{self.thing_name}/config.json"
        found = self.cloud.client("s3").get_object(Bucket=bucket, Key=key)
        document: dict[str, Any] = json.loads(found["Body"].read())
        return document

    def execute(self, workflow: str, given: Mapping[str, Any]) -> None:
        sfn = self.cloud.client("stepfunctions")
        arn = self.cloud.start(WORKFLOWS[workflow], given)

        def in_vain() -> str:
            """Why nobody will answer the state that waits for the device; every other state ends by
            itself.
            """
            waiting = (["RecordStatus"], ["RenewIdentity"])
            return self.refusal() if self.states(arn)[-1:] in waiting else ""

        def over() -> bool:
            return bool(sfn.describe_execution(executionArn=arn)["status"] != "RUNNING")

        self.wait(f"{workflow}: RecordStatus", over, in_vain)
        ended = self.cloud.finished(arn)
        if ended.status != "SUCCEEDED":
            # A failed provisioning goes on to CleanUp, which is all of deprovisioning.
            undoing = ("CleanUp", "UndoQuarantine")
            failed = next(
                (state for state in reversed(self.states(arn)) if state not in undoing), "CleanUp"
            )
            # What a function raises is JSON; what Step Functions itself says is not.
            raise StepFailedError(f"{workflow}: {failed}", f"{ended.error}: {ended.cause}")

    def states(self, execution_arn: str) -> list[str]:
        """The working states that the execution has entered so far."""
        sfn = self.cloud.client("stepfunctions")
        pages = sfn.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages
            for event in page["events"]
            if event["type"] in {"TaskStateEntered", "ParallelStateEntered"}
        ]

    def has_connected(self, certificate_id: str) -> bool:
        row = self.cloud.row(self.thing_name)
        return row["status"] == "ONLINE" and row.get("presence_certificate") == certificate_id

    def lose_certificate(self) -> str:
        """What an attempt of CreateCertificate leaves that dies before the row names it, half a
        minute ago.
        """
        asked_at = datetime.now(UTC) - timedelta(seconds=FUNCTION_SECONDS + 2)
        made = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)
        self.write(certificate_requests={f"{asked_at.isoformat()} {uuid.uuid4()}"})
        identifier: str = made["certificateId"]
        return identifier

    def leave_certificate_half_made(self, slot: str = "certificate") -> str:
        """What an attempt leaves that dies before the key is in the bucket. Gives the certificate's
        id.
        """
        made = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)
        identifier: str = made["certificateId"]
        self.write(**{f"{slot}_id": identifier, f"{slot}_arn": made["certificateArn"]})
        self.erase("identity_pending")
        return identifier

    def leave_confined(self, certificate_id: str) -> None:
        """What a quarantine leaves that has ended while the certificate was given its policies."""
        self.cloud.client("iot").attach_policy(
            policyName=self.cloud.home.output("QuarantinePolicyName"),
            target=self._arn_of(certificate_id),
        )

    def take_its_policy(self, certificate_id: str) -> None:
        """As a quarantine does, that of a device which is free."""
        self.cloud.client("iot").detach_policy(
            policyName=f"{self.cloud.home.stack_name}-device", target=self._arn_of(certificate_id)
        )

    def is_confined(self, certificate_id: str) -> bool:
        """Whether it carries the policy of the quarantine."""
        answer = self.cloud.client("iot").list_attached_policies(
            target=self._arn_of(certificate_id)
        )
        confining = self.cloud.home.output("QuarantinePolicyName")
        return confining in {policy["policyName"] for policy in answer["policies"]}

    def _arn_of(self, certificate_id: str) -> str:
        found = self.cloud.client("iot").describe_certificate(certificateId=certificate_id)
        arn: str = found["certificateDescription"]["certificateArn"]
        return arn

    def erase(self, *names: str) -> None:
        self.cloud.client("dynamodb").update_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"),
            Key={"thing_name": {"S": self.thing_name}},
            UpdateExpression="REMOVE " + ", ".join(names),
        )

    def write(self, **values: str | set[str]) -> None:
        """Write into the row as somebody who need not ask."""
        self.cloud.client("dynamodb").update_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"),
            Key={"thing_name": {"S": self.thing_name}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
            ExpressionAttributeValues={
                f":{name}": {"SS": sorted(value)} if isinstance(value, set) else {"S": value}
                for name, value in values.items()
            },
        )

    def grow_old(self) -> None:
        """Let the row be of an hour ago: an execution that Step Functions does not know is dead
        then, not new.
        """
        then = datetime.now(UTC) - timedelta(hours=1)
        self.write(updated_at=then.isoformat(timespec="milliseconds").replace("+00:00", "Z"))

    def certificates(self) -> set[str]:
        pages = self.cloud.client("iot").get_paginator("list_certificates").paginate()
        return {
            certificate["certificateId"] for page in pages for certificate in page["certificates"]
        }

    def invoke(self, state: str, **changes: Any) -> dict[str, Any]:
        """Call the state's function on its sample event, for this life's thing."""
        event = {**sample(_snake_case(state)), **changes}
        if "thingName" in event:
            event["thingName"] = self.thing_name
        return self.call(state, event)

    def is_refused(self, state: str, because: str, **changes: Any) -> None:
        """Expect the function to say no."""
        try:
            self.invoke(state, **changes)
        except StepFailedError as failure:
            if because not in failure.error:
                raise
        else:
            raise StepFailedError(f"step by step: {state}", "it was not refused")

    def call(self, state: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function, and again where the workflow would: after a `TransientError`."""
        for _ in range(TRIES - 1):
            with suppress(TransientFaultError):
                return self._called(state, event)
        return self._called(state, event)

    def _called(self, state: str, event: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.cloud.functions[f"{state}Function"], Payload=json.dumps(event)
        )
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            kind = TransientFaultError if said["errorType"] == TRANSIENT else StepFailedError
            raise kind(f"step by step: {state}", said["errorMessage"])
        return said

    @staticmethod
    def expect(state: str, what: str, fulfilled: bool) -> None:  # noqa: FBT001
        if not fulfilled:
            raise StepFailedError(f"step by step: {state}", f"it is not so that {what}")

    @staticmethod
    def wait(step: str, done: Callable[[], bool], in_vain: Callable[[], str]) -> None:
        deadline = time.monotonic() + LIMIT
        while not done():
            why = in_vain() or (
                f"not done after {LIMIT:.0f} s" if time.monotonic() > deadline else ""
            )
            if why:
                raise StepFailedError(step, why)
            time.sleep(0.05)

    def refusal(self) -> str:
        """What a function or the device has been refused since this life began."""
        return self.function_refusal() or self.device_refusal()

    def function_refusal(self) -> str:
        group = self.cloud.home.output("FunctionLogGroupName")
        logs = self.cloud.client("logs").get_paginator("filter_log_events")
        pages = logs.paginate(logGroupName=group, startTime=int(self.began * 1000))
        messages: list[str] = [event["message"] for page in pages for event in page["events"]]
        return next(
            (message for message in messages if any(code in message for code in REFUSED)), ""
        )

    def device_refusal(self) -> str:
        task_arn = self.cloud.row(self.thing_name).get("task_arn")
        log = device_log(self.cloud.paths, task_id_of(task_arn)) if task_arn else None
        if log is None or not log.exists():
            return ""
        entries = [
            json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")
        ]
        return next(
            (entry["message"] for entry in entries if entry.get("error") == "UrlRefusedError"), ""
        )


def numbers() -> Iterator[str]:
    return (str(uuid.uuid4()) for _ in range(3))


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((PROJECT / "events" / f"{name}.json").read_text())
    return event


def _snake_case(state: str) -> str:
    return "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in state
    ).removeprefix("_")
