"""template.yaml, the workflows and the sample events agree with the code and the contracts."""

import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.identifiers import DEVICE_TYPES
from identity.message import CertificateMessage
from playground.local.task_events import OWN_REASONS
from presence.presence import PresenceEvent
from provisioning.clean_up import CleanUpRequest
from provisioning.create_thing import ThingRequest
from provisioning.leftovers import Leftover
from provisioning.record_status import StatusRequest
from provisioning.removal import STOP_REASON
from provisioning.signing import SigningRequest
from provisioning.start_task import TaskRequest
from provisioning.write_config import DeviceRequest
from restart import task_stopped
from restart.await_device import AwaitRequest
from restart.decision import RestartRequest
from restart.finish_restart import FinishRequest
from restart.give_up import GiveUpRequest
from restart.renew_certificate import RenewRequest
from restart.tasks import STOP_REASON as RESTART_STOP_REASON
from restart.undo_restart import UndoRequest
from sweeping.sweep import SweepRequest
from tests.unit.template import FUNCTIONS, RESOURCES, ROOT, TEMPLATE, WORKFLOWS

# Samples of what AWS itself sends to a function that has a sample of its own.
EVENTS = {"execution_ended": CleanUpRequest}
PARSERS: dict[str, Any] = {
    "clean_up": CleanUpRequest,
    "create_thing": ThingRequest,
    "issue_next_certificate": CertificateMessage,
    "presence": PresenceEvent,
    "record_status": StatusRequest,
    "settle_next_certificate": CertificateMessage,
    "sign_request": SigningRequest,
    "write_config": DeviceRequest,
    "start_task": TaskRequest,
    "claim_restart": RestartRequest,
    "renew_certificate": RenewRequest,
    "await_device": AwaitRequest,
    "finish_restart": FinishRequest,
    "undo_restart": UndoRequest,
    "give_up": GiveUpRequest,
}


