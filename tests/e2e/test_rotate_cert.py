"""The job `rotate-cert` in the local cloud: whatever fails, the device ends up connected with one
valid certificate.
"""

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.playground_cloud import Cloud, wait_for
from tests.role_policies import Grant, RolePolicies
from tests.secrets_found import places_with

pytestmark = pytest.mark.timeout(
    900
)  # the longest limits of a case together, on a machine that has more to do

ISSUE, SETTLE = "IssueNextCertificateFunction", "SettleNextCertificateFunction"


@dataclass(frozen=True)
class Rotated:
    """A device that is online, and a job that asks it to have a new certificate."""

    cloud: Cloud
    device: Mapping[str, Any]
    roles: RolePolicies
    job_id: str

    @property
    def thing(self) -> str:
        name: str = self.device["thingName"]
        return name

    @property
    def row(self) -> Mapping[str, Any]:
        return self.cloud.row(self.thing)

    @property
    def execution(self) -> dict[str, Any]:
        answer = self.cloud.client("iot").describe_job_execution(
            jobId=self.job_id, thingName=self.thing
        )
        found: dict[str, Any] = answer["execution"]
        return found

    @property
    def step(self) -> str:
        """What the job says that the device does."""
        details: dict[str, str] = self.execution.get("statusDetails", {}).get("detailsMap", {})
        return details.get("step", "")

    def without(self, function: str, action: str) -> Any:
        """Within the block the function can't do it."""
        return self.roles.without(Grant(function, action))

    def start(self, trial_seconds: int = 60) -> None:
        """The job is there. A trial that is to succeed has time for it on a slow machine, too."""
        thing_arn = self.cloud.client("iot").describe_thing(thingName=self.thing)["thingArn"]
        document = {"operation": "rotate-cert", "trialSeconds": trial_seconds}
        self.cloud.client("iot").create_job(
            jobId=self.job_id, targets=[thing_arn], document=json.dumps(document)
        )

    def wait_for_step(self, step: str) -> None:
        wait_for(f"step {step}", lambda: self.step == step, limit=60)

    def wait_for_successor(self) -> str:
        """The id of the certificate that was made and is not in force."""
        found: str = wait_for("a successor", lambda: self.row.get("next_certificate_id"), limit=60)
        return found

    def kill(self) -> None:
        """The device dies; the agent starts it again."""
        process = wait_for(
            "the device's process", lambda: self.cloud.device_process(self.device["thingName"])
        )
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

    def ended(self) -> tuple[str, Mapping[str, str]]:
        """How the job has ended, with its details."""

        def over() -> dict[str, Any] | None:
            found = self.execution
            return found if found["status"] not in ("QUEUED", "IN_PROGRESS") else None

        end = wait_for("the end of the job", over, limit=90)
        return end["status"], end.get("statusDetails", {}).get("detailsMap", {})

    def set_certificate(self, certificate_id: str, status: str) -> None:
        self.cloud.client("iot").update_certificate(certificateId=certificate_id, newStatus=status)

    def certificates(self) -> dict[str, str]:
        """Those of the thing, with their status."""
        iot = self.cloud.client("iot")
        ids = [
            arn.rpartition("/")[2]
            for arn in iot.list_thing_principals(thingName=self.thing)["principals"]
        ]
        described = [
            iot.describe_certificate(certificateId=name)["certificateDescription"] for name in ids
        ]
        return {one["certificateId"]: one["status"] for one in described}

    def check(self, *, changed: bool) -> None:
        """One valid certificate, the new one or the old one; the catalog knows it and the device
        lives by it.
        """
        wait_for(
            "nothing under way",
            lambda: not {name for name in self.row if name.startswith(("next_", "retired_"))},
        )
        identifier = self.row["certificate_id"]
        assert (identifier != self.device["certificateId"]) is changed
        assert self.certificates() == {identifier: "ACTIVE"}
        self.cloud.desire(self.thing, time=77)
        self.cloud.wait_until_reported(self.thing, time=77)
        wait_for("the device to be online", lambda: self.row["status"] == "ONLINE")
        # It is the certificate that the device connects with from now on.
        self.cloud.desire(self.thing, reconnect=uuid.uuid4().hex, time=78)
        self.cloud.wait_until_reported(self.thing, time=78)
        assert self.files() == ["identity.json", "settings.json"]
        self.kill()
        self.cloud.desire(self.thing, time=79)
        self.cloud.wait_until_reported(self.thing, time=79)

    def files(self) -> list[str]:
        """What the device keeps."""
        process = wait_for(
            "the device's process", lambda: self.cloud.device_process(self.device["thingName"])
        )
        return sorted(os.listdir(f"{process.environ()['STATE_DIR']}/{self.thing}"))  # noqa: PTH208


