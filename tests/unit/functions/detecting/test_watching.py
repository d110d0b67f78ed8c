"""The dashboard and the alarms: whole, and of what is really published."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from sweeping.findings import OUTCOMES
from tests.unit.expanded import inlined
from tests.unit.template import FUNCTIONS, RESOURCES, ROOT, TEMPLATE
from watching.count_devices import STATUSES

OWN = "IoTPlayground/${AWS::StackName}"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
COLUMNS = 24
KINDS = {
    "alarm": {"title", "alarms"},
    "log": {"title", "region", "view", "query"},
    "text": {"markdown"},
}
METRIC = {"title", "region", "view", "stacked", "period", "stat", "yAxis", "metrics"}
MOST_ALARMS = 10  # free of charge


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: found["Properties"] for name, found in RESOURCES.items() if found["Type"] == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")
MACHINES = of_type("AWS::Serverless::StateMachine")
TABLES = of_type("AWS::DynamoDB::Table")
FILTERS = of_type("AWS::Logs::MetricFilter")
# SAM names a function's rule by function and event.
RULES = set(of_type("AWS::IoT::TopicRule")) | {
    function + event
    for function, properties in FUNCTIONS.items()
    for event, found in properties.get("Events", {}).items()
    if found["Type"] == "IoTRule"
}


def dashboard() -> dict[str, Any]:
    """The body as CloudWatch gets it, with `${...}` left in place of the resources' names."""
    body, values = inlined(RESOURCES["Dashboard"]["Properties"]["DashboardBody"])["Fn::Sub"]
    for name, value in values.items():
        # What is there by default.
        text = value["Fn::If"][1] if "Fn::If" in value else value
        body = body.replace("${" + name + "}", text["Fn::Sub"])
    found: dict[str, Any] = json.loads(body)
    return found


WIDGETS = dashboard()["widgets"]


def expanded(metrics: list[list[Any]]) -> Iterator[tuple[str, ...]]:
    """Rows in full: `.` is the same field of the row before, `...` all of its fields but the last
    ones.
    """
    before: list[str] = []
    for row in metrics:
        fields = [field for field in row if isinstance(field, str)]
        if fields[0] == "...":
            fields = [*before[: len(before) - len(fields) + 1], *fields[1:]]
        before = [before[at] if field == "." else field for at, field in enumerate(fields)]
        yield tuple(before)


SHOWN = {
    row
    for widget in WIDGETS
    if widget["type"] == "metric"
    for row in expanded(widget["properties"]["metrics"])
}


def shown(namespace: str, name: str, dimension: str) -> set[str]:
    """What resources a metric is shown of."""
    return {
        row[row.index(dimension) + 1].strip("${}")
        for row in SHOWN
        if row[:2] == (namespace, name) and dimension in row
    }


@pytest.mark.parametrize("name", ["Errors", "Throttles", "Duration"])
def test_every_function_is_on_the_dashboard(name: str) -> None:
    assert shown("AWS/Lambda", name, "FunctionName") == set(FUNCTIONS)


def test_every_workflow_rule_table_and_alarm_is_on_the_dashboard() -> None:
    assert shown("AWS/States", "ExecutionsFailed", "StateMachineArn") == set(MACHINES)
    assert shown("AWS/IoT", "TopicMatch", "RuleName") == RULES
    assert shown("AWS/IoT", "Failure", "RuleName") == RULES
    for name in ("ReadThrottleEvents", "WriteThrottleEvents"):
        assert shown("AWS/DynamoDB", name, "TableName") == set(TABLES)
    (widget,) = (widget for widget in WIDGETS if widget["type"] == "alarm")
    assert set(widget["properties"]["alarms"]) == {f"${{{name}.Arn}}" for name in ALARMS}


