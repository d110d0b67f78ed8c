"""The ways to become a device: how a run is put together, and what was recorded of each."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from playground.devices import methods
from proofs.evidence import narrow
from proofs.fault_matrix.calls import Call
from proofs.fault_matrix.proxy import Record
from proofs.methods.page import PAGE, page, together
from proofs.methods.sequence import Course, Step

START = 1_000_000.0


def entered(at: float, name: str, kind: str = "Task") -> dict[str, Any]:
    moment = datetime.fromtimestamp(START + at, UTC)
    return {
        "type": f"{kind}StateEntered",
        "timestamp": moment,
        "stateEnteredEventDetails": {"name": name},
    }


def called(at: float, operation: str, function: str = "", service: str = "iot") -> Record:
    call = Call(service, operation, function, "lamp", invocation=function)
    return Record(call, None, 200, at=START + at)


def heard(at: float, kind: str, **more: str) -> dict[str, Any]:
    told = {"eventType": kind, "status": "Success", "clientId": "lamp"}
    return {**told, **more, "at": START + at}


def course(
    events: Sequence[dict[str, Any]] = (),
    records: Sequence[Record] = (),
    entries: Sequence[dict[str, Any]] = (),
) -> Course:
    return Course("lamp", START, START + 3, events, records, entries)


def drawn(found: Course) -> list[str]:
    return [
        f"{step.source} > {step.target}: {step.what}"
        for step in found.steps({"lamp": "NAME"})[1:-1]
    ]


def test_a_run_begins_and_ends_with_who_has_asked_for_it() -> None:
    first, last = course().steps({})
    assert first == Step(0, "You", "Step Functions", "StartExecution")
    assert (last.source, last.target, last.what, last.at) == (
        "Step Functions",
        "You",
        "SUCCEEDED",
        3,
    )


def test_the_four_records_are_one_row_by_time() -> None:
    found = course(
        [entered(0.1, "CreateThing"), entered(0.5, "Both", "Parallel")],
        [called(0.2, "CreateThing", "CreateThing"), called(0.4, "GetObject", service="s3")],
        [heard(0.6, "Connect"), heard(0.9, "Publish-In", topicName="dt/lamp/telemetry")],
    )
    assert drawn(found) == [
        "Step Functions > Lambda: CreateThing",
        "Lambda > AWS IoT: CreateThing",
        "Device > S3: GetObject",
        "Device > AWS IoT: CONNECT as NAME",
        "Device > AWS IoT: PUBLISH dt/NAME/telemetry",
    ]
    assert (found.states, found.transitions) == (["CreateThing"], 2)
    assert (found.calls, found.invocations, found.messages, found.connections) == (1, 1, 1, 1)


def test_a_function_that_no_state_runs_was_called_by_aws_iot() -> None:
    found = course(
        [entered(0.1, "CreateThing")],
        [
            called(0.5, "UpdateItem", "Presence", "dynamodb"),
            called(0.6, "DeleteObject", "Presence"),
        ],
    )
    assert drawn(found)[1] == "AWS IoT > Lambda: Presence"
    assert sum("Lambda: Presence" in line for line in drawn(found)) == 1


def test_filters_that_come_at_once_are_one_subscription() -> None:
    found = course(
        entries=[
            heard(0.1, "Subscribe", topicName="a"),
            heard(0.15, "Subscribe", topicName="b"),
            heard(0.2, "Publish-Out", topicName="a"),
            heard(1.0, "Subscribe", topicName="c"),
        ]
    )
    assert drawn(found) == [
        "Device > AWS IoT: SUBSCRIBE a and 1 more",
        "AWS IoT > Device: PUBLISH a",
        "Device > AWS IoT: SUBSCRIBE c",
    ]


def test_what_is_after_the_end_or_before_the_start_does_not_count() -> None:
    found = course(
        records=[called(-1, "GetItem", "Sweep", "dynamodb"), called(4, "GetItem", "Sweep")],
        entries=[heard(-1, "Connect"), heard(4, "Publish-In", topicName="a")],
    )
    assert drawn(found) == []
    assert (found.calls, found.messages, found.connections) == (0, 0, 0)


def test_equal_ones_that_follow_one_another_are_one() -> None:
    found = course(records=[called(0.1, "GetItem", "Look"), called(0.2, "GetItem", "Look")])
    step = next(step for step in found.steps({}) if step.what == "GetItem")
    assert (step.times, step.as_json()["ms"]) == (2, 100)


def test_a_refused_connection_says_so() -> None:
    found = course(entries=[heard(0.1, "Connect", status="Failure")])
    assert drawn(found) == ["Device > AWS IoT: CONNECT as NAME: refused"]


def test_calls_of_a_function_to_one_service_are_one_arrow_of_the_picture() -> None:
    one = {"source": "Lambda", "target": "S3", "by": "A", "times": 1}
    found = together(
        [{**one, "what": "Get"}, {**one, "what": "Put"}, {**one, "by": "B", "what": "Get"}]
    )
    assert [step["what"] for step in found] == ["Get, Put", "Get"]


@pytest.fixture(scope="module")
def recorded() -> Any:
    return methods.recorded()


def test_what_was_recorded_has_the_words_of_every_method(recorded: Any) -> None:
    """`make methods` writes them; after a change of the words it has to run again."""
    names = [one["name"] for one in recorded["methods"]]
    assert names == [method.name for method in methods.METHODS]
    for one in recorded["methods"]:
        assert methods.in_words(one["name"]).items() <= one.items()


def test_nothing_was_left_and_no_thief_got_anything(recorded: Any) -> None:
    for one in recorded["methods"]:
        assert (one["left"], one["cuts"] > 5, len(one["steps"]) > 20) == ({}, True, True)
        assert one["attacks"]
        assert all(attack["refused"] for attack in one["attacks"])


def test_nothing_of_a_run_is_in_it_that_is_of_this_run_alone(recorded: Any) -> None:
    said = json.dumps([one["steps"] for one in recorded["methods"]])
    for one in recorded["methods"]:
        assert f"{one['name']}-" not in said


def test_the_page_is_that_of_what_was_recorded(recorded: Any) -> None:
    title, _, run, rest = PAGE.read_text().split("\n", 3)
    assert recorded["commit"] in run
    assert f"{title}\n{rest}" == narrow(page(recorded))
