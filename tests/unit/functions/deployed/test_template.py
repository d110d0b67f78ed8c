"""template.yaml agrees with the code and the contracts."""

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from auditing.checks import CHECKS
from common.identifiers import DEVICE_TYPES
from detecting import sources
from detecting.rules import Thresholds
from playground.local import iot_log, tasks
from playground.local.stack import Toolbox, parameters
from provisioning import start_task
from tests.unit.template import FUNCTIONS, RESOURCES, ROOT, TASKS, TEMPLATE, WORKFLOWS


def test_the_loader_sees_the_whole_stack() -> None:
    assert len(FUNCTIONS) == 44
    assert len(TASKS) == 50
    assert set(WORKFLOWS) == {
        "provision_device.asl.yaml",
        "deprovision_device.asl.yaml",
        "restart_device.asl.yaml",
        "quarantine_device.asl.yaml",
        "release_device.asl.yaml",
        "roll_devices.asl.yaml",
        "provision_fleet.asl.yaml",
        "remove_fleet.asl.yaml",
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
        "HistoryTableName",
        "HostsTableName",
        "SerialsTableName",
        "IotLogGroupName",
        "VerdictsTableName",
        "SecurityTopicArn",
        "ApiUrl",
        "UserPoolId",
        "UserPoolClientId",
        "DeviceImageTag",
        "SourceBucketName",
        "DeviceBuildProjectName",
        "RollDevicesStateMachineArn",
        "ProvisionFleetStateMachineArn",
        "RemoveFleetStateMachineArn",
        "FleetsTableName",
        "ConsoleUrl",
        "ConsoleBucketName",
    }


def test_there_is_a_thing_type_for_every_device_type() -> None:
    types = {
        resource["Properties"]["ThingTypeName"]["Fn::Sub"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::IoT::ThingType"
    }
    assert types == {"${AWS::StackName}-" + device_type for device_type in DEVICE_TYPES}


def test_the_local_agent_reads_the_image_that_a_task_is_told() -> None:
    assert tasks.IMAGE_VARIABLE == start_task.IMAGE_VARIABLE


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


def test_an_upload_starts_the_build_of_that_very_version() -> None:
    # given
    rule = RESOURCES["SourceUploadedRule"]["Properties"]
    (target,) = rule["Targets"]
    paths = target["InputTransformer"]["InputPathsMap"]
    # what S3 sends: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    detail = {
        "bucket": {"name": "b"},
        "object": {"key": "source/abc.zip", "size": 1, "version-id": "v1"},
    }
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
    told = {
        variable["name"]: variable["value"] for variable in asked["environmentVariablesOverride"]
    }
    assert told == {"SOURCE_KEY": "source/abc.zip", "SOURCE_VERSION": "v1"}
    model = (
        botocore.session.Session()
        .get_service_model("codebuild")
        .operation_model("StartBuild")
        .input_shape
    )
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


def test_who_has_asked_is_written_down() -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html"""
    (stage,) = (one for one in RESOURCES.values() if one["Type"] == "AWS::ApiGatewayV2::Stage")
    line = json.loads(stage["Properties"]["AccessLogSettings"]["Format"])
    wanted = {
        "user": "$context.authorizer.claims.username",
        "route": "$context.routeKey",
        "status": "$context.status",
        "request": "$context.requestId",
    }
    assert wanted.items() <= line.items()


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
        (
            "CountingMessages",
            {
                "MessageQueue",
                "MessagesToQueueRole",
                "MessagesRule",
                "ShadowUpdatesRule",
                "DetectMayReceive",
                "MessagesMapping",
            },
        ),
        ("ReadingIotLog", {"IotLogFilter", "IotLogPermission", "ExplainMayReadIotLog"}),
        (
            "DeviceDefender",
            {
                "DefenderTopic",
                "DefenderTopicPolicy",
                "DefenderPermission",
                "DefenderRole",
                "DefenderProfile",
            },
        ),
    ],
)
def test_what_not_every_account_wants_or_has_is_there_only_when_asked_for(
    condition: str, resources: set[str]
) -> None:
    assert {
        name for name, one in RESOURCES.items() if one.get("Condition") == condition
    } == resources
    parameter = TEMPLATE["Conditions"][condition]
    (name,) = re.findall(r"'Ref': '(\w+)'", str(parameter))
    assert TEMPLATE["Parameters"][name]["Default"] in ("", "false")


def test_nothing_of_device_defender_is_there_without_its_condition() -> None:
    of_defender = {
        name for name, one in RESOURCES.items() if one["Type"] == "AWS::IoT::SecurityProfile"
    }
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
    assert f"IotLogGroup={iot_log.group('mine')}" in parameters(tools, "mine", 4566)


@pytest.mark.parametrize(
    ("subnet", "zone", "number"), [("A", "FirstZone", 0), ("B", "SecondZone", 1)]
)
def test_a_zone_is_the_regions_own_unless_another_is_named(
    subnet: str, zone: str, number: int
) -> None:
    """Fargate is not in every zone of every region."""
    # given
    chosen = RESOURCES[f"PublicSubnet{subnet}"]["Properties"]["AvailabilityZone"]
    parameter = TEMPLATE["Parameters"][zone]
    # then
    theirs = {"Fn::Select": [number, {"Fn::GetAZs": ""}]}
    assert chosen == {"Fn::If": [f"{zone}Given", {"Ref": zone}, theirs]}
    assert parameter["Default"] == ""
    for name in (
        "",
        "us-east-1e",
        "eu-central-1c",
        "us-gov-west-1a",
        "us-west-2-lax-1a",
        "ap-southeast-4b",
    ):
        assert re.fullmatch(parameter["AllowedPattern"], name)
    for name in ("use1-az3", "a", "US-EAST-1A"):
        assert not re.fullmatch(parameter["AllowedPattern"], name)


def test_a_log_group_that_a_late_function_makes_anew_is_in_no_later_stacks_way() -> None:
    name = RESOURCES["FunctionLogGroup"]["Properties"]["LogGroupName"]
    assert name["Fn::Join"][1][:3] == ["/playground", {"Ref": "AWS::StackName"}, "functions"]
    assert "AWS::StackId" in str(name)


def test_a_replys_expiry_is_whole_seconds() -> None:
    """DynamoDB deletes by those alone, and AWS IoT's division need not give an Int."""
    assert "floor(timestamp() / 1000) + 3600 AS expires" in RESOURCES["CommandReplyRule"][
        "Properties"
    ]["TopicRulePayload"]["Sql"].replace("\n", " ")