def states_of(workflow: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state, those of branches too."""
    for name, state in workflow["States"].items():
        yield name, state
        for branch in state.get("Branches", []):
            yield from states_of(branch)


TASKS = [
    pytest.param(state, id=f"{file}:{name}")
    for file, workflow in WORKFLOWS.items()
    for name, state in states_of(workflow)
    if state["Type"] == "Task"
]


def module_of(function: Mapping[str, Any]) -> str:
    """The last part of the module that the function's handler is in."""
    return str(function["Handler"].split(".")[-2])


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_only_aws_iot_of_this_account_reads_firmware_and_nothing_else() -> None:
    role = RESOURCES["FirmwareDownloadRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "iot.amazonaws.com"}, "sts:AssumeRole")
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${FirmwareBucket.Arn}/firmware/*"},
    }


def test_the_loader_sees_the_whole_stack() -> None:
    assert len(FUNCTIONS) == 22
    assert len(TASKS) == 20
    assert set(WORKFLOWS) == {
        "provision_device.asl.yaml",
        "deprovision_device.asl.yaml",
        "restart_device.asl.yaml",
    }


def test_outputs_are_there_for_those_who_use_the_stack() -> None:
    assert TEMPLATE["Outputs"].keys() == {
        "ProvisionDeviceStateMachineArn",
        "DeprovisionDeviceStateMachineArn",
        "RestartDeviceStateMachineArn",
        "DeviceCatalogTableName",
        "ConfigBucketName",
        "FirmwareBucketName",
        "FirmwareDownloadRoleArn",
        "DeviceClusterName",
        "DeviceTaskDefinitionArn",
        "DevicePolicyName",
        "SweepFunctionName",
        "RotateCertificatesFunctionName",
        "FunctionLogGroupName",
        "DeviceLogGroupName",
        "DashboardName",
        "AlarmTopicArn",
        "DeviceRepositoryUri",
    }


def test_there_is_a_thing_type_for_every_device_type() -> None:
    types = {
        resource["Properties"]["ThingTypeName"]["Fn::Sub"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::IoT::ThingType"
    }
    assert types == {"${AWS::StackName}-" + device_type for device_type in DEVICE_TYPES}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_named_like_its_module_its_handler_and_its_sample(function: str) -> None:
    # given
    module = module_of(FUNCTIONS[function])
    # then
    assert function == module.title().replace("_", "") + "Function"
    assert (ROOT / "functions" / Path(*FUNCTIONS[function]["Handler"].split(".")[:-1])).with_suffix(".py").is_file()
    assert isinstance(json.loads((ROOT / "events" / f"{module}.json").read_text()), dict)


def test_no_sample_is_left_over() -> None:
    samples = {path.stem for path in (ROOT / "events").iterdir()}
    workflows = {name.partition(".")[0] for name in WORKFLOWS}
    assert samples == {module_of(function) for function in FUNCTIONS.values()} | workflows | set(EVENTS)


@pytest.mark.parametrize("module", [*PARSERS, *EVENTS])
def test_a_sample_is_what_its_function_takes(module: str) -> None:
    # when
    parsed = (PARSERS | EVENTS)[module].from_event(json.loads((ROOT / "events" / f"{module}.json").read_text()))
    # then
    assert parsed
    assert parsed.thing_name == "dev-SAMPLE"


def test_the_sweeps_sample_changes_nothing() -> None:
    assert SweepRequest.from_event(json.loads((ROOT / "events" / "sweep.json").read_text())).dry_run


def test_every_parser_has_a_sample() -> None:
    modules = [function["Handler"].rpartition(".")[0] for function in FUNCTIONS.values()]
    with_parser = {
        module.rpartition(".")[2]
        for module in modules
        for value in vars(importlib.import_module(module)).values()
        if hasattr(value, "from_event") and value is not Leftover
    }
    assert with_parser == (PARSERS.keys() | {"task_stopped", "sweep", "rotate_certificates"})


def test_a_certificate_message_reaches_its_function_as_the_function_takes_it() -> None:
    # given
    topics = {"IssueNextCertificate": {"create"}, "SettleNextCertificate": {"confirm", "abandon"}}
    for name, requests in topics.items():
        rules = [event["Properties"] for event in FUNCTIONS[f"{name}Function"]["Events"].values()]
        sample = json.loads((ROOT / "events" / f"{module_of(FUNCTIONS[f'{name}Function'])}.json").read_text())
        # then
        assert {rule["Sql"].rpartition(" ")[2].strip("'") for rule in rules} == {
            f"cmd/playground/+/certificate/{request}" for request in requests
        }
        for rule in rules:
            assert set(re.findall(r"AS (\w+)", rule["Sql"])) == sample.keys()


def test_the_sample_of_a_stopped_task_is_one_that_the_rule_lets_pass() -> None:
    # given
    event = json.loads((ROOT / "events" / "task_stopped.json").read_text())
    rule = FUNCTIONS["TaskStoppedFunction"]["Events"]["TaskStoppedRule"]["Properties"]["Pattern"]
    # then
    assert event["source"] in rule["source"]
    assert event["detail-type"] in rule["detail-type"]
    assert event["detail"]["lastStatus"] in rule["detail"]["lastStatus"]
    assert rule["detail"]["stoppedReason"] == [{"anything-but": [STOP_REASON, RESTART_STOP_REASON]}]
    assert OWN_REASONS == (STOP_REASON, RESTART_STOP_REASON)
    assert task_stopped.StoppedTask.from_event(event).reason == (
        "task stopped: SpotInterruption: Your Spot Task was interrupted."
    )


def test_the_workflows_samples_are_valid_input() -> None:
    provision = json.loads((ROOT / "events" / "provision_device.json").read_text())
    deprovision = json.loads((ROOT / "events" / "deprovision_device.json").read_text())
    assert ThingRequest.from_event({"input": provision, "execution": "arn"}).thing_name == "dev-SAMPLE"
    assert CleanUpRequest.deprovision(deprovision, "arn").thing_name == "dev-SAMPLE"
    restart = json.loads((ROOT / "events" / "restart_device.json").read_text())
    assert RestartRequest.from_event({"input": restart, "restart": "arn"}).thing_name == "dev-SAMPLE"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_single_actions_only(function: str) -> None:
    # given
    statements = [statement for policy in FUNCTIONS[function]["Policies"] for statement in policy["Statement"]]
    # then
    assert statements
    for statement in statements:
        for action in list_of(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Za-z0-9]+", action), action


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_of_a_function_is_what_it_reads_and_holds_no_secret(function: str) -> None:
    # given
    variables = FUNCTIONS[function]["Environment"]["Variables"]
    source = (ROOT / "functions" / Path(*FUNCTIONS[function]["Handler"].split(".")[:-1])).with_suffix(".py").read_text()
    # then
    assert set(re.findall(r'environment\.required\("(\w+)"\)', source)) == variables.keys()
    for name in variables.keys() | TEMPLATE["Globals"]["Function"]["Environment"]["Variables"].keys():
        assert not re.search(r"SECRET|PASSW|TOKEN|KEY|CREDENTIAL|PRIVATE|PEM", name.upper()), name
    assert not re.search(r"resolve:|AKIA|BEGIN ", json.dumps(variables))


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-us-gov", "ap-southeast-1"), ("aws-cn", "cn-northwest-1")]
)
def test_the_device_policy_fits_into_2048_characters(partition: str, region: str) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "Maximum policy document size"."""
    # given
    values = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": "123456789012"}

    def render(value: Any) -> Any:
        if isinstance(value, list):
            return [render(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Fn::Sub"}:
            filled = re.sub(r"\$\{([\w:]+)\}", lambda match: values[match[1]], value["Fn::Sub"])
            return filled.replace("${!", "${")
        return {key: render(entry) for key, entry in value.items()}

    # when
    document = json.dumps(render(RESOURCES["DevicePolicy"]["Properties"]["PolicyDocument"]), separators=(",", ":"))
    # then
    assert f"arn:{partition}:iot:{region}:123456789012:client/${{iot:Connection.Thing.ThingName}}" in document
    assert len(document) < 2048


@pytest.mark.parametrize("state", TASKS)
def test_a_task_waits_longer_than_its_function_runs(state: dict[str, Any]) -> None:
    # given
    arn = state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
    runs = FUNCTIONS[arn].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    # then
    assert state["TimeoutSeconds"] > runs


@pytest.mark.parametrize("state", TASKS)
def test_a_task_retries_with_full_jitter_or_not_at_all(state: dict[str, Any]) -> None:
    assert any(retrier.get("MaxAttempts") != 0 for retrier in state["Retry"])
    for retrier in state["Retry"]:
        assert retrier.get("MaxAttempts") == 0 or retrier["JitterStrategy"] == "FULL"


@pytest.mark.parametrize("state", TASKS)
def test_a_task_catches_everything_in_the_end(state: dict[str, Any]) -> None:
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


@pytest.mark.parametrize("state", TASKS)
def test_errors_are_routed_by_names_that_exist(state: dict[str, Any]) -> None:
    ours = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    aws = {"ResourceNotFoundException", "IdempotencyAlreadyInProgressError"}
    for rule in [*state["Retry"], *state["Catch"]]:
        for name in rule["ErrorEquals"]:
            assert name.startswith(("States.", "Lambda.", "Sandbox.")) or name in ours | aws, name


@pytest.mark.parametrize("state", TASKS)
def test_bad_input_is_not_tried_again(state: dict[str, Any]) -> None:
    for retrier in state["Retry"]:
        if {"InvalidInput", "ThingNotFound", "ThingExists"} & set(retrier["ErrorEquals"]):
            assert retrier["MaxAttempts"] == 0


@pytest.mark.parametrize("file", WORKFLOWS)
def test_a_workflow_is_given_the_functions_that_it_calls_and_may_call_them(file: str) -> None:
    # given
    properties = next(
        resource["Properties"] for resource in RESOURCES.values() if file in json.dumps(resource.get("Properties", {}))
    )
    called = set(re.findall(r"\$\{(\w+)Arn\}", (ROOT / "statemachines" / file).read_text()))
    allowed = {
        resource["Fn::GetAtt"].partition(".")[0]
        for policy in properties["Policies"]
        for statement in policy["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
        for resource in list_of(statement["Resource"])
    }
    # then
    assert called == allowed
    assert properties["DefinitionSubstitutions"] == {f"{name}Arn": {"Fn::GetAtt": f"{name}.Arn"} for name in called}
