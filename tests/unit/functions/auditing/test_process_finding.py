"""ProcessFinding: the device policy gets its restrictive default back, and no other policy is
touched.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditing import process_finding
from auditing.repair import Repair, restrictive
from common.errors import InvalidInput
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.audited_iot import (
    ACCOUNT,
    MOST_VERSIONS,
    AuditedIot,
    Versioned,
    overly_permissive,
)
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.stack import RESULT_TOPIC

OURS, CHECK = "playground-device", "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"
# Another stack's, whose name begins as ours do; ours, but none that a restrictive version is known
# of; nobody's.
FOREIGN = ("playground-2-device", "playground-quarantine", "accounting")
GOOD = restrictive(f"{ACCOUNT}:policy/{OURS}")
WIDE = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"},
}
TASK = "4e2bcd1ccbc2a5dd15292a82ab80c380"

Process = Callable[[Any], list[dict[str, Any]]]


@pytest.fixture
def iot(clock: Clock) -> Iterator[AuditedIot]:
    double = AuditedIot(dict.fromkeys((OURS, *FOREIGN), WIDE), clock)
    double.behind(CLIENTS.client("iot"))
    yield double
    double.leave(CLIENTS.client("iot"))


@pytest.fixture
def process(iot: AuditedIot, topics: MemoryTopics, context: Any) -> Process:
    def run(event: Any) -> list[dict[str, Any]]:
        outcomes: list[dict[str, Any]] = built(process_finding)(event, context)["policies"]
        return outcomes

    return run


def finding(policy: str, check: str = CHECK, kind: str = "IOT_POLICY") -> dict[str, Any]:
    return {"check": check, "resource": {"type": kind, "id": policy}}


def found(*policies: str) -> dict[str, Any]:
    return {"findings": [finding(policy) for policy in policies]}


def sns(*messages: Any) -> dict[str, Any]:
    return {
        "Records": [
            {"EventSource": "aws:sns", "Sns": {"Message": json.dumps(message)}}
            for message in messages
        ]
    }


def in_force(iot: AuditedIot, policy: str = OURS) -> Any:
    return json.loads(iot.get_policy(policy)["policyDocument"])


def notification() -> Any:
    return json.loads(
        (Path(__file__).parents[4] / "events" / "audit_notification.json").read_text()
    )


def test_the_restrictive_version_is_made_and_in_force(
    process: Process, iot: AuditedIot, topics: MemoryTopics
) -> None:
    # when
    (outcome,) = process(found(OURS))
    # then
    assert (outcome["policy"], outcome["outcome"], outcome["version"]) == (OURS, "replaced", "2")
    assert in_force(iot) == GOOD
    assert topics.published == [(RESULT_TOPIC, {"policies": [outcome]})]


def test_a_second_time_there_is_nothing_to_do(
    process: Process, iot: AuditedIot, topics: MemoryTopics
) -> None:
    # given
    process(found(OURS))
    before = copy.deepcopy(iot.versioned)
    # when
    (outcome,) = process(found(OURS))
    # then
    assert outcome["outcome"] == "unchanged"
    assert iot.versioned == before
    assert len(topics.published) == 1


def test_a_good_version_that_is_there_is_put_in_force_and_none_is_made_or_lost(
    process: Process, iot: AuditedIot
) -> None:
    # given: full, and the good one is the oldest
    wide = json.dumps(WIDE)
    documents = {"3": json.dumps(GOOD, indent=1), **dict.fromkeys(("4", "5", "6", "7"), wide)}
    iot.versioned[OURS] = Versioned("7", dict(documents), 7)
    # when
    (outcome,) = process(found(OURS))
    # then
    assert (outcome["outcome"], outcome["version"], outcome["removed"]) == ("replaced", "3", [])
    assert iot.versioned[OURS] == Versioned("3", documents, 7)


def test_of_five_versions_the_oldest_that_is_not_in_force_goes(
    process: Process, iot: AuditedIot
) -> None:
    # given: by number, not by text
    iot.versioned[OURS] = Versioned(
        "8", dict.fromkeys(("8", "9", "10", "11", "12"), json.dumps(WIDE)), 12
    )
    # when
    (outcome,) = process(found(OURS))
    # then
    assert (outcome["version"], outcome["removed"]) == ("13", ["9"])
    assert iot.versioned[OURS].documents.keys() == {"8", "10", "11", "12", "13"}


documents = st.sampled_from(
    [json.dumps(WIDE), json.dumps({"Version": "2012-10-17", "Statement": []}), json.dumps(GOOD)]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.integers(1, 40).map(str), documents, min_size=1, max_size=MOST_VERSIONS),
    st.data(),
)
def test_whatever_versions_there_are_the_good_one_is_in_force_and_no_good_one_is_lost(
    clock: Clock, versions: dict[str, str], data: st.DataObject
) -> None:
    # given
    iot = AuditedIot({OURS: WIDE}, clock)
    default = data.draw(st.sampled_from(sorted(versions)))
    iot.versioned[OURS] = Versioned(default, dict(versions), max(map(int, versions)))
    iot.behind(CLIENTS.client("iot"))
    # when
    try:
        outcome = Repair(CLIENTS.client("iot"), OURS).repair(OURS)
        again = Repair(CLIENTS.client("iot"), OURS).repair(OURS)
    finally:
        iot.leave(CLIENTS.client("iot"))
    # then
    after = iot.versioned[OURS].documents
    assert in_force(iot) == GOOD
    assert len(after) <= MOST_VERSIONS
    lost = versions.keys() - after.keys()
    assert lost == set(outcome.removed)
    assert all(json.loads(versions[name]) != GOOD for name in lost)
    assert default in after
    assert again.outcome == "unchanged"


def test_a_policy_that_is_not_the_stacks_device_policy_is_never_touched(
    process: Process, iot: AuditedIot, topics: MemoryTopics
) -> None:
    # given
    before = copy.deepcopy(iot.versioned)
    # when
    outcomes = process(found(*FOREIGN))
    # then
    assert [outcome["outcome"] for outcome in outcomes] == ["untouched"] * 3
    assert iot.versioned == before
    assert [message["policies"] for _topic, message in topics.published] == [outcomes]


def test_a_policy_that_is_gone_is_nobodys_fault(process: Process, iot: AuditedIot) -> None:
    del iot.versioned[OURS]
    assert [outcome["outcome"] for outcome in process(found(OURS))] == ["gone"]


def test_findings_of_other_checks_change_nothing(
    process: Process, iot: AuditedIot, topics: MemoryTopics
) -> None:
    # when
    event = {
        "findings": [
            finding(OURS, "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK"),
            finding(OURS, kind="DEVICE_CERTIFICATE"),
        ]
    }
    # then
    assert process(event) == []
    assert in_force(iot) == WIDE
    assert topics.published == []


# --- through Amazon SNS


def test_our_own_audits_findings_come_through_the_topic(process: Process, iot: AuditedIot) -> None:
    outcomes = process(sns(found(OURS, OURS), found(OURS, FOREIGN[0])))
    assert [outcome["policy"] for outcome in outcomes] == [OURS, FOREIGN[0]]
    assert in_force(iot) == GOOD


def test_device_defenders_notification_has_its_findings_listed_page_by_page(
    process: Process, iot: AuditedIot
) -> None:
    # given: as AWS documents notification and findings
    other = {**overly_permissive(OURS), "checkName": "LOGGING_DISABLED_CHECK"}
    iot.audits[TASK] = [
        overly_permissive(FOREIGN[0]),
        other,
        overly_permissive(OURS),
        overly_permissive(OURS),
    ]
    # when
    outcomes = process(notification())
    # then
    assert [(outcome["policy"], outcome["outcome"]) for outcome in outcomes] == [
        (FOREIGN[0], "untouched"),
        (OURS, "replaced"),
    ]
    assert in_force(iot) == GOOD


def test_a_suppressed_finding_is_left_alone(process: Process, iot: AuditedIot) -> None:
    iot.audits[TASK] = [overly_permissive(OURS, suppressed=True)]
    assert process(notification()) == []
    assert in_force(iot) == WIDE


@pytest.mark.parametrize("status", ["COMPLETED_COMPLIANT", "FAILED", "CANCELED"])
def test_a_check_that_found_nothing_is_not_asked_about(
    process: Process, iot: AuditedIot, status: str
) -> None:
    # given
    message = json.loads(notification()["Records"][0]["Sns"]["Message"])
    for detail in message["auditDetails"]:
        detail["checkRunStatus"] = status
    # then: the double knows no such audit
    assert process(sns(message)) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"findings": "all"},
        {"findings": [{"check": CHECK}]},
        {"findings": ["x"]},
        {"Records": [{}]},
        {"Records": [{"Sns": {"Message": "text"}}]},
        {"Records": [{"Sns": {"Message": "[]"}}]},
        {"Records": [{"Sns": {"Message": "{}"}}]},
    ],
)
def test_anything_else_is_refused_and_changes_nothing(
    process: Process, iot: AuditedIot, event: Any
) -> None:
    with pytest.raises(InvalidInput):
        process(event)
    assert in_force(iot) == WIDE


@pytest.mark.thorough
@pytest.mark.parametrize("call", range(1, 11))
@pytest.mark.parametrize("how", ["killed before", "killed after"])
def test_an_interruption_anywhere_leaves_a_policy_and_the_next_attempt_repairs_it(
    process: Process, iot: AuditedIot, function_clients: list[Any], call: int, how: str
) -> None:
    # given
    iot.versioned[OURS] = Versioned(
        "1", dict.fromkeys(("1", "2", "3", "4", "5"), json.dumps(WIDE)), 5
    )
    # when
    with faults.interrupted(function_clients, call, how), pytest.raises(faults.Killed):
        process(found(OURS))
    # then
    assert in_force(iot) in (WIDE, GOOD)
    process(found(OURS))
    assert in_force(iot) == GOOD
    assert len(iot.versioned[OURS].documents) <= MOST_VERSIONS