@pytest.fixture(scope="module")
def roles(cloud: Cloud) -> RolePolicies:
    return RolePolicies.of(cloud)


@pytest.fixture
def rotated(cloud: Cloud, roles: RolePolicies, nothing_left: None) -> Iterator[Rotated]:
    """A device that is online; removed afterwards, with its job."""
    made = cloud.provision({})
    assert made.status == "SUCCEEDED", made
    found = Rotated(cloud, made.output, roles, f"rotate-{uuid.uuid4().hex[:8]}")
    cloud.wait_until_reported(found.thing, time=60)
    yield found
    assert cloud.deprovision(found.thing).status == "SUCCEEDED"
    with suppress(cloud.client("iot").exceptions.ResourceNotFoundException):
        cloud.client("iot").delete_job(jobId=found.job_id, force=True)


@pytest.mark.thorough
def test_a_device_gets_a_new_certificate_and_the_old_one_goes(rotated: Rotated) -> None:
    # given: another test may have left the words in an execution's input
    before = places_with(rotated.cloud, "PRIVATE KEY")
    # when
    asked = (
        "job",
        "create",
        rotated.thing,
        "rotate-cert",
        "trialSeconds=20",
        "--wait",
        "--output",
        "json",
    )
    done = rotated.cloud.playground(*asked, timeout=120)
    # then
    made = json.loads(done.stdout)
    rotated = replace(rotated, job_id=made["jobId"])
    status, details = rotated.ended()
    assert (status, details["step"]) == ("SUCCEEDED", "confirm")
    assert details["certificateId"] == rotated.row["certificate_id"]
    rotated.check(changed=True)
    rotated.cloud.playground("job", "delete", rotated.job_id, "--force")
    shown = rotated.cloud.playground("show", rotated.thing).stdout
    assert rotated.row["certificate_id"][:12] in shown
    assert set(places_with(rotated.cloud, "PRIVATE KEY")) <= set(before)


@pytest.mark.thorough
def test_a_certificate_that_is_refused_fails_the_job(rotated: Rotated) -> None:
    # given: a workflow is about to replace the certificate
    table = {
        "TableName": rotated.cloud.home.output("DeviceCatalogTableName"),
        "Key": {"thing_name": {"S": rotated.thing}},
    }
    dynamodb = rotated.cloud.client("dynamodb")
    dynamodb.update_item(
        **table,
        UpdateExpression="SET next_certificate_id = :x",
        ExpressionAttributeValues={":x": {"S": "of a workflow"}},
    )
    # when
    rotated.start()
    # then
    status, details = rotated.ended()
    assert (status, details["code"]) == ("FAILED", "CONFLICT")
    dynamodb.update_item(**table, UpdateExpression="REMOVE next_certificate_id")
    rotated.check(changed=False)


@pytest.mark.thorough
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_the_answer_with_the_certificate_is_lost(rotated: Rotated, killed: bool) -> None:  # noqa: FBT001
    # when
    with rotated.without(ISSUE, "iot:Publish"):
        rotated.start()
        made = rotated.wait_for_successor()
        if killed:
            rotated.kill()
    # then: asked again, it is the same one
    status, details = rotated.ended()
    assert (status, details["certificateId"]) == ("SUCCEEDED", made)
    rotated.check(changed=True)


@pytest.mark.thorough
def test_the_new_certificate_is_made_inactive_before_it_is_tried(rotated: Rotated) -> None:
    # when
    with rotated.without(ISSUE, "iot:Publish"):
        rotated.start(trial_seconds=20)
        rotated.set_certificate(rotated.wait_for_successor(), "INACTIVE")
    # then
    status, details = rotated.ended()
    assert (status, details["code"]) == ("FAILED", "TRIAL_FAILED")
    assert "certificate" in details["reason"]
    rotated.check(changed=False)


