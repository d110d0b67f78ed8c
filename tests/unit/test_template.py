"""template.yaml, the workflows and the sample events agree with the code and the contracts."""

import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from auditing.audit import AuditRequest
from auditing.checks import CHECKS
from auditing.notification import Notification
from auditing.repair import restrictive
from common import errors
from common.identifiers import DEVICE_TYPES
from detecting import sources
from detecting.rules import Thresholds
from identity.message import CertificateMessage
from links.request import LinkRequest
from playground.local import agent, iot_log
from playground.local.stack import Toolbox, parameters
from playground.local.task_events import OWN_REASONS
from presence.presence import PresenceEvent
from provisioning import start_task
from provisioning.clean_up import CleanUpRequest
from provisioning.create_thing import ThingRequest
from provisioning.leftovers import Leftover
from provisioning.record_status import StatusRequest
from provisioning.removal import STOP_REASON
from provisioning.signing import SigningRequest
from provisioning.start_task import TaskRequest
from provisioning.write_config import DeviceRequest
from quarantine.notify_security import Notice
from quarantine.renew_identity import RenewalRequest
from quarantine.request import HeldDevice, QuarantineRequest, ReleaseRequest
from quarantine.undo_quarantine import UndoRequest as UndoQuarantineRequest
from restart import task_stopped
from restart.await_device import AwaitRequest
from restart.decision import RestartRequest
from restart.finish_restart import FinishRequest
from restart.give_up import GiveUpRequest
from restart.renew_certificate import RenewRequest
from restart.tasks import STOP_REASON as RESTART_STOP_REASON
from restart.undo_restart import UndoRequest
from rolling.next_device import NextRequest
from rolling.progress import checked_names
from rolling.put_back import PutBackRequest
from sweeping.sweep import SweepRequest
from tests.unit.template import FUNCTIONS, RESOURCES, ROOT, TEMPLATE, WORKFLOWS

# Samples of what AWS itself sends to a function that has a sample of its own.
EVENTS = {"execution_ended": CleanUpRequest}
TOLD_BY_AWS = {"audit_notification"}  # of no single thing
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
    "link_devices": LinkRequest,
    "next_device": NextRequest,
    "put_back": PutBackRequest,
    "claim_quarantine": QuarantineRequest,
    "isolate_device": HeldDevice,
    "mark_shadow": HeldDevice,
    "drop_connection": HeldDevice,
    "settle_quarantine": HeldDevice,
    "notify_security": Notice,
    "undo_quarantine": UndoQuarantineRequest,
    "claim_release": ReleaseRequest,
    "renew_identity": RenewalRequest,
    "readmit_device": HeldDevice,
}
# Their samples name the device in hand.
OF_A_ROLL = ("next_device", "put_back")


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


