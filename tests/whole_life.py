"""A device's whole life, twice: by the workflows, then step by step with the detours that a smooth life never takes."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playground.local.runner import device_log
from playground.local.tasks import task_id_of
from playground.paths import PROJECT
from tests.device.pki import signing_request
from tests.playground_cloud import Cloud

LIMIT = 30.0
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
        with suppress(self.cloud.client("iot").exceptions.ResourceNotFoundException):
            self.cloud.client("iot").delete_job(jobId=self._job_id, force=True)
        if self.cloud.row(self.thing_name):
            ended = self.cloud.deprovision(self.thing_name)
            assert ended.status == "SUCCEEDED", ended

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
        self._invoke("CreateThing", input=asked, execution=execution)
        half_made = self._leave_certificate_half_made()
        certificate = self._invoke("CreateCertificate")
        self._expect("CreateCertificate", "the half-made certificate is gone", half_made not in self._certificates())
        self._invoke("AttachPolicy", certificateArn=certificate["certificateArn"])
        self._change_its_mind_about_a_certificate(certificate["certificateId"])
        self._invoke("WriteConfig")
        task = self._invoke("StartTask", execution=execution)
        # The device is faster than RecordStatus, which then has to answer the workflow itself.
        self._wait("the device", lambda: self.cloud.row(self.thing_name)["status"] == "ONLINE", self._refusal)
        recorded = self._invoke("RecordStatus", **task, certificateId=certificate["certificateId"])
        self._expect("RecordStatus", "the device is online", recorded["status"] == "ONLINE")
        undone = self._invoke("CleanUp", input={"thingName": self.thing_name}, execution=execution)
        self._expect("CleanUp", "the device is removed", undone["undone"])

    @property
    def _job_id(self) -> str:
        return f"rotate-{self.thing_name}"

    def _change_its_mind_about_a_certificate(self, certificate_id: str) -> None:
        """What a device asks for that never gets the answers, loses its key and gives up in the end."""
        iot = self.cloud.client("iot")
        thing_arn = iot.describe_thing(thingName=self.thing_name)["thingArn"]
        iot.create_job(jobId=self._job_id, targets=[thing_arn], document='{"operation": "rotate-cert"}')
        self.cloud.client("iot-jobs-data").start_next_pending_job_execution(thingName=self.thing_name)
        first, second = signing_request(self.thing_name), signing_request(self.thing_name)
        made = self._say("create", certificate_id, csr=first)
        again = self._say("create", certificate_id, csr=first)
        other = self._say("create", certificate_id, csr=second)
        ids = [answer.get("certificateId") for answer in (made, again, other)]
        self._expect("IssueNextCertificate", "one request has one certificate", ids[0] == ids[1] != ids[2])
        self._expect("IssueNextCertificate", "the first one is gone", ids[0] not in self._certificates())
        self._say("abandon", certificate_id)
        self._expect("SettleNextCertificate", "the other one is gone", ids[2] not in self._certificates())
        iot.delete_job(jobId=self._job_id, force=True)

    def _say(self, request: str, principal: str, **content: str) -> dict[str, Any]:
        """What the rule hands over when the device publishes it."""
        payload = base64.b64encode(json.dumps({"jobId": self._job_id, **content}).encode()).decode()
        state = "IssueNextCertificate" if request == "create" else "SettleNextCertificate"
        return self._invoke(state, request=request, principal=principal, payload=payload)

    def _leave_certificate_half_made(self) -> str:
        """What an attempt of CreateCertificate leaves that dies before the key is in the bucket. Gives its id."""
        made = self.cloud.client("iot").create_keys_and_certificate(setAsActive=True)
        identifier: str = made["certificateId"]
        self.cloud.client("dynamodb").update_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"),
            Key={"thing_name": {"S": self.thing_name}},
            UpdateExpression="SET certificate_id = :id, certificate_arn = :arn",
            ExpressionAttributeValues={":id": {"S": identifier}, ":arn": {"S": made["certificateArn"]}},
        )
        return identifier

    def _certificates(self) -> set[str]:
        pages = self.cloud.client("iot").get_paginator("list_certificates").paginate()
        return {certificate["certificateId"] for page in pages for certificate in page["certificates"]}

    def _invoke(self, state: str, **changes: Any) -> dict[str, Any]:
        """Call the state's function on its sample event, for this life's thing."""
        event = {**_sample(_snake_case(state)), **changes}
        if "thingName" in event:
            event["thingName"] = self.thing_name
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
