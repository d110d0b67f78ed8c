"""A device's whole life, twice: by the workflows, then step by step with the detours that a smooth life never takes."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from playground.local.runner import device_log
from playground.local.tasks import task_id_of
from playground.paths import PROJECT
from tests.playground_cloud import Cloud, wait_for

LIMIT = 30.0
FUNCTION_SECONDS = 30
REFUSED = ("(AccessDenied)", "(AccessDeniedException)", "(ForbiddenException)")
WORKFLOWS = {"provisioning": "ProvisionDeviceStateMachineArn", "deprovisioning": "DeprovisionDeviceStateMachineArn"}


class StepFailedError(Exception):
    """A step did not do what it is for; `error` is what its function, or the device, said."""

    def __init__(self, step: str, error: str) -> None:
        super().__init__(f"{step}: {error}")
        self.step = step
        self.error = error


@dataclass(frozen=True)
class WholeLife:
    """One life under one name. Use it once."""

    cloud: Cloud
    thing_name: str
    began: float = field(default_factory=time.time)

    def run(self) -> None:
        """Live it. Raises StepFailedError at the first step that fails."""
        self._by_workflow()
        self._step_by_step()

    def end(self) -> None:
        """Remove what is left of it, whatever became of it, with the product's own deprovisioning."""
        sfn = self.cloud.client("stepfunctions")
        for machine in WORKFLOWS.values():
            running = sfn.list_executions(stateMachineArn=self.cloud.home.output(machine), statusFilter="RUNNING")
            for execution in running["executions"]:
                sfn.stop_execution(executionArn=execution["executionArn"])
        if self.cloud.row(self.thing_name):
            ended = self.cloud.deprovision(self.thing_name)
            assert ended.status == "SUCCEEDED", ended
        wait_for("no open request for a certificate", self._nothing_asked_for)

    def _nothing_asked_for(self) -> bool:
        """The product's own sweep has settled what the life has lost."""
        self._call("Sweep", {"olderThanSeconds": 0})
        return "certificate_requests" not in self.cloud.row(self.thing_name)

    # --- by the workflows

    def _by_workflow(self) -> None:
        self._execute("provisioning", {"thingName": self.thing_name, "deviceType": "bulb"})
        self._wait("the device", lambda: "reported" in self.cloud.shadow(self.thing_name), self._refusal)
        self._execute("deprovisioning", {"thingName": self.thing_name})

    def _execute(self, workflow: str, given: Mapping[str, Any]) -> None:
        sfn = self.cloud.client("stepfunctions")
        arn = self.cloud.start(WORKFLOWS[workflow], given)

        def in_vain() -> str:
            """Why nobody will answer the state that waits for the device; every other state ends by itself."""
            return self._refusal() if self._states(arn)[-1:] == ["RecordStatus"] else ""

        def over() -> bool:
            return bool(sfn.describe_execution(executionArn=arn)["status"] != "RUNNING")

        self._wait(f"{workflow}: RecordStatus", over, in_vain)
        ended = self.cloud.finished(arn)
        if ended.status != "SUCCEEDED":
            # A failed provisioning goes on to CleanUp, which is all of deprovisioning.
            failed = next((state for state in reversed(self._states(arn)) if state != "CleanUp"), "CleanUp")
            # What a function raises is JSON; what Step Functions itself says is not.
            raise StepFailedError(f"{workflow}: {failed}", f"{ended.error}: {ended.cause}")

    def _states(self, execution_arn: str) -> list[str]:
        """The working states that the execution has entered so far."""
        answer = self.cloud.client("stepfunctions").get_execution_history(executionArn=execution_arn)
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in answer["events"]
            if event["type"] in {"TaskStateEntered", "ParallelStateEntered"}
        ]

    # --- step by step, on the sample events

    def _step_by_step(self) -> None:
        execution = f"{_sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
        asked = {"thingName": self.thing_name, "deviceType": "bulb"}
        self._is_refused("CreateCertificate", "is no longer for", execution=execution)
        self._is_refused("RecordStatus", "is no longer for", execution=execution)
        self._invoke("CreateThing", input=asked, execution=execution)
        lost = self._lose_certificate()
        half_made = self._leave_certificate_half_made()
        certificate = self._invoke("CreateCertificate", execution=execution)
        self._expect("CreateCertificate", "the half-made certificate is gone", half_made not in self._certificates())
        self._invoke("AttachPolicy", certificateArn=certificate["certificateArn"])
        self._invoke("WriteConfig")
        task = self._invoke("StartTask", execution=execution)
        # The device is faster than RecordStatus, which then has to answer the workflow itself.
        self._wait("the device", lambda: self.cloud.row(self.thing_name)["status"] == "ONLINE", self._refusal)
        certified = {"certificateId": certificate["certificateId"], "execution": execution}
        recorded = self._invoke("RecordStatus", **task, **certified)
        self._expect("RecordStatus", "the device is online", recorded["status"] == "ONLINE")
        self._wait("sweep", lambda: self._swept(lost), lambda: "")
        self._removed_in_the_place_of_another(execution)
        self._call("Sweep", {"dryRun": True, "olderThanSeconds": 0})

    def _removed_in_the_place_of_another(self, execution: str) -> None:
        """By an execution that finds the device taken by a dead one, while a workflow waits for the device."""
        removal = execution.replace("-provision-device:", "-deprovision-device:")
        self._set(deprovisioning=f"{removal}-dead", task_token="nobody waits with this token")
        undone = self._call("CleanUp", {"input": {"thingName": self.thing_name}, "deprovisioning": removal})
        self._expect("CleanUp", "the device is removed", undone["undone"])

    def _lose_certificate(self) -> str:
        """What an attempt of CreateCertificate leaves that dies before the row names it, half a minute ago."""
        asked_at = datetime.now(UTC) - timedelta(seconds=FUNCTION_SECONDS + 2)
        made = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)
        self._set(certificate_requests={f"{asked_at.isoformat()} {uuid.uuid4()}"})
        identifier: str = made["certificateId"]
        return identifier

    def _swept(self, certificate_id: str) -> bool:
        for found in self._call("Sweep", {"olderThanSeconds": 0})["findings"]:
            if found["outcome"] == "failed":
                raise StepFailedError("step by step: Sweep", found["error"])
        return certificate_id not in self._certificates()

    def _leave_certificate_half_made(self) -> str:
        """What an attempt of CreateCertificate leaves that dies before the key is in the bucket. Gives its id."""
        made = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)
        identifier: str = made["certificateId"]
        self._set(certificate_id=identifier, certificate_arn=made["certificateArn"])
        return identifier

    def _set(self, **values: str | set[str]) -> None:
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

    def _certificates(self) -> set[str]:
        pages = self.cloud.client("iot").get_paginator("list_certificates").paginate()
        return {certificate["certificateId"] for page in pages for certificate in page["certificates"]}

    def _invoke(self, state: str, **changes: Any) -> dict[str, Any]:
        """Call the state's function on its sample event, for this life's thing."""
        event = {**_sample(_snake_case(state)), **changes}
        if "thingName" in event:
            event["thingName"] = self.thing_name
        return self._call(state, event)

    def _is_refused(self, state: str, because: str, **changes: Any) -> None:
        """Expect the function to say no."""
        try:
            self._invoke(state, **changes)
        except StepFailedError as failure:
            if because not in failure.error:
                raise
        else:
            raise StepFailedError(f"step by step: {state}", "it was not refused")

    def _call(self, state: str, event: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.cloud.functions[f"{state}Function"], Payload=json.dumps(event)
        )
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise StepFailedError(f"step by step: {state}", said["errorMessage"])
        return said

    # --- waiting, and looking for why it is in vain

    @staticmethod
    def _expect(state: str, what: str, fulfilled: bool) -> None:  # noqa: FBT001
        if not fulfilled:
            raise StepFailedError(f"step by step: {state}", f"it is not so that {what}")

    @staticmethod
    def _wait(step: str, done: Callable[[], bool], in_vain: Callable[[], str]) -> None:
        deadline = time.monotonic() + LIMIT
        while not done():
            why = in_vain() or (f"not done after {LIMIT:.0f} s" if time.monotonic() > deadline else "")
            if why:
                raise StepFailedError(step, why)
            time.sleep(0.05)

    def _refusal(self) -> str:
        """What a function or the device has been refused since this life began."""
        return self._function_refusal() or self._device_refusal()

    def _function_refusal(self) -> str:
        group = f"/playground/{self.cloud.home.stack_name}/functions"
        logs = self.cloud.client("logs").get_paginator("filter_log_events")
        pages = logs.paginate(logGroupName=group, startTime=int(self.began * 1000))
        messages: list[str] = [event["message"] for page in pages for event in page["events"]]
        return next((message for message in messages if any(code in message for code in REFUSED)), "")

    def _device_refusal(self) -> str:
        task_arn = self.cloud.row(self.thing_name).get("task_arn")
        log = device_log(self.cloud.paths, task_id_of(task_arn)) if task_arn else None
        if log is None or not log.exists():
            return ""
        entries = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return next((entry["message"] for entry in entries if entry.get("error") == "UrlRefusedError"), "")


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((PROJECT / "events" / f"{name}.json").read_text())
    return sample


def _snake_case(state: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in state).removeprefix("_")
