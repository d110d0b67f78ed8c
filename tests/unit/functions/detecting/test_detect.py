"""DetectFunction: what it remembers, whom it blames, and that each finding is kept once and
told.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import TransientError
from common.observability import observed
from detecting import detect
from detecting.detector import Detector
from detecting.memory import LONGEST_EVIDENCE, MOST_MARKS, DynamoMemory
from detecting.recorder import LIFE_SECONDS
from detecting.rules import QUIET_MS, Rule
from detecting.windows import Mark
from devices.catalog import Catalog
from tests.unit.built import CLIENTS, SESSION, built, environment
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot, RegisteredCertificate
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.sightings import (
    NOON,
    certificate,
    connect_failed,
    disconnected,
    findings_table,
    logged,
    message,
    queue,
    refused,
    report,
    tampered,
)  # fmt: skip
from tests.unit.stack import EXECUTION, OBSERVATIONS, QUARANTINE_MACHINE, SECURITY_TOPIC
from tests.unit.tables import create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

RULE = Rule("clone", "", count=3, window_ms=1000)
ARN = "arn:aws:iot:eu-west-1:123456789012:cert/"


@pytest.fixture
def observations(afresh: None) -> "Table":
    keys = ["subject", "bucket"]
    return create_table(OBSERVATIONS, keys, keys)


@pytest.fixture
def findings(afresh: None) -> "Table":
    return findings_table()


@pytest.fixture
def rogue(iot: MemoryIot, catalog: Catalog) -> str:
    """A rogue that is online, with a certificate that is made of its name."""
    catalog.claim("rogue", "rogue", EXECUTION)
    catalog.update("rogue", EXECUTION, status="ONLINE")
    iot.create_thing(
        thingName="rogue", thingTypeName="playground-rogue", attributePayload={"attributes": {}}
    )
    iot.certificates[ARN + certificate("rogue")] = RegisteredCertificate("")
    iot.attach_thing_principal(thingName="rogue", principal=ARN + certificate("rogue"))
    return "rogue"


@pytest.fixture
def see(
    rogue: str,
    observations: "Table",
    findings: "Table",
    topics: MemoryTopics,
    workflows: MemoryWorkflows,
    context: Any,
) -> Any:
    """What the function says of an event."""
    return lambda event: built(detect)(event, context)["findings"]


def kept(table: "Table") -> list[Any]:
    return table.scan()["Items"]


# --- the memory


def test_marks_are_remembered_once_within_a_window(observations: "Table") -> None:
    memory = DynamoMemory(observations)
    first, second, far = Mark(999, "a"), Mark(1001, "b"), Mark(50_000, "c")
    memory.remember(RULE, "rogue", [first, far])
    memory.remember(RULE, "lamp", [Mark(1000, "of another thing")])
    assert set(memory.remember(RULE, "rogue", [first, second])) == {first, second}
    assert set(memory.remember(RULE, "rogue", [second])) == {first, second}


def test_the_first_message_of_a_while_is_not_looked_into_where_many_are_needed(
    observations: "Table",
) -> None:
    memory, flood = DynamoMemory(observations), replace(RULE, count=40)
    memory.remember(flood, "rogue", [Mark(999, "a"), Mark(998, "b")])
    assert memory.remember(flood, "rogue", [Mark(1001, "c")]) == [Mark(1001, "c")]
    assert len(memory.remember(flood, "rogue", [Mark(1002, "d")])) == 4


@pytest.mark.parametrize("window", [1, 60, 3600])
def test_marks_are_kept_for_as_long_as_they_can_count(observations: Any, window: int) -> None:
    rule = replace(RULE, window_ms=window * 1000)
    at = 1_000 * window  # the first millisecond of the second window
    DynamoMemory(observations).remember(rule, "rogue", [Mark(at, "a")])
    (item,) = kept(observations)
    last_message_that_sees_it = at // 1000 + window
    assert item["expires"] >= last_message_that_sees_it + 3 * 300  # MessageRetentionPeriod
    assert item["expires"] == 3 * window + 900


def test_a_crowd_and_a_long_name_have_an_end(observations: "Table") -> None:
    memory = DynamoMemory(observations)
    memory.remember(
        RULE, "rogue", [Mark(0, "x" * 9000), *(Mark(n, "m") for n in range(1, MOST_MARKS))]
    )
    found = memory.remember(RULE, "rogue", [Mark(999, "one too many")])
    assert len(found) == MOST_MARKS
    assert max(len(mark.evidence) for mark in found) == LONGEST_EVIDENCE


def test_reports_follow_one_another(observations: "Table") -> None:
    memory = DynamoMemory(observations)
    answers = [
        memory.previous_report("rogue", report_id, 0) for report_id in (100, 105, 103, 105, 110)
    ]
    assert answers == [None, 100, None, None, 105]


@pytest.mark.parametrize("report_id", [0, 1767268800, 2**53 - 1])
def test_a_report_is_forgotten_whatever_its_number_says(
    observations: "Table", report_id: int
) -> None:
    DynamoMemory(observations).previous_report("rogue", report_id, 1_767_268_800_000)
    assert [item["expires"] for item in kept(observations)] == [1_767_268_800 + 25 * 3600]


# --- whom it blames


@pytest.mark.parametrize("status", ["QUARANTINED", "FAILED", "TERMINATED"])
def test_nothing_is_said_of_a_device_in_quarantine_or_gone(
    see: Any, catalog: Catalog, status: str
) -> None:
    catalog.table.update_item(
        Key={"thing_name": "rogue"},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": status},
    )
    assert see(tampered("rogue")) == []


@pytest.mark.parametrize("attribute", ["deprovisioning", "restarting"])
def test_nothing_is_said_while_a_workflow_takes_its_certificate_away(
    see: Any, catalog: Catalog, attribute: str
) -> None:
    catalog.table.update_item(
        Key={"thing_name": "rogue"},
        UpdateExpression=f"SET {attribute} = :e",
        ExpressionAttributeValues={":e": "x"},
    )
    assert see(disconnected("rogue", "AUTH_ERROR")) == []


def test_a_certificate_that_is_gone_or_was_never_there_is_nobodys(see: Any) -> None:
    assert see(tampered("stranger")) == []


def test_the_victim_of_a_stranger_is_not_blamed(see: Any, catalog: Catalog) -> None:
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.update("lamp", EXECUTION, status="ONLINE")
    (finding,) = see(connect_failed("lamp", certificate("rogue")))
    assert (finding["thing_name"], finding["seen"]["claimedClientId"]) == ("rogue", "lamp")
    (finding,) = see(connect_failed("lamp", certificate("of nobody")))
    assert finding["thing_name"] == "?"


# --- findings


def test_a_finding_is_kept_and_told(see: Any, findings: "Table", topics: MemoryTopics) -> None:
    (finding,) = see(tampered("rogue"))
    (item,) = kept(findings)
    assert {key: value for key, value in item.items() if key != "expires"} == finding
    assert item["expires"] == NOON // 1000 + 90 * 86_400
    assert topics.published == [(SECURITY_TOPIC, finding)]
    assert topics.subjects == ["tamper: rogue"]


def test_what_is_counted_adds_up_over_invocations(see: Any) -> None:
    lines = [
        refused("rogue", "playground/forbidden/rogue/telemetry", f"r{number}")
        for number in range(3)
    ]
    assert [len(see(logged(line))) for line in lines] == [0, 0, 1]


def test_an_episode_has_one_finding_of_a_rule(see: Any, findings: "Table") -> None:
    records = [message("rogue", NOON + n * 100, f"m{n}") for n in range(60)]
    batches = [records[:39], records[39:40], records[40:50], records[50:]]
    assert [len(see(queue(*batch))) for batch in batches] == [0, 1, 0, 0]
    assert len(kept(findings)) == 1


@pytest.mark.parametrize(("later", "again"), [(QUIET_MS, 0), (QUIET_MS + 1, 1)])
def test_the_next_episode_has_the_next_one(see: Any, later: int, again: int) -> None:
    assert len(see(tampered("rogue"))) == 1
    assert len(see(tampered("rogue", NOON + later, "t2"))) == again


def test_rules_do_not_silence_one_another(see: Any) -> None:
    assert len(see(tampered("rogue"))) == len(see(disconnected("rogue", "AUTH_ERROR"))) == 1


def test_an_event_that_is_delivered_twice_is_told_once(see: Any, topics: MemoryTopics) -> None:
    assert [len(see(tampered("rogue"))) for _ in range(3)] == [1, 0, 0]
    assert len(topics.published) == 1


def test_what_died_half_way_is_finished_when_the_event_comes_again(
    rogue: str, observations: "Table", findings: "Table", topics: MemoryTopics, context: Any
) -> None:
    # given an attempt that SNS does not answer
    now = 1_000_000.0
    handler = observed(detect.build(environment(), SESSION, lambda: now))

    def see(event: Any) -> Any:
        return handler(event, context)["findings"]

    with faults.refused(CLIENTS.client("sns"), "Publish"), pytest.raises(TransientError):
        see(tampered("rogue"))
    # when it is delivered again at once, somebody else may still be about to tell
    assert see(tampered("rogue")) == []
    # then a minute later nobody is
    now += LIFE_SECONDS + 1
    assert len(see(tampered("rogue"))) == 1
    assert len(kept(findings)) == len(topics.published) == 1


def test_metrics_are_compared_with_the_report_before(see: Any) -> None:
    assert see(report("rogue", 1000, sent=9000)) == []
    (finding,) = see(report("rogue", 1300, sent=9000))
    assert finding["seen"] == {"messages_sent": {"number": 9000, "limit": 1200}}


# --- quarantine


def test_no_quarantine_unless_it_is_wished(see: Any, workflows: MemoryWorkflows) -> None:
    see(tampered("rogue"))
    assert workflows.started == {}


def test_a_finding_starts_the_quarantine_where_that_is_wished(
    see: Any, workflows: MemoryWorkflows, context: Any
) -> None:
    # given
    wished = environment(QUARANTINE_AUTOMATICALLY="true")
    handler = observed(detect.build(wished, SESSION))
    # when
    (finding,) = handler(tampered("rogue"), context)["findings"]
    # then
    ((arn, asked),) = workflows.started.items()
    assert arn.startswith(QUARANTINE_MACHINE.replace(":stateMachine:", ":execution:"))
    assert asked == {
        "thingName": "rogue",
        "reason": "tamper: it says that somebody has tampered with it",
        "verdict": finding,
    }
    # and nobody unknown is quarantined
    line = {"status": "Failure", "eventType": "Connect", "reason": "CERTIFICATE_VERIFY_FAILED"}
    assert handler(logged(line), context)["findings"][0]["thing_name"] == "?"
    assert len(workflows.started) == 1


def test_the_detector_of_the_function_is_the_one_that_is_tested() -> None:
    security = detect.security_of(environment(), SESSION)
    assert isinstance(security.detector, Detector)
    assert security.recorder.quarantine_machine == ""
