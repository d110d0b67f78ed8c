"""What the command says of the state that the emulator keeps, and what it makes of what was
interrupted.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from playground.home.paths import Paths
from playground.local import cloud
from playground.local.generations import Contents, Generations, running_marker
from playground.local.interrupted import Interrupted, machines_of
from playground.local.kept import Kept
from playground.local.mending import names, told_of_loading

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:stack-restart-device"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path)
    found.make()
    return found


def written(paths: Paths, left_out: dict[str, str] | None = None) -> None:
    contents = Contents({"services.json": b"{}"}, left_out=left_out or {})
    Generations(paths.emulator / "generations").write(contents, AT)


def test_down_that_ended_in_good_order_has_lost_nothing(paths: Paths) -> None:
    written(paths)
    assert cloud._lost(paths, Kept(AT)) == ""


def test_down_whose_last_write_came_before_the_devices_left_has_lost_nothing(paths: Paths) -> None:
    written(paths)
    running_marker(paths.emulator).touch()
    assert cloud._lost(paths, Kept(AT)) == ""


@pytest.mark.parametrize(
    ("kept", "why"),
    [(Kept(AT, "No space left on device"), " (No space left on device)"), (None, "")],
)
def test_down_says_what_was_lost(paths: Paths, kept: Kept | None, why: str) -> None:
    written(paths)
    running_marker(paths.emulator).touch()
    lost = f"The state could not be saved{why}: changes after 2026-01-02 03:04:05 UTC are lost."
    assert cloud._lost(paths, kept) == lost


def test_down_that_has_never_written_anything_has_lost_all(paths: Paths) -> None:
    running_marker(paths.emulator).touch()
    assert "everything in it is lost" in cloud._lost(paths, Kept(None, "No space left on device"))


def test_down_names_the_services_that_the_emulator_cannot_keep(paths: Paths) -> None:
    written(paths, {"sns": "TypeError"})
    assert cloud._lost(paths, Kept(AT)) == "The emulator can't save the state of sns: it is lost."


def test_up_says_which_state_it_has_found(paths: Paths) -> None:
    fine = {"number": 3, "at": AT.isoformat(), "unclean": False, "troubles": [], "left_out": {}}

    def told(**found: Any) -> str:
        return " ".join(told_of_loading(Kept(AT, loaded=fine | found), paths))

    assert told() == ""
    assert told(unclean=True) == (
        "The local cloud was not shut down properly. Its state is that of 2026-01-02 03:04:05 UTC."
    )
    said = told(unclean=True, troubles=["/a/services.json is damaged"])
    assert said.startswith(
        "The newest state can't be read: /a/services.json is damaged. The state before it is used"
    )
    assert told(left_out={"sns": "TypeError"}) == "The emulator could not save the state of sns."


def test_a_few_names_stand_for_many() -> None:
    assert names(["a", "b"]) == "a, b"
    assert names([*"abcdefgh"]) == "a, b, c, d, e and 3 more"


def rule(**detail: Any) -> dict[str, Any]:
    return {
        "source": ["aws.states"],
        "detail": {"stateMachineArn": [MACHINE], "status": ["FAILED"], **detail},
    }


def test_which_rules_are_told_of_a_failed_execution() -> None:
    assert machines_of(rule()) == [MACHINE]
    assert machines_of(rule(status=["SUCCEEDED"])) == []
    assert machines_of({**rule(), "source": ["aws.ecs"]}) == []
    assert machines_of(rule(stateMachineArn=[{"prefix": "arn"}])) == []
    assert machines_of({}) == []


@dataclass
class Services:
    """Step Functions, EventBridge and Lambda in one, as far as undoing needs them."""

    answers: dict[str, Any]
    """By execution: what the function gives, or an error's message."""
    told: list[dict[str, Any]] = field(default_factory=list)

    stack_name = "stack"
    account = "111122223333"
    region = "us-east-1"

    def client(self, _service: str, _config: Any = None) -> "Services":
        return self

    def get_paginator(self, operation: str) -> "Services":
        assert operation == "list_rules"
        return self

    def paginate(self) -> list[Any]:
        others = (
            {"Name": "scheduled"},
            {"Name": "of-ecs", "EventPattern": json.dumps({"source": ["aws.ecs"]})},
        )
        return [
            {"Rules": list(others)},
            {"Rules": [{"Name": "dead", "EventPattern": json.dumps(rule())}]},
        ]

    def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:  # noqa: N803
        return {"Targets": [{"Arn": f"function-of-{Rule}"}]}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return {
            "executionArn": executionArn,
            "stateMachineArn": MACHINE,
            "name": "x",
            "input": '{"thingName": "lamp"}',
        }

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "function-of-dead"
        event = json.loads(Payload)
        self.told.append(event)
        answer = self.answers[event["detail"]["executionArn"]]
        if isinstance(answer, str):
            return {
                "Payload": BytesIO(json.dumps({"errorMessage": answer}).encode()),
                "FunctionError": "Unhandled",
            }
        return {"Payload": BytesIO(json.dumps(answer).encode())}


