"""What users of AWS type, typed: the SAM CLI and the AWS CLI, in a shell that has evaluated
`playground env`.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from playground.home.paths import PROJECT
from tests.playground_cloud import UP_LIMIT, Cloud, wait_for


@pytest.fixture
def second_stack(cloud: Cloud, tmp_path: Path) -> Iterator[Path]:
    """A copy of the project, deployed by hand beside the tests' own stack; removed again with `sam
    delete`.
    """
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("functions", "statemachines"):
        shutil.copytree(PROJECT / name, copy / name)
    for name in ("template.yaml", "dashboard.yaml", "samconfig.toml"):
        shutil.copy(PROJECT / name, copy / name)
    yield copy
    cloud.run("sam", "delete", "--no-prompts", "--stack-name", "by-hand", "--region", "us-east-1")


@pytest.mark.thorough
@pytest.mark.timeout(480)
def test_sam_build_and_sam_deploy(cloud: Cloud, second_stack: Path) -> None:
    # given nothing that was built
    early = cloud.run("sam", "deploy", "--stack-name", "by-hand", cwd=second_stack, check=False)
    assert early.returncode == 1
    assert "run `sam build` first" in early.stderr
    # when
    cloud.run("sam", "build", cwd=second_stack)
    cloud.run("sam", "deploy", "--stack-name", "by-hand", cwd=second_stack)
    # then
    found = cloud.run(
        "aws",
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        "by-hand",
        "--query",
        "Stacks[0]",
    )
    stack = json.loads(found.stdout)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {output["OutputKey"] for output in stack["Outputs"]} >= {
        "ProvisionDeviceStateMachineArn",
        "DeprovisionDeviceStateMachineArn",
        "DeviceCatalogTableName",
        "ConfigBucketName",
        "DeviceClusterName",
        "DeviceTaskDefinitionArn",
        "DevicePolicyName",
    }
    # and a second deployment finds nothing to do
    again = cloud.run("sam", "deploy", "--stack-name", "by-hand", cwd=second_stack)
    assert "No changes to deploy" in again.stdout + again.stderr


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.timeout(480)
def test_up_puts_right_what_somebody_else_has_deployed(cloud: Cloud) -> None:
    # given the sources as they are, without the packages that a build adds
    cloud.run("sam", "deploy", "--template-file", "template.yaml")
    # when
    again = cloud.playground("up", timeout=UP_LIMIT)
    # then
    assert "Deploying the stack" in again.stderr
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.functions["CreateThingFunction"], Payload="{}"
    )
    assert "No module named" not in answer["Payload"].read().decode()
    # and a second one finds nothing to do
    assert "Deploying the stack" not in cloud.playground("up", timeout=UP_LIMIT).stderr


@pytest.mark.usefixtures("nothing_left")
def test_start_execution_and_update_thing_shadow(cloud: Cloud, tmp_path: Path) -> None:
    # given
    provision = cloud.home.output("ProvisionDeviceStateMachineArn")
    sample = (PROJECT / "events" / "provision_device.json").resolve()
    # when
    started = cloud.run(
        "aws",
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        provision,
        "--input",
        f"file://{sample}",
    )
    arn = json.loads(started.stdout)["executionArn"]

    def end() -> str | None:
        shown = cloud.run("aws", "stepfunctions", "describe-execution", "--execution-arn", arn)
        return shown.stdout if json.loads(shown.stdout)["status"] != "RUNNING" else None

    made = json.loads(wait_for("the end of the execution", end))
    # then
    assert made["status"] == "SUCCEEDED", made
    name = json.loads(made["output"])["thingName"]
    assert name == json.loads(sample.read_text())["thingName"]
    # when
    cloud.wait_until_reported(name, time=60)
    payload = '{"state": {"desired": {"time": 2}}}'
    cloud.run(
        "aws",
        "iot-data",
        "update-thing-shadow",
        "--thing-name",
        name,
        "--payload",
        payload,
        str(tmp_path / "answer"),
    )
    # then
    cloud.wait_until_reported(name, time=2)
    # finally
    deprovision = cloud.home.output("DeprovisionDeviceStateMachineArn")
    sample = (PROJECT / "events" / "deprovision_device.json").resolve()
    started = cloud.run(
        "aws",
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        deprovision,
        "--input",
        f"file://{sample}",
    )
    assert cloud.finished(json.loads(started.stdout)["executionArn"]).status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left")
def test_sam_remote_invoke_runs_every_step_on_its_sample(cloud: Cloud) -> None:
    """The sample events fit together: one after the other they make a device by hand, and remove
    it.

    Some go through the SAM CLI, a second of CPU each; the others through the call to the Lambda API
    that it makes.
    """

    def event_of(sample: str, changes: Mapping[str, object]) -> str:
        return json.dumps(
            {**json.loads((PROJECT / "events" / f"{sample}.json").read_text()), **changes}
        )

    def remote_invoke(function: str, sample: str, **changes: object) -> dict[str, object]:
        event = event_of(sample, changes)
        done = cloud.run(
            "sam",
            "remote",
            "invoke",
            function,
            "--stack-name",
            cloud.home.stack_name,
            "--event",
            event,
        )
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def invoke(function: str, sample: str, **changes: object) -> dict[str, object]:
        done = cloud.client("lambda").invoke(
            FunctionName=cloud.functions[function], Payload=event_of(sample, changes)
        )
        answer: dict[str, object] = json.loads(done["Payload"].read())
        assert "FunctionError" not in done, answer
        return answer

    # when
    thing = remote_invoke("CreateThingFunction", "create_thing")
    certificate = remote_invoke("CreateCertificateFunction", "create_certificate")
    invoke("AttachPolicyFunction", "attach_policy", certificateArn=certificate["certificateArn"])
    invoke("WriteConfigFunction", "write_config")
    task = invoke("StartTaskFunction", "start_task")
    # then: the device itself comes online
    name = str(thing["thingName"])
    wait_for("the device to be online", lambda: cloud.row(name)["status"] == "ONLINE")
    invoke(
        "RecordStatusFunction",
        "record_status",
        taskArn=task["taskArn"],
        certificateId=certificate["certificateId"],
    )
    assert cloud.row(name)["task_arn"] == task["taskArn"]
    assert invoke("PresenceFunction", "presence") == {"thingName": name, "changed": False}
    # finally
    assert remote_invoke("CleanUpFunction", "clean_up")["undone"] is True
    assert cloud.row(name)["status"] == "FAILED"
