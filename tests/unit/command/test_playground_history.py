"""From execution history to steps."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playground.devices.history import readable_cause, steps_of, task_names
from tests.mocks import definition

START = datetime(2026, 1, 2, tzinfo=UTC)
TASK = {"Type": "Task"}
DEFINITION: dict[str, Any] = {
    "StartAt": "One",
    "States": {
        "One": {**TASK, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Left",
                    "States": {"Left": {**TASK, "Next": "More"}, "More": {**TASK, "End": True}},
                },
                {"StartAt": "Right", "States": {"Right": {**TASK, "End": True}}},
            ],
            "Next": "Check",
        },
        "Check": {"Type": "Choice", "Choices": [], "Default": "Two"},
        "Two": {**TASK, "End": True},
        "CleanUp": {**TASK, "Next": "Failed"},
        "Failed": {"Type": "Fail"},
    },
}


def event(
    number: int, kind: str, previous: int | None = None, name: str = "", error: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": number,
        "type": kind,
        "timestamp": START + timedelta(seconds=number),
    }
    if previous is not None:
        found["previousEventId"] = previous
    if name:
        found[
            "stateExitedEventDetails" if kind.endswith("Exited") else "stateEnteredEventDetails"
        ] = {"name": name}
    if error:
        found["taskFailedEventDetails"] = {"error": error, "cause": "why"}
    return found


def statuses(events: list[dict[str, Any]]) -> dict[str, str]:
    return {step.name: step.status for step in steps_of(events, task_names(DEFINITION))}


def test_expected_steps_are_in_the_order_of_a_run_and_without_the_clean_up() -> None:
    assert task_names(DEFINITION) == ["One", "Left", "More", "Right", "Two"]


def test_nothing_has_begun() -> None:
    assert set(statuses([]).values()) == {"pending"}


def test_parallel_branches_are_told_apart_by_the_chain() -> None:
    events = [
        event(1, "TaskStateEntered", 0, "Left"),
        event(2, "TaskStateEntered", 0, "Right"),
        event(3, "TaskScheduled", 1),
        event(4, "TaskScheduled", 2),
        event(5, "TaskFailed", 4, error="Boom"),
        event(6, "TaskSucceeded", 3),
        event(7, "TaskStateExited", 6, "Left"),
    ]
    found = {step.name: step for step in steps_of(events)}
    assert found["Left"].status == "done"
    assert (found["Right"].status, found["Right"].error) == ("retrying", "Boom")


def test_retries_are_counted_and_a_success_ends_them() -> None:
    events = [
        event(1, "TaskStateEntered", 0, "One"),
        event(2, "TaskScheduled", 1),
        event(3, "TaskFailed", 2, error="E"),
    ]
    events += [
        event(4, "TaskScheduled", 3),
        event(5, "TaskSucceeded", 4),
        event(6, "TaskStateExited", 5, "One"),
    ]
    (step,) = steps_of(events)
    assert (step.status, step.retries, step.error) == ("done", 1, "")
    assert step.seconds(START) == 5.0


def test_a_caught_failure_stays_one_and_clean_up_appears() -> None:
    events = [
        event(1, "TaskStateEntered", 0, "One"),
        event(2, "TaskScheduled", 1),
        event(3, "TaskFailed", 2, error="E"),
    ]
    events += [event(4, "TaskStateExited", 3, "One"), event(5, "TaskStateEntered", 4, "CleanUp")]
    found = statuses(events)
    assert (found["One"], found["CleanUp"]) == ("failed", "running")


def test_an_uncaught_failure_shows_when_the_execution_ends() -> None:
    events = [
        event(1, "TaskStateEntered", 0, "One"),
        event(2, "TaskScheduled", 1),
        event(3, "TaskFailed", 2, error="E"),
    ]
    assert statuses(events)["One"] == "retrying"
    assert statuses([*events, event(4, "ExecutionFailed", 3)])["One"] == "failed"


def test_a_branch_that_failed_has_failed_once_its_parallel_state_is_left() -> None:
    events = [
        event(1, "ParallelStateEntered", 0, "Both"),
        event(2, "ParallelStateStarted", 1),
        event(3, "TaskStateEntered", 2, "Left"),
        event(4, "TaskStateEntered", 2, "Right"),
        event(5, "TaskScheduled", 3),
        event(6, "TaskScheduled", 4),
        event(7, "TaskFailed", 5, error="Boom"),
        event(8, "TaskSucceeded", 6),
        event(9, "TaskStateExited", 8, "Right"),
        event(10, "ParallelStateFailed", 9),
    ]
    assert statuses(events)["Left"] == "retrying"
    events.append(event(11, "ParallelStateExited", 10, "Both"))
    events.append(event(12, "TaskStateEntered", 11, "CleanUp"))
    found = statuses(events)
    assert (found["Left"], found["Right"], found["CleanUp"]) == ("failed", "done", "running")


def test_a_cause_is_readable() -> None:
    assert readable_cause('{"errorMessage": "no", "errorType": "X"}') == "no"
    assert readable_cause("plain") == "plain"
    assert readable_cause('"text"') == '"text"'


def test_the_steps_are_those_of_the_way_that_the_input_asks_for() -> None:
    provisioning = definition("provision_device")
    made_by_aws = [
        "CreateThing",
        "TakeTurn",
        "CreateCertificate",
        "AttachPolicy",
        "WriteConfig",
        "StartTask",
    ]
    made_here = ["CreateThing", "TakeTurn", "WriteConfig", "StartTask", "SignRequest"]
    assert task_names(provisioning, {"deviceType": "bulb"}) == [*made_by_aws, "RecordStatus"]
    assert task_names(provisioning, {"identity": "csr"}) == [*made_here, "RecordStatus"]
    assert task_names(provisioning, {"method": "csr"}) == [*made_here, "RecordStatus"]
    by_claim = ["CreateThing", "TakeTurn", "CreateClaim", "WriteConfig", "StartTask", "SettleClaim"]
    for method in ("claim", "claim-csr", "trusted-user"):
        assert task_names(provisioning, {"method": method}) == [*by_claim, "RecordStatus"]
    by_authority = [name for name in by_claim if name != "CreateClaim"]
    assert task_names(provisioning, {"method": "jitr"}) == [*by_authority, "RecordStatus"]
    own = [name for name in made_here if name != "StartTask"]
    asked = {"identity": "csr", "hosting": "none"}
    assert task_names(provisioning, asked) == [*own, "AwaitOwner"]
