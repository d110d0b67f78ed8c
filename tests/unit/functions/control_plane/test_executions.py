"""Executions that Step Functions does not know yet: nobody takes them for dead, and nobody
stumbles.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
"""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from common.executions import KNOWN_WITHIN, Executions
from common.moments import as_text
from control_plane import machines
from playground.devices import executions
from playground.devices.executions import Execution
from playground.devices.workflows import PROVISION, Workflow
from playground.errors import WorkflowError
from playground.home.homes import Home
from tests.unit.api import Api
from tests.unit.built import CLIENTS
from tests.unit.doubles.clock import Clock
from tests.unit.doubles.service import Refusal
from tests.unit.doubles.workflows import BEGINNING, MemoryWorkflows
from tests.unit.stack import EXECUTION


def ago(how_long: timedelta | None) -> str | None:
    return as_text(datetime.now(UTC) - how_long) if how_long else None


@pytest.mark.parametrize(
    ("named", "running"),
    [(timedelta(seconds=1), True), (timedelta(days=90), False), (None, False)],
    ids=str,
)
def test_what_is_not_known_is_under_way_if_it_may_have_just_begun(
    workflows: MemoryWorkflows,
    named: timedelta | None,
    running: bool,  # noqa: FBT001
) -> None:
    known = Executions(CLIENTS.client("stepfunctions"))
    assert known.running(EXECUTION, ago(named)) is running
    assert known.ended(EXECUTION, ago(named)) == (None if running else EXECUTION)
    assert timedelta(minutes=1) <= KNOWN_WITHIN


@pytest.mark.parametrize("named", [timedelta(seconds=1), timedelta(days=90), None], ids=str)
@pytest.mark.parametrize(
    ("status", "running"),
    [("RUNNING", True), ("PENDING_REDRIVE", True), ("SUCCEEDED", False), ("ABORTED", False)],
)
def test_what_is_known_is_as_step_functions_says(
    workflows: MemoryWorkflows,
    named: timedelta | None,
    status: str,
    running: bool,  # noqa: FBT001
) -> None:
    workflows.ended(EXECUTION, status)
    assert Executions(CLIENTS.client("stepfunctions")).running(EXECUTION, ago(named)) is running


def shy(workflows: MemoryWorkflows, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """The first looks find nothing, whichever of the calls they are."""
    count = itertools.count(1)

    def hidden(real: Any) -> Any:
        def call(**asked: Any) -> Any:
            if next(count) <= looks:
                raise Refusal("ExecutionDoesNotExist", 400, "Execution Does Not Exist")
            return real(**asked)

        return call

    for name in ("describe_execution", "get_execution_history"):
        monkeypatch.setattr(workflows, name, hidden(getattr(workflows, name)))


@pytest.mark.parametrize("looks", [0, 1, 5, 7])
def test_the_api_tells_of_an_execution_that_it_has_just_started(
    api: Api,
    workflows: MemoryWorkflows,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    looks: int,
) -> None:
    # given
    name = api.call("createDevice", body={}).body["executionName"]
    shy(workflows, monkeypatch, looks)
    # when
    found = api.call("describeExecution", executionName=name)
    # then
    assert (found.status, found.body["status"]) == (200, "RUNNING")


def test_the_api_waits_for_no_execution_that_it_can_not_have_started(
    api: Api, clock: Clock
) -> None:
    assert api.call("describeExecution", executionName="one").status == 404
    assert clock.seconds == 0
    assert api.call("describeExecution", executionName="api-1").status == 404
    assert clock.seconds == machines.UNTIL_KNOWN.seconds


def test_a_key_that_was_used_for_another_body_is_refused_even_so(
    api: Api, workflows: MemoryWorkflows, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    # given
    key = {"Idempotency-Key": "one"}
    api.call("createDevice", body={"thingName": "lamp"}, headers=key)
    # when it is not known for a moment, or for good
    shy(workflows, monkeypatch, 2)
    assert api.call("createDevice", body={"thingName": "fan"}, headers=key).status == 422
    shy(workflows, monkeypatch, 1000)
    assert api.call("createDevice", body={"thingName": "fan"}, headers=key).status == 503


class Late(MemoryWorkflows):
    """Knows of its executions, each of which succeeds at once, only after some looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def describe_state_machine(self, **_: Any) -> dict[str, Any]:
        return {"definition": '{"StartAt": "One", "States": {"One": {"Type": "Task"}}}'}

    def start_execution(self, **asked: Any) -> dict[str, Any]:  # type: ignore[override]
        begun = super().start_execution(name=f"run-{len(self.started)}", **asked)
        self.ended(begun["executionArn"], "SUCCEEDED", BEGINNING)
        return begun

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self._look()
        return super().describe_execution(executionArn)

    def get_execution_history(self, **asked: Any) -> dict[str, Any]:  # type: ignore[override]
        self._look()
        return super().get_execution_history(**asked)

    def _look(self) -> None:
        self.looks -= 1
        if self.looks >= 0:
            raise Refusal("ExecutionDoesNotExist", 400, "Execution Does Not Exist")


class LateHome(Home):
    def client(self, *_: Any, **__: Any) -> Any:
        client = boto3.client("stepfunctions", region_name="eu-west-1")
        late.behind(client)
        return client

    def output(self, name: str) -> str:
        return f"arn:aws:states:eu-west-1:123456789012:stateMachine:{name}"


late = Late(0)


@pytest.fixture
def home() -> LateHome:
    late.looks = 5
    return LateHome("aws", None, "r", "1", "s", poll=0.01)  # type: ignore[arg-type]


def test_the_command_follows_what_it_has_started(home: LateHome) -> None:
    assert Workflow(home, PROVISION).run({}, lambda _steps: None).status == "SUCCEEDED"
    assert late.looks < 0


def test_the_command_follows_all_that_it_has_started(home: LateHome) -> None:
    outcomes = Workflow(home, PROVISION).run_many([{}] * 3, lambda _outcome: None)
    assert [outcome.status for outcome in outcomes] == ["SUCCEEDED"] * 3


def test_what_nobody_comes_to_know_of_is_told_in_a_sentence(
    home: LateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "KNOWN_WITHIN_SECONDS", 0)
    with pytest.raises(WorkflowError, match="does not know"):
        Execution(home.client("stepfunctions"), EXECUTION).outcome()