def test_every_widget_is_what_cloudwatch_takes_and_covers_no_other() -> None:
    areas = []
    for widget in WIDGETS:
        assert widget["properties"].keys() <= KINDS.get(widget["type"], METRIC)
        assert widget["properties"].get("region", "${AWS::Region}") == "${AWS::Region}"
        assert widget["type"] == "text" or widget["properties"]["title"]
        assert widget["x"] + widget["width"] <= COLUMNS
        cells = ((x, y) for x in range(widget["width"]) for y in range(widget["height"]))
        areas.append({(widget["x"] + x, widget["y"] + y) for x, y in cells})
    assert not any(one & other for one, other in combinations(areas, 2))


def test_a_function_and_a_workflow_are_in_the_alarms_by_where_they_log() -> None:
    # given
    for properties in FUNCTIONS.values():
        assert "LoggingConfig" not in properties
    assert TEMPLATE["Globals"]["Function"]["LoggingConfig"]["LogGroup"] == {
        "Ref": "FunctionLogGroup"
    }
    for properties in MACHINES.values():
        (destination,) = properties["Logging"]["Destinations"]
        assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {
            "Fn::GetAtt": "WorkflowLogGroup.Arn"
        }
        assert properties["Logging"]["Level"] in ("ALL", "ERROR", "FATAL")
    # then
    groups = {
        transformation["MetricName"]: found["LogGroupName"]
        for found in FILTERS.values()
        for transformation in found["MetricTransformations"]
    }
    assert groups == {
        "FunctionErrors": {"Ref": "FunctionLogGroup"},
        "WorkflowFailures": {"Ref": "WorkflowLogGroup"},
    }
    assert groups.keys() < {properties["MetricName"] for properties in ALARMS.values()}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_to_do_and_tells_somebody(name: str) -> None:
    alarm = ALARMS[name]
    assert len(alarm["AlarmDescription"]) > 80
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmName"]["Fn::Sub"].startswith("${AWS::StackName}-")


def test_there_are_no_more_alarms_than_are_free() -> None:
    assert len(ALARMS) <= MOST_ALARMS


def test_alarms_alone_may_publish_to_the_topic_and_can() -> None:
    (statement,) = RESOURCES["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(
        ":alarm:${AWS::StackName}-*"
    )
    # CloudWatch may not use the key aws/sns.
    assert "KmsMasterKeyId" not in RESOURCES["AlarmTopic"]["Properties"]


@pytest.mark.parametrize(
    ("email", "valid"), [("", True), ("me@example.com", True), ("me", False), ("a b@c", False)]
)
def test_the_address_for_mail_may_be_left_out(*, email: str, valid: bool) -> None:
    assert (
        bool(re.fullmatch(TEMPLATE["Parameters"]["AlarmEmail"]["AllowedPattern"], email)) is valid
    )
    assert RESOURCES["AlarmMail"]["Condition"] == "AlarmsAreMailed"


def published_metrics() -> set[str]:
    """What functions may publish, and what is counted in their log groups."""
    sources = "".join(path.read_text() for path in (ROOT / "functions").rglob("*.py"))
    published = set(re.findall(r'add_metric\(\s*"(\w+)"', sources)) | {"Disconnected"}
    published |= {f"Devices{status.title()}" for status in STATUSES} | {
        f"Sweep{name.title()}" for name in OUTCOMES
    }
    published |= {"CertificatesConfirmed", "CertificatesAbandoned", "DevicesTerminated"}
    return published | {
        found["MetricTransformations"][0]["MetricName"] for found in FILTERS.values()
    }


def test_the_page_on_costs_counts_what_is_billed() -> None:
    page = (ROOT / "docs" / "cost.md").read_text()
    assert f"| our own metrics: {len(published_metrics())} at most," in page
    assert len(ALARMS) == 9
    assert "| nine alarms |" in page


def test_what_is_shown_of_our_own_is_published() -> None:
    published = published_metrics()
    alarmed = {
        alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == {"Fn::Sub": OWN}
    }
    assert {row[1] for row in SHOWN if row[0] == OWN} | alarmed <= published
    assert TEMPLATE["Globals"]["Function"]["Environment"]["Variables"][
        "POWERTOOLS_METRICS_NAMESPACE"
    ] == {"Fn::Sub": OWN}