@pytest.mark.thorough
def test_the_device_dies_while_it_tries(rotated: Rotated) -> None:
    # given: it tries in vain
    with rotated.without(ISSUE, "iot:Publish"):
        rotated.start()
        made = rotated.wait_for_successor()
        rotated.set_certificate(made, "INACTIVE")
    rotated.wait_for_step("trial")
    wait_for("it to have left", lambda: rotated.row["status"] == "OFFLINE")
    # when
    rotated.kill()
    rotated.set_certificate(made, "ACTIVE")
    # then
    status, details = rotated.ended()
    assert (status, details["certificateId"]) == ("SUCCEEDED", made)
    rotated.check(changed=True)


@pytest.mark.thorough
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
@pytest.mark.parametrize(
    "action",
    ["iot:Publish", "dynamodb:UpdateItem", "iot:UpdateCertificate"],
    ids=["answer", "promotion", "revocation"],
)
def test_the_confirmation_is_lost_or_comes_to_nothing(
    rotated: Rotated,
    action: str,
    killed: bool,  # noqa: FBT001
) -> None:
    # when
    with rotated.without(SETTLE, action):
        rotated.start()
        rotated.wait_for_step("confirm")
        if action != "dynamodb:UpdateItem":
            wait_for(
                "the promotion",
                lambda: rotated.row["certificate_id"] != rotated.device["certificateId"],
            )
        if killed:
            rotated.kill()
    # then
    assert rotated.ended()[0] == "SUCCEEDED"
    rotated.check(changed=True)


@pytest.mark.thorough
def test_the_job_is_cancelled_before_there_is_a_certificate(rotated: Rotated) -> None:
    # given
    with rotated.without(ISSUE, "iot:Publish"):
        rotated.start()
        rotated.wait_for_successor()
        # when
        rotated.cloud.client("iot").cancel_job_execution(
            jobId=rotated.job_id, thingName=rotated.thing, force=True
        )
        # then
        wait_for(
            "the successor to be gone", lambda: "next_certificate_id" not in rotated.row, limit=60
        )
    assert rotated.ended()[0] == "CANCELED"
    rotated.check(changed=False)


@pytest.mark.thorough
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed"])
def test_the_job_is_cancelled_when_the_certificate_is_in_force(
    rotated: Rotated,
    killed: bool,  # noqa: FBT001
) -> None:
    # given
    with rotated.without(SETTLE, "dynamodb:UpdateItem"):
        rotated.start()
        rotated.wait_for_step("confirm")
        # when
        rotated.cloud.client("iot").cancel_job_execution(
            jobId=rotated.job_id, thingName=rotated.thing, force=True
        )
        if killed:
            rotated.kill()
    # then: it is confirmed all the same
    assert rotated.ended()[0] == "CANCELED"
    rotated.check(changed=True)


@pytest.mark.thorough
def test_the_job_is_cancelled_while_the_device_is_off(rotated: Rotated) -> None:
    """Nobody comes back for what it had begun: it gives that up by itself."""
    # given
    with rotated.without(ISSUE, "iot:Publish"):
        rotated.start()
        rotated.wait_for_successor()
        # when
        rotated.cloud.client("iot").cancel_job_execution(
            jobId=rotated.job_id, thingName=rotated.thing, force=True
        )
        rotated.kill()
        # then
        wait_for(
            "the successor to be gone", lambda: "next_certificate_id" not in rotated.row, limit=90
        )
    rotated.check(changed=False)


def test_a_stolen_certificate_gets_no_other_without_a_job(rotated: Rotated) -> None:
    """Not even by asking in the device's name, from whatever else may publish in the account."""
    # given
    before = rotated.certificates()
    topic = f"cmd/playground/{rotated.thing}/certificate/create"
    payload = json.dumps({"jobId": rotated.job_id, "csr": "x"}).encode()
    # when
    rotated.cloud.client("iot-data").publish(topic=topic, qos=1, payload=payload)
    # then
    group = rotated.cloud.home.output("FunctionLogGroupName")

    def refused() -> list[Any]:
        found = rotated.cloud.client("logs").filter_log_events(
            logGroupName=group, filterPattern='"certificate refused"'
        )
        return [event for event in found["events"] if rotated.thing in event["message"]]

    wait_for("the refusal", refused)
    assert rotated.certificates() == before
    rotated.start()
    assert rotated.ended()[0] == "SUCCEEDED"