def test_interrupted_executions_are_undone_by_whom_the_rules_name() -> None:
    # given
    services = Services(
        {"a": {"thingName": "lamp", "again": True}, "b": {"thingName": "bell", "again": False}}
    )
    interrupted = Interrupted(services, ["a", "b"])  # type: ignore[arg-type]
    # when
    said = list(interrupted.undo())
    # then
    assert said == ["2 workflows were interrupted, and undone."]
    assert sorted(event["detail"]["executionArn"] for event in services.told) == ["a", "b"]
    assert {event["detail"]["status"] for event in services.told} == {"FAILED"}
    assert {event["source"] for event in services.told} == {"aws.states"}
    # and a device whose restart was undone is restarted
    assert interrupted.to_restart == ["lamp"]


def test_what_cannot_be_undone_is_said() -> None:
    interrupted = Interrupted(Services({"a": "no", "b": {"undone": True}}), ["a", "b"])  # type: ignore[arg-type]
    assert list(interrupted.undo()) == [
        "2 interrupted workflows were looked at.",
        "a could not be undone: no",
    ]


def test_nothing_interrupted_is_worth_no_word() -> None:
    assert list(Interrupted(Services({}), []).undo()) == []  # type: ignore[arg-type]


def test_a_stack_is_deployed_again_only_where_the_state_may_be_older(paths: Paths) -> None:
    # given: nothing, then a state that is older than what `up` noted, then one that is younger
    assert not cloud._is_younger(paths)
    paths.state.write_text("{}")
    written(paths)
    assert not cloud._is_younger(paths)
    os.utime(paths.state, (AT.timestamp() - 1, AT.timestamp() - 1))
    assert cloud._is_younger(paths)
    # and one of the two that are kept, which can't be read
    (Generations(paths.emulator / "generations").path(1) / "manifest.json").write_text("{")
    assert not cloud._is_younger(paths)


def test_a_workflow_that_a_rule_names_is_started_with_its_part_of_the_event() -> None:
    # given
    remover = "arn:aws:states:us-east-1:111122223333:stateMachine:remove"

    class OfAFleet(Services):
        started: list[tuple[str, Any]]

        def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:  # noqa: N803
            return {"Targets": [{"Arn": remover, "InputPath": "$.detail"}], "Rule": Rule}

        def start_execution(self, stateMachineArn: str, input: str) -> None:  # noqa: A002, N803
            self.started = [(stateMachineArn, json.loads(input))]

    services = OfAFleet({})
    # when
    said = list(Interrupted(services, ["a"]).undo())  # type: ignore[arg-type]
    # then
    assert said == ["1 workflow was interrupted, and undone."]
    ((machine, given),) = services.started
    assert machine == remover
    assert (given["executionArn"], given["status"]) == ("a", "FAILED")
    assert services.told == []