NESTED = "arn:aws:states:::states:startExecution.sync:2"


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
    assert len(FUNCTIONS) == 39
    assert len(TASKS) == 38
    assert set(WORKFLOWS) == {
        "provision_device.asl.yaml",
        "deprovision_device.asl.yaml",
        "restart_device.asl.yaml",
        "quarantine_device.asl.yaml",
        "release_device.asl.yaml",
        "roll_devices.asl.yaml",
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
        "AuditFunctionName",
        "ProcessFindingFunctionName",
        "AuditResultTopicArn",
        "FunctionLogGroupName",
        "DeviceLogGroupName",
        "DashboardName",
        "AlarmTopicArn",
        "LinkDevicesFunctionName",
        "DeviceRepositoryUri",
        "QuarantineDeviceStateMachineArn",
        "ReleaseDeviceStateMachineArn",
        "QuarantinePolicyName",
        "VerdictsTableName",
        "SecurityTopicArn",
        "ApiUrl",
        "UserPoolId",
        "UserPoolClientId",
        "DeviceImageTag",
        "SourceBucketName",
        "DeviceBuildProjectName",
        "RollDevicesStateMachineArn",
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
    assert samples == {module_of(function) for function in FUNCTIONS.values()} | workflows | set(EVENTS) | TOLD_BY_AWS


@pytest.mark.parametrize("module", [*PARSERS, *EVENTS])
def test_a_sample_is_what_its_function_takes(module: str) -> None:
    # when
    parsed = (PARSERS | EVENTS)[module].from_event(json.loads((ROOT / "events" / f"{module}.json").read_text()))
    # then
    assert parsed
    assert (parsed.progress if module in OF_A_ROLL else parsed).thing_name == "dev-SAMPLE"


def test_the_sweeps_sample_changes_nothing() -> None:
    assert SweepRequest.from_event(json.loads((ROOT / "events" / "sweep.json").read_text())).dry_run


def test_the_audits_samples_are_what_their_functions_take() -> None:
    # given
    asked, told, notified = (
        json.loads((ROOT / "events" / f"{name}.json").read_text())
        for name in ("audit", "process_finding", "audit_notification")
    )
    # then
    assert AuditRequest.from_event(asked).checks == tuple(asked["checks"])
    assert Notification.from_event(told) == Notification(("iot-playground-device",), ())
    assert Notification.from_event(notified) == Notification((), ("4e2bcd1ccbc2a5dd15292a82ab80c380",))


@pytest.mark.parametrize("topic", ["AuditTopic", "AuditResultTopic"])
def test_only_whom_iam_lets_may_publish_what_the_audit_tells(topic: str) -> None:
    policy = RESOURCES[f"{topic}Policy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Topics"] == [statement["Resource"]] == [{"Ref": topic}]
    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert statement["Action"] == "sns:Publish"


def test_every_parser_has_a_sample() -> None:
    modules = [function["Handler"].rpartition(".")[0] for function in FUNCTIONS.values()]
    with_parser = {
        module.rpartition(".")[2]
        for module in modules
        for value in vars(importlib.import_module(module)).values()
        if hasattr(value, "from_event") and value is not Leftover
    }
    assert with_parser == (
        PARSERS.keys() | {"task_stopped", "sweep", "audit", "process_finding", "rotate_certificates"}
    )


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


def test_the_local_agent_reads_the_image_that_a_task_is_told() -> None:
    assert agent.IMAGE_VARIABLE == start_task.IMAGE_VARIABLE


def test_the_workflows_samples_are_valid_input() -> None:
    provision = json.loads((ROOT / "events" / "provision_device.json").read_text())
    deprovision = json.loads((ROOT / "events" / "deprovision_device.json").read_text())
    assert ThingRequest.from_event({"input": provision, "execution": "arn"}).thing_name == "dev-SAMPLE"
    assert CleanUpRequest.deprovision(deprovision, "arn").thing_name == "dev-SAMPLE"
    restart = json.loads((ROOT / "events" / "restart_device.json").read_text())
    assert RestartRequest.from_event({"input": restart, "restart": "arn"}).thing_name == "dev-SAMPLE"
    roll = json.loads((ROOT / "events" / "roll_devices.json").read_text())
    assert checked_names(roll) == ("dev-SAMPLE",)


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
def test_what_a_function_may_do_is_said_once(function: str) -> None:
    # Said twice, one of them can go unnoticed, and stays when the other is taken away.
    said = [
        (action, json.dumps(resource), json.dumps(statement.get("Condition")))
        for policy in FUNCTIONS[function]["Policies"]
        for statement in policy["Statement"]
        for action in list_of(statement["Action"])
        for resource in list_of(statement["Resource"])
    ]
    assert len(said) == len(set(said))


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


def rendered(policy: str, partition: str = "aws", region: str = "eu-west-1") -> Any:
    """The document of a policy as AWS IoT gets it."""
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

    return render(RESOURCES[policy]["Properties"]["PolicyDocument"])


def test_in_quarantine_a_device_says_and_hears_its_shadow_its_jobs_and_its_new_certificate_alone() -> None:
    # given
    me, allowed = "${iot:Connection.Thing.ThingName}", set()
    for statement in rendered("QuarantinePolicy")["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in list_of(statement["Action"]):
            allowed |= {(action, resource.split(":", 5)[5]) for resource in list_of(statement["Resource"])}
    # then
    alone = {
        ("iot:Publish", f"topic/evt/playground/{me}/lwt"),
        ("iot:Receive", f"topic/$aws/things/{me}/shadow/delete/*"),
    }
    assert alone <= allowed
    for action in ("iot:Publish", "iot:Receive"):
        assert {resource for found, resource in allowed - alone if found == action} == {
            f"topic/$aws/things/{me}/shadow/get*",
            f"topic/$aws/things/{me}/shadow/update*",
            f"topic/$aws/things/{me}/jobs/*",
            f"topic/cmd/playground/{me}/certificate/*",
        }
    assert {resource for action, resource in allowed if action == "iot:Connect"} == {f"client/{me}"}
    assert {action for action, _ in allowed} == {"iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe"}
    # Whatever a device subscribes to when it is free, so that it need not connect anew to hear it again.
    device = {r for s in rendered("DevicePolicy")["Statement"] if s["Action"] == "iot:Subscribe" for r in s["Resource"]}
    assert {resource for action, resource in allowed if action == "iot:Subscribe"} == {
        r.split(":", 5)[5] for r in device
    }


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-us-gov", "ap-southeast-1"), ("aws-cn", "cn-northwest-1")]
)
@pytest.mark.parametrize("policy", ["DevicePolicy", "QuarantinePolicy"])
def test_a_policy_of_devices_fits_into_2048_characters(partition: str, region: str, policy: str) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "Maximum policy document size"."""
    # when
    document = rendered(policy, partition, region)
    text = json.dumps(document, separators=(",", ":"))
    # then
    assert f"arn:{partition}:iot:{region}:123456789012:client/${{iot:Connection.Thing.ThingName}}" in text
    assert len(text) < 2048
    if policy == "DevicePolicy":
        # What a repair puts in force.
        assert restrictive(f"arn:{partition}:iot:{region}:123456789012:policy/iot-playground-device") == document


def test_device_defender_runs_the_checks_that_we_run_and_only_when_asked_for() -> None:
    for name in ("DeviceDefenderRole", "AuditConfiguration", "DailyAudit"):
        assert RESOURCES[name]["Condition"] == "DeviceDefenderAudits"
    assert TEMPLATE["Parameters"]["UseDeviceDefenderAudit"]["Default"] == "false"
    # given
    ours = {check.name for check in CHECKS}
    switched_on = RESOURCES["AuditConfiguration"]["Properties"]["AuditCheckConfigurations"]
    # then
    assert set(RESOURCES["DailyAudit"]["Properties"]["TargetCheckNames"]) == ours
    assert {name.upper() for name in switched_on} == {name.replace("_", "") for name in ours}
    assert all(configuration["Enabled"] is True for configuration in switched_on.values())


@pytest.mark.parametrize("state", TASKS)
def test_a_task_waits_longer_than_its_function_runs(state: dict[str, Any]) -> None:
    # given
    if state["Resource"] == NESTED:
        assert state["TimeoutSeconds"] > 300  # what a restart may wait for its device
        return
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
            assert name.startswith(("States.", "Lambda.", "Sandbox.", "StepFunctions.")) or name in ours | aws, name


@pytest.mark.parametrize("state", TASKS)
def test_bad_input_is_not_tried_again(state: dict[str, Any]) -> None:
    for retrier in state["Retry"]:
        if {"InvalidInput", "ThingNotFound", "ThingExists"} & set(retrier["ErrorEquals"]):
            assert retrier["MaxAttempts"] == 0


def test_the_certificate_of_a_device_that_is_there_gets_its_policies_by_the_row() -> None:
    """Without that a device in quarantine would come back from a restart with the device policy."""
    definitions = (ROOT / "statemachines").iterdir()
    using = {path.name for path in definitions if "AttachPolicyFunctionArn" in path.read_text()}
    assert using == {"provision_device.asl.yaml", "restart_device.asl.yaml"}
    assert WORKFLOWS["restart_device.asl.yaml"]["States"]["AttachPolicy"]["Parameters"]["Payload"]["existing"] is True


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
    begun = {
        statement["Resource"]["Ref"]
        for policy in properties["Policies"]
        for statement in policy["Statement"]
        if statement["Action"] == "states:StartExecution"
    }
    # then
    assert called == allowed | begun
    assert properties["DefinitionSubstitutions"] == {
        f"{name}Arn": {"Ref": name} if name in begun else {"Fn::GetAtt": f"{name}.Arn"} for name in called
    }


def test_an_upload_starts_the_build_of_that_very_version() -> None:
    # given
    rule = RESOURCES["SourceUploadedRule"]["Properties"]
    (target,) = rule["Targets"]
    paths = target["InputTransformer"]["InputPathsMap"]
    # what S3 sends: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    detail = {"bucket": {"name": "b"}, "object": {"key": "source/abc.zip", "size": 1, "version-id": "v1"}}
    # when
    text = target["InputTransformer"]["InputTemplate"]
    for name, path in paths.items():
        value: Any = {"detail": detail}
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = text.replace(f"<{name}>", value)
    # then: parameters of StartBuild that botocore takes, and the names that the build reads
    asked = json.loads(text)
    assert asked["sourceLocationOverride"] == "b/source/abc.zip"
    assert asked["sourceVersion"] == "v1"
    model = botocore.session.Session().get_service_model("codebuild").operation_model("StartBuild").input_shape
    assert model is not None
    report = ParamValidator().validate({"projectName": "p", **asked}, model)
    assert not report.has_errors(), report.generate_report()
    project = RESOURCES["DeviceBuild"]["Properties"]
    given = {variable["Name"] for variable in project["Environment"]["EnvironmentVariables"]}
    assert {variable["name"] for variable in asked["environmentVariablesOverride"]} <= given
    commands = yaml.safe_load(project["Source"]["BuildSpec"])["phases"]
    text = json.dumps(commands)
    assert given == set(re.findall(r"\$\{?([A-Z_]+)", text)) - {"CONTENT_TAG"}
    for argument in re.findall(r"--build-arg (\w+)=", text):
        assert f"ARG {argument}" in (ROOT / "device" / "Dockerfile").read_text()


def test_who_starts_builds_may_do_nothing_else_and_no_build_leaves_the_stack() -> None:
    (policy,) = RESOURCES["SourceUploadedRole"]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "codebuild:StartBuild", "Resource": {"Fn::GetAtt": "DeviceBuild.Arn"}}
    ]
    (policy,) = RESOURCES["DeviceBuildRole"]["Properties"]["Policies"]
    everywhere = [s["Action"] for s in policy["PolicyDocument"]["Statement"] if s["Resource"] == "*"]
    assert everywhere == ["ecr:GetAuthorizationToken"]


def test_the_catalog_does_not_hear_of_connections_that_were_refused() -> None:
    sql = FUNCTIONS["PresenceFunction"]["Events"]["PresenceRule"]["Properties"]["Sql"]
    assert sql.endswith("WHERE eventType <> 'connect_failed'")


def test_every_source_of_the_detector_is_understood_by_it() -> None:
    rules = [event["Properties"]["Sql"] for event in FUNCTIONS["DetectFunction"]["Events"].values()]
    assert {re.findall(r"'(\w+)' AS source", sql)[0] for sql in rules} == set(sources._BY_RULE)
    # What a device has written can stand in the place of nothing that AWS IoT says of it.
    assert all("SELECT *" not in sql for sql in rules if "$aws/events" not in sql)


@pytest.mark.parametrize("rule", ["MessagesRule", "ShadowUpdatesRule"])
def test_messages_of_devices_alone_are_counted_by_way_of_the_queue(rule: str) -> None:
    payload = RESOURCES[rule]["Properties"]["TopicRulePayload"]
    assert "regexp_matches(principal(), '^[0-9a-f]{64}$')" in payload["Sql"]
    assert [list(action) for action in payload["Actions"]] == [["Sqs"]]


@pytest.mark.parametrize(
    ("condition", "resources"),
    [
        ("Quarantining", {"DetectMayQuarantine"}),
        ("ReadingIotLog", {"IotLogFilter", "IotLogPermission"}),
        ("DeviceDefender", {"DefenderTopic", "DefenderPermission", "DefenderRole", "DefenderProfile"}),
    ],
)
def test_what_not_every_account_wants_or_has_is_there_only_when_asked_for(condition: str, resources: set[str]) -> None:
    assert {name for name, one in RESOURCES.items() if one.get("Condition") == condition} == resources
    parameter = TEMPLATE["Conditions"][condition]
    (name,) = re.findall(r"'Ref': '(\w+)'", str(parameter))
    assert TEMPLATE["Parameters"][name]["Default"] in ("", "false")


def test_nothing_of_device_defender_is_there_without_its_condition() -> None:
    of_defender = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::IoT::SecurityProfile"}
    assert of_defender == {"DefenderProfile"}


def test_the_thresholds_of_the_template_are_those_that_were_measured() -> None:
    variables = FUNCTIONS["DetectFunction"]["Environment"]["Variables"]

    def default(name: str) -> int:
        return int(TEMPLATE["Parameters"][variables[name]["Ref"]]["Default"])

    assert Thresholds() == Thresholds(
        refusals=default("REFUSALS"),
        takeovers=default("TAKEOVERS"),
        window=default("WINDOW_SECONDS"),
        messages=default("MESSAGES"),
        messages_window=default("MESSAGES_WINDOW_SECONDS"),
        message_bytes=default("MESSAGE_BYTES"),
    )


def test_the_local_cloud_reads_the_log_that_the_agent_writes() -> None:
    tools = Toolbox(Path("sam"), Path("bin"), "python3.13")
    assert f"IotLogGroup={iot_log.group('mine')}" in parameters(tools, "mine")
