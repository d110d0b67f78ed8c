"""A device's whole life, twice: by the workflows, then step by step with the detours that a smooth life never takes."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from playground.images import Images
from playground.local.runner import device_log
from playground.local.tasks import task_id_of
from playground.paths import PROJECT
from tests.device.pki import signing_request
from tests.playground_cloud import Cloud, wait_for

LIMIT = 30.0
FUNCTION_SECONDS = 30
REFUSED = ("(AccessDenied)", "(AccessDeniedException)", "(AuthorizationError)", "(ForbiddenException)")
WORKFLOWS = {
    "provisioning": "ProvisionDeviceStateMachineArn",
    "restarting": "RestartDeviceStateMachineArn",
    "quarantining": "QuarantineDeviceStateMachineArn",
    "releasing": "ReleaseDeviceStateMachineArn",
    "deprovisioning": "DeprovisionDeviceStateMachineArn",
}
OVERLY_PERMISSIVE = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"
WIDE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
MODEL = {"telemetry": {"power": {"constant": 5}}}


class StepFailedError(Exception):
    """A step did not do what it is for; `error` is what its function, or the device, said."""

    def __init__(self, step: str, error: str) -> None:
        super().__init__(f"{step}: {error}")
        self.step = step
        self.error = error


@dataclass(frozen=True)
class Wall:
    """As much of a switch as a link needs: a row, and a certificate."""

    cloud: Cloud
    name: str

    def hang(self) -> None:
        """It is there."""
        arn = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)["certificateArn"]
        row = {"thing_name": self.name, "device_type": "switch", "status": "ONLINE", "certificate_arn": arn}
        row |= {"execution_arn": "nobody's", "created_at": "2026-01-02", "updated_at": "2026-01-02T03:04:05.678Z"}
        self.cloud.client("dynamodb").put_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"), Item={k: {"S": v} for k, v in row.items()}
        )

    def spoil(self) -> None:
        """Somebody changes the policy of its links until it has as many versions as it may have."""
        for _ in range(4):
            self.cloud.client("iot").create_policy_version(
                policyName=f"{self.cloud.home.stack_name}-links-{self.name}",
                policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
                setAsDefault=True,
            )

    def remove(self) -> None:
        """It is there no more; its links went with the other device."""
        row = self.cloud.row(self.name)
        if not row:
            return
        iot = self.cloud.client("iot")
        iot.delete_certificate(certificateId=row["certificate_arn"].rpartition("/")[2])
        with suppress(self.cloud.client("iot-data").exceptions.ResourceNotFoundException):
            self.cloud.client("iot-data").delete_thing_shadow(thingName=self.name)
        self.cloud.client("dynamodb").delete_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"), Key={"thing_name": {"S": self.name}}
        )


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
        self._with_its_own_key()
        self._by_api()

    def end(self) -> None:
        """Remove what is left of it, whatever became of it, with the product's own deprovisioning."""
        sfn = self.cloud.client("stepfunctions")
        for execution_arn in self.cloud.running():
            sfn.stop_execution(executionArn=execution_arn)
        with suppress(self.cloud.client("iot").exceptions.ResourceNotFoundException):
            self.cloud.client("iot").delete_job(jobId=self._job_id, force=True)
        if self.cloud.row(self.thing_name):
            ended = self.cloud.deprovision(self.thing_name)
            assert ended.status == "SUCCEEDED", ended
        wait_for("no open request for a certificate", self._nothing_asked_for)
        self._wall.remove()

    def _nothing_asked_for(self) -> bool:
        """The product's own sweep has settled what the life has lost."""
        self._call("Sweep", {"olderThanSeconds": 0})
        return "certificate_requests" not in self.cloud.row(self.thing_name)

    # --- by the workflows

    def _by_workflow(self) -> None:
        self._execute("provisioning", {"thingName": self.thing_name, "deviceType": "bulb"})
        self._wait("the device", lambda: "reported" in self.cloud.shadow(self.thing_name), self._refusal)
        self._stop_task()
        self._confine_and_let_out()
        self._set(task_token="nobody's")
        self._execute("deprovisioning", {"thingName": self.thing_name})

    def _stop_task(self) -> None:
        """Somebody stops the device's task: the stack notices, and brings it back."""
        before = self.cloud.row(self.thing_name)
        self.cloud.client("ecs").stop_task(cluster=before["cluster_arn"], task=before["task_arn"], reason="Spot")

        def back() -> bool:
            row = self.cloud.row(self.thing_name)
            return row["certificate_id"] != before["certificate_id"] and "restarting" not in row

        self._wait("restarting: AwaitDevice", back, self._refusal)

    def _confine_and_let_out(self) -> None:
        """Twice: the second time by force."""
        for how in ({}, {"force": True}):
            self._execute("quarantining", {"thingName": self.thing_name, "reason": "a test"})
            self._wait("quarantining: the device", lambda: self._has_reported("quarantine"), self._refusal)
            self._wait(
                "quarantining: presence",
                lambda: bool(self.cloud.row(self.thing_name)["presence_connected"]),
                self._refusal,
            )
            self._execute("releasing", {"thingName": self.thing_name, **how})

    def _has_reported(self, setting: str) -> bool:
        return setting in self.cloud.shadow(self.thing_name).get("reported", {})

    def _execute(self, workflow: str, given: Mapping[str, Any]) -> None:
        sfn = self.cloud.client("stepfunctions")
        arn = self.cloud.start(WORKFLOWS[workflow], given)

        def in_vain() -> str:
            """Why nobody will answer the state that waits for the device; every other state ends by itself."""
            waiting = (["RecordStatus"], ["AwaitDevice"], ["RenewIdentity"])
            return self._refusal() if self._states(arn)[-1:] in waiting else ""

        def over() -> bool:
            return bool(sfn.describe_execution(executionArn=arn)["status"] != "RUNNING")

        self._wait(f"{workflow}: RecordStatus", over, in_vain)
        ended = self.cloud.finished(arn)
        if ended.status != "SUCCEEDED":
            # A failed provisioning goes on to CleanUp, which is all of deprovisioning.
            undoing = ("CleanUp", "UndoQuarantine")
            failed = next((state for state in reversed(self._states(arn)) if state not in undoing), "CleanUp")
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
        self._change_its_mind_about_a_certificate(certificate["certificateId"])
        self._invoke("WriteConfig", model=MODEL)
        task = self._invoke("StartTask", execution=execution)
        # The device is faster than RecordStatus, which then has to answer the workflow itself.
        self._wait("the device", lambda: self.cloud.row(self.thing_name)["status"] == "ONLINE", self._refusal)
        certified = {"certificateId": certificate["certificateId"], "execution": execution}
        recorded = self._invoke("RecordStatus", **task, **certified)
        self._expect("RecordStatus", "the device is online", recorded["status"] == "ONLINE")
        self._misbehave(certificate["certificateId"])
        self._quarantine_step_by_step()
        self._link_with_a_switch()
        self._roll_step_by_step()
        self._audited()
        self._restart_step_by_step()
        self._wait("sweep", lambda: self._swept(lost), lambda: "")
        self._removed_in_the_place_of_another(execution)
        self._wall.remove()
        self._call("Sweep", {"dryRun": True, "olderThanSeconds": 0})
        self._call("CountDevices", {})

    def _with_its_own_key(self) -> None:
        """A device that makes its key itself, a retry that finds its certificate half-made, and one that grows old."""
        execution = f"{_sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
        asked = {"thingName": self.thing_name, "deviceType": "bulb", "identity": "csr"}
        self._invoke("CreateThing", input=asked, execution=execution)
        bucket, request = self.cloud.home.output("ConfigBucketName"), f"devices/{self.thing_name}/csr.pem"
        s3 = self.cloud.client("s3")
        s3.put_object(Bucket=bucket, Key=request, Body=b"of the task before")

        def is_there() -> bool:
            return bool(s3.list_objects_v2(Bucket=bucket, Prefix=request)["KeyCount"])

        self._invoke("WriteConfig", model=MODEL, identity="csr")
        self._expect("WriteConfig", "the request of the task before is gone", not is_there())
        self._invoke("StartTask", execution=execution)
        self._wait("the device's request", is_there, self._refusal)
        self._is_refused("SignRequest", "is no longer for", execution=f"{execution}-other")
        signed = self._invoke("SignRequest", execution=execution)
        self._wait("the device", lambda: self._has_connected(signed["certificateId"]), self._refusal)
        restart = f"{_sample('claim_restart')['restart'].rpartition(':')[0]}:{uuid.uuid4()}"
        self._set(restarting=restart)
        half_made = self._leave_certificate_half_made("next_certificate")
        again = self._invoke("SignRequest", execution=execution, restart=restart)
        self._expect("SignRequest", "the half-made certificate is the one", again["certificateId"] == half_made)
        self._grow_old()
        self._execute("deprovisioning", {"thingName": self.thing_name})

    def _grow_old(self) -> None:
        """Its certificate comes near the end of its lifetime; before, the row did not tell how old it is."""
        self._remove("certificate_created_at")
        young = self._call("RotateCertificates", {})["due"]
        self._expect("RotateCertificates", "a new certificate is not due", not self._outcome(young))
        self._set(certificate_created_at=(datetime.now(UTC) - timedelta(days=300)).isoformat())
        outcome = self._outcome(self._call("RotateCertificates", {})["due"])
        iot = self.cloud.client("iot")
        for execution in iot.list_job_executions_for_thing(thingName=self.thing_name)["executionSummaries"]:
            iot.delete_job(jobId=execution["jobId"], force=True)
        self._expect("RotateCertificates", "an old certificate is due", outcome == "started")

    def _outcome(self, due: list[dict[str, Any]]) -> str:
        """What was done about this device."""
        return next((found["outcome"] for found in due if found["thingName"] == self.thing_name), "")

    @property
    def _wall(self) -> Wall:
        return Wall(self.cloud, f"{self.thing_name}-wall")

    def _link_with_a_switch(self) -> None:
        """A link that somebody spoils by hand and that is mended; it ends with the device's removal."""
        self._wall.hang()
        asked = {"action": "link", "thingName": self._wall.name, "target": self.thing_name}
        self._call("LinkDevices", asked)
        self._wall.spoil()
        self._expect("LinkDevices", "the link is there", self._call("LinkDevices", asked)["links"] == [self.thing_name])

    def _roll_step_by_step(self) -> None:
        """A roll that has died holding the lock, one that takes over, and a device that does not come up."""
        dead, good = (f"{_sample('next_device')['roll'].rpartition(':')[0]}:{uuid.uuid4()}" for _ in "12")
        images, ecr = Images(self.cloud.home), self.cloud.client("ecr")
        before = images.current() or ""
        found = ecr.batch_get_image(repositoryName=images.repository, imageIds=[{"imageDigest": before}])["images"][0]
        manifest, media_type = found["imageManifest"], found["imageManifestMediaType"]
        images.put(manifest + " ", media_type, images.tag)
        try:
            self._invoke("NextDevice", input={"thingNames": [self.thing_name]}, roll=dead, progress={})
            progress = self._invoke("NextDevice", input={}, roll=good, progress={})
            self._expect("NextDevice", "the device is next", progress["thingName"] == self.thing_name)
            judged = self._invoke("PutBack", roll=good, progress={**progress, "taskArn": "one that has failed"})
            self._expect("PutBack", "the device is to be restarted", judged["verdict"] == "RESTORE")
            self._expect("PutBack", "the tag is given back", images.current() == before)
        finally:
            images.put(manifest, media_type, images.tag)

    def _misbehave(self, certificate_id: str) -> None:
        """What is seen once, and what is counted."""
        now = int(time.time() * 1000)
        seen = {"principal": certificate_id, "client_id": self.thing_name, "at": now}
        told = self._invoke("Detect", **seen, evidence=str(uuid.uuid4()))
        self._expect("Detect", "a tampered device is found", told["verdicts"])
        message = {**seen, "topic": f"dt/playground/{self.thing_name}/telemetry"}
        flood = [{"eventSource": "aws:sqs", "body": json.dumps({**message, "evidence": str(n)})} for n in range(100)]
        self._expect("Detect", "a flood is found", self._call("Detect", {"Records": flood})["verdicts"])

    def _restart_step_by_step(self) -> None:
        """A restart that dies, one that takes over and succeeds, one that is undone, one that gives up."""
        dead, good, undone, last = (
            f"{_sample('claim_restart')['restart'].rpartition(':')[0]}:{uuid.uuid4()}" for _ in "1234"
        )
        row = self.cloud.row(self.thing_name)
        self._set(task_token="nobody's")
        detail = {**_sample("task_stopped")["detail"], "taskArn": row["task_arn"]}
        told = self._invoke("TaskStopped", detail=detail)
        self._expect("TaskStopped", "nobody waits", told["done"] == "IGNORED")
        self._remove("task_token")
        self._begin_restart(dead)
        claimed = self._invoke("ClaimRestart", input={"thingName": self.thing_name}, restart=good)
        half_made = self._leave_certificate_half_made("next_certificate")
        certificate = self._invoke("RenewCertificate", restart=good)
        self._expect("RenewCertificate", "the half-made certificate is gone", half_made not in self._certificates())
        task = self._run_task(good, certificate, claimed)
        self._wait("the device", lambda: self._has_connected(certificate["certificateId"]), self._refusal)
        awaited = self._invoke("AwaitDevice", restart=good, taskArn=task["taskArn"])
        self._expect("AwaitDevice", "the device is online", awaited["online"])
        self._is_refused("AwaitDevice", "is not held by", restart=dead, taskArn=task["taskArn"])
        self._invoke("FinishRestart", restart=good, **certificate)
        claimed = self._begin_restart(undone)
        data = {**_sample("undo_restart")["data"], "asked": {"thingName": self.thing_name}, "device": claimed}
        self._expect("UndoRestart", "it is undone", self._invoke("UndoRestart", restart=undone, data=data)["again"])
        self._invoke("ClaimRestart", input={"thingName": self.thing_name}, restart=last)
        self._invoke("GiveUp", restart=last)

    def _quarantine_step_by_step(self) -> None:
        """One that takes over from a dead one and is undone, one that is done; the same of releases."""
        iot, policy = self.cloud.client("iot"), f"life-{self.thing_name}"
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}],
        }
        dead, undone, done = (f"{_sample('claim_quarantine')['execution'].rpartition(':')[0]}:{n}" for n in _numbers())
        asked = {"thingName": self.thing_name, "reason": "a test"}
        # The workflow goes on when nobody can be told.
        self._invoke("NotifySecurity", execution=done, event="QUARANTINED", reason="a test", input=asked)
        iot.create_policy(policyName=policy, policyDocument=json.dumps(document))
        certificate = self.cloud.row(self.thing_name)["certificate_arn"]
        iot.attach_policy(policyName=policy, target=certificate)
        self._invoke("ClaimQuarantine", input=asked, execution=dead)
        for execution in (undone, done):
            self._invoke("ClaimQuarantine", input=asked, execution=execution)
            self._invoke("IsolateDevice", execution=execution)
            self._invoke("MarkShadow", execution=execution)
            if execution == undone:
                undoing = self._invoke("UndoQuarantine", input=asked, execution=execution)
                self._expect("UndoQuarantine", "it is undone", undoing["undone"])
        self._invoke("SettleQuarantine", execution=done)
        dead, undone, done = (f"{_sample('claim_release')['execution'].rpartition(':')[0]}:{n}" for n in _numbers())
        let_out: dict[str, Any] = {"thingName": self.thing_name, "force": True}
        self._invoke("ClaimRelease", input=let_out, execution=dead)
        for execution in (undone, done):
            self._invoke("ClaimRelease", input=let_out, execution=execution)
            self._invoke("ReadmitDevice", execution=execution)
            if execution == undone:
                undoing = self._invoke("UndoQuarantine", input=let_out, execution=execution)
                self._expect("UndoQuarantine", "it is confined again", undoing["undone"])
        self._invoke("MarkShadow", execution=done)
        self._invoke("SettleQuarantine", execution=done)
        iot.detach_policy(policyName=policy, target=certificate)
        iot.delete_policy(policyName=policy)

    def _begin_restart(self, restart: str) -> dict[str, Any]:
        """Claim, certificate, config, task. Gives what ClaimRestart gave."""
        claimed = self._invoke("ClaimRestart", input={"thingName": self.thing_name}, restart=restart)
        self._expect("ClaimRestart", "the model is found", claimed["model"] == MODEL)
        self._run_task(restart, self._invoke("RenewCertificate", restart=restart), claimed)
        return claimed

    def _run_task(self, restart: str, certificate: Mapping[str, str], claimed: Mapping[str, Any]) -> dict[str, Any]:
        asked = {name: claimed[name] for name in ("execution", "restarts", "replaced")}
        self._invoke("AttachPolicy", certificateArn=certificate["certificateArn"])
        self._invoke("WriteConfig", keepShadow=True, model=MODEL)
        return self._invoke("StartTask", restart=restart, **asked)

    def _has_connected(self, certificate_id: str) -> bool:
        row = self.cloud.row(self.thing_name)
        return row["status"] == "ONLINE" and row.get("presence_certificate") == certificate_id

    def _removed_in_the_place_of_another(self, execution: str) -> None:
        """By an execution that finds the device taken by a dead one, while a workflow waits for the device."""
        removal = execution.replace("-provision-device:", "-deprovision-device:")
        self._set(deprovisioning=f"{removal}-dead", task_token="nobody waits with this token")
        undone = self._call("CleanUp", {"input": {"thingName": self.thing_name}, "deprovisioning": removal})
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

    def _audited(self) -> None:
        """A wide policy is found; the device policy gets a version back that it has, then one that is made anew."""
        iot, name = self.cloud.client("iot"), self.cloud.home.output("DevicePolicyName")
        good = iot.get_policy(policyName=name)
        told = {"findings": [{"check": OVERLY_PERMISSIVE, "resource": {"type": "IOT_POLICY", "id": name}}]}

        def widen() -> None:
            iot.create_policy_version(policyName=name, policyDocument=json.dumps(WIDE), setAsDefault=True)

        try:
            widen()
            repaired = self._call("ProcessFinding", told)["policies"]
            self._expect("ProcessFinding", "the good version is put in force", repaired[0]["outcome"] == "replaced")
            for _ in range(3):
                widen()
            iot.delete_policy_version(policyName=name, policyVersionId=good["defaultVersionId"])
            widen()
            repaired = self._call("ProcessFinding", told)["policies"]
            self._expect("ProcessFinding", "a good version is made", repaired[0]["removed"])
        finally:
            put = iot.create_policy_version(policyName=name, policyDocument=good["policyDocument"], setAsDefault=True)
            for version in iot.list_policy_versions(policyName=name)["policyVersions"]:
                if version["versionId"] != put["policyVersionId"]:
                    iot.delete_policy_version(policyName=name, policyVersionId=version["versionId"])
        self._audited_with_a_wide_policy(self.cloud.row(self.thing_name)["certificate_arn"])

    def _audited_with_a_wide_policy(self, certificate_arn: str) -> None:
        """Not the stack's, so that whoever hears of it changes nothing."""
        iot, name = self.cloud.client("iot"), f"{self.thing_name}-wide"
        iot.create_policy(policyName=name, policyDocument=json.dumps(WIDE))
        iot.attach_policy(policyName=name, target=certificate_arn)
        try:
            found = self._call("Audit", {"source": "aws.events"})["findings"]
            self._expect("Audit", "the policy is found", name in {one["resource"]["id"] for one in found})
        finally:
            iot.detach_policy(policyName=name, target=certificate_arn)
            iot.delete_policy(policyName=name)

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

    def _leave_certificate_half_made(self, slot: str = "certificate") -> str:
        """What an attempt leaves that dies before the key is in the bucket. Gives the certificate's id."""
        made = self.cloud.client("iot").create_keys_and_certificate(setAsActive=False)
        identifier: str = made["certificateId"]
        self._set(**{f"{slot}_id": identifier, f"{slot}_arn": made["certificateArn"]})
        self._remove("identity_pending")
        return identifier

    def _remove(self, *names: str) -> None:
        self.cloud.client("dynamodb").update_item(
            TableName=self.cloud.home.output("DeviceCatalogTableName"),
            Key={"thing_name": {"S": self.thing_name}},
            UpdateExpression="REMOVE " + ", ".join(names),
        )

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

    # --- as a user of the HTTP API

    def _by_api(self) -> None:
        """Made, looked at, told something and removed by the function that API Gateway calls."""
        self._followed(self._ask("POST /v1/devices", {"thingName": self.thing_name}))
        found = self._ask("GET /v1/devices/{thingName}", thingName=self.thing_name)
        parts = ("shadow", "certificate", "execution", "presence")
        self._expect("ControlPlane", "a whole device is described", all(found[part] for part in parts))
        listed = self._ask("GET /v1/devices")["devices"]
        self._expect("ControlPlane", "it is listed", self.thing_name in [one["thingName"] for one in listed])
        self._ask("PATCH /v1/devices/{thingName}/settings", {"desired": {"time": 5}}, thingName=self.thing_name)
        self._ask("POST /v1/devices/{thingName}/commands", {"command": "ping"}, thingName=self.thing_name)
        self._followed(self._ask("DELETE /v1/devices/{thingName}", thingName=self.thing_name))

    def _followed(self, accepted: Mapping[str, Any]) -> None:
        route, name = "GET /v1/executions/{executionName}", accepted["executionName"]
        self._wait(
            f"the API's {accepted['workflow']}",
            lambda: bool(self._ask(route, executionName=name)["status"] == "SUCCEEDED"),
            self._refusal,
        )

    def _ask(self, route: str, body: Any = None, **path: str) -> dict[str, Any]:
        method, _, template = route.partition(" ")
        event = _sample("control_plane")
        event |= {"routeKey": route, "rawPath": template.format(**path), "pathParameters": path}
        event["requestContext"]["http"] |= {"method": method, "path": event["rawPath"]}
        event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = "[admins]"
        if body is not None:
            event |= {"body": json.dumps(body), "headers": {"content-type": "application/json"}}
        answer = self._call("ControlPlane", event)
        if answer["statusCode"] >= 400:
            # The API does not tell its callers what AWS said; its log does.
            self._wait(f"the API: {route}", lambda: False, lambda: self._function_refusal() or answer["body"])
        said: dict[str, Any] = json.loads(answer["body"])
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


def _numbers() -> Iterator[str]:
    return (str(uuid.uuid4()) for _ in range(3))


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((PROJECT / "events" / f"{name}.json").read_text())
    return sample


def _snake_case(state: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in state).removeprefix("_")
