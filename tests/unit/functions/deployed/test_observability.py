"""Whom a log line is about: every line of every function says it, and none says it of the device
before.
"""

import importlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from common.errors import InvalidInput
from common.observability import logger, metrics, observed
from common.subjects import LONGEST, subject_of
from tests.unit.built import FUNCTIONS, built
from tests.unit.stack import EXECUTION, RESTART
from tests.unit.template import FUNCTIONS as DEPLOYED
from tests.unit.world import World

EVENTS = Path(__file__).parents[4] / "events"
THING = "dev-SAMPLE"
# Who learns from the catalog what the event does not tell.
FROM_THE_ROW = {
    "presence.presence",
    "provisioning.admit_device",
    "certificates.issue_next_certificate",
    "certificates.settle_next_certificate",
    "links.link_devices",
    "control_plane.control_plane",
    "control_plane.explain",
}
OF_A_FLEET = {"fleets.plan_fleet", "fleets.plan_removal", "fleets.settle_fleet"}
OF_MANY = {
    "provisioning.admit_certificate",  # of a device that only its certificate names
    "sweeping.sweep",
    "expiring.expire_devices",
    "watching.count_devices",
    "auditing.audit",
    "auditing.process_finding",
    "detecting.detect",
    "certificates.rotate_certificates",
    "hosting.tell_hosts",
}

Lines = Callable[[], list[dict[str, Any]]]


def sample(module: str) -> Any:
    return json.loads((EVENTS / f"{module.rpartition('.')[2]}.json").read_text())


def call(module: str, event: Any, context: Any) -> None:
    """Whether it succeeds is not the point here: an invocation that fails must leave its lines
    too.
    """
    with suppress(Exception):
        built(importlib.import_module(module))(event, context)


@pytest.fixture
def lines(printed: Callable[[], str]) -> Lines:
    """Everything that was printed since the last look, each line parsed as JSON."""
    return lambda: [json.loads(line) for line in printed().splitlines()]


@pytest.mark.parametrize("module", sorted(OF_A_FLEET))
def test_every_line_of_a_fleets_function_names_fleet_and_execution(
    module: str, world: World, context: Any, lines: Lines
) -> None:
    # when
    call(module, sample(module), context)
    # then
    found = lines()
    assert found
    for line in found:
        assert line["fleet_name"] == "office", line
        assert line["execution_arn"].startswith("arn:aws:states:"), line


@pytest.mark.parametrize(
    "module", sorted(set(FUNCTIONS) - OF_MANY - OF_A_FLEET - {"restart.task_stopped"})
)
def test_every_line_of_a_function_names_thing_and_execution(
    module: str, world: World, table: Any, context: Any, lines: Lines
) -> None:
    # given
    event = sample(module)
    if module in FROM_THE_ROW:
        table.put_item(Item={"thing_name": THING, "execution_arn": EXECUTION, "status": "ONLINE"})
    # when
    call(module, event, context)
    # then
    found = lines()
    assert found
    for line in found:
        assert line["thing_name"] == THING, line
        assert line["execution_arn"].startswith("arn:aws:states:"), line
    step = module.rpartition(".")[2].title().replace("_", "")
    assert {line["step"] for line in found if "_aws" not in line} == {step}


def test_no_function_of_the_template_is_left_out() -> None:
    modules = {properties["Handler"].rpartition(".")[0] for properties in DEPLOYED.values()}
    assert modules == set(FUNCTIONS)


# The detector has nothing to say of most events.
@pytest.mark.parametrize("module", sorted(OF_MANY - {"detecting.detect"}))
def test_a_function_that_is_about_many_devices_says_which_function_it_is(
    module: str, world: World, functions: Any, context: Any, lines: Lines
) -> None:
    call(module, sample(module), context)
    step = module.rpartition(".")[2].title().replace("_", "")
    assert {line["step"] for line in lines() if "_aws" not in line} == {step}


def test_a_stopped_task_is_told_of_by_the_name_of_its_device(
    world: World, table: Any, context: Any, lines: Lines
) -> None:
    # given
    event = sample("task_stopped")
    row = {
        "thing_name": THING,
        "execution_arn": EXECUTION,
        "status": "ONLINE",
        "task_arn": event["detail"]["taskArn"],
    }
    table.put_item(Item=row)
    # when
    call("restart.task_stopped", event, context)
    # then
    assert {(line["thing_name"], line["execution_arn"]) for line in lines()} == {(THING, EXECUTION)}


@pytest.mark.thorough
@pytest.mark.parametrize("module", FUNCTIONS)
def test_a_warm_function_forgets_the_device_before(
    module: str, world: World, functions: Any, context: Any, lines: Lines
) -> None:
    # given
    call(module, sample(module), context)
    lines()
    # when
    call(module, {"detail": {"lastStatus": "RUNNING", "taskArn": "none"}}, context)
    # then
    for line in lines():
        assert "dev-SAMPLE" not in json.dumps(line), line


def test_a_sweep_names_the_thing_of_each_finding(
    world: World, functions: Any, table: Any, context: Any, lines: Lines
) -> None:
    # given
    row = {
        "thing_name": "dev-LOST",
        "execution_arn": EXECUTION,
        "status": "PROVISIONING",
        "device_type": "bulb",
    }
    table.put_item(
        Item={
            **row,
            "created_at": "2020-01-01T00:00:00.000Z",
            "updated_at": "2020-01-01T00:00:00.000Z",
        }
    )
    # when
    call("sweeping.sweep", {"dryRun": True, "olderThanSeconds": 0}, context)
    # then
    told = [line for line in lines() if "finding" in line]
    assert [line["thing_name"] for line in told] == ["dev-LOST"]


def test_a_refusal_is_a_warning_and_any_other_failure_an_error(context: Any, lines: Lines) -> None:
    @observed
    def failing(event: Any, _context: Any) -> None:
        metrics.add_metric("Tried", "Count", 1)
        raise event["error"]

    for error, level in (
        (InvalidInput("thingName", "must be short"), "WARNING"),
        (KeyError("x"), "ERROR"),
    ):
        with pytest.raises(type(error)):
            failing({"thingName": THING, "execution": EXECUTION, "error": error}, context)
        line, metric = lines()
        assert (line["level"], line["error"], line["message"]) == (
            level,
            type(error).__name__,
            "failed",
        )
        assert (metric["Tried"], metric["thing_name"], metric["execution_arn"]) == (
            [1.0],
            THING,
            EXECUTION,
        )


def test_metrics_of_an_invocation_that_died_are_not_those_of_the_next(
    context: Any, lines: Lines
) -> None:
    # given
    metrics.add_metric("Left", "Count", 1)
    # when
    observed(lambda _event, _context: logger.info("done"))({}, context)
    # then
    assert [line["message"] for line in lines()] == ["done"]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"thingName": "a", "execution": EXECUTION}, {"thing_name": "a",
        "execution_arn": EXECUTION}),
        ({"thingName": "a", "execution": EXECUTION, "restart": RESTART}, {"thing_name": "a",
        "execution_arn": RESTART}),
        ({"clientId": "a"}, {"thing_name": "a"}),
        ({"leftover": {"thingName": "a"}}, {"thing_name": "a"}),
        ({"detail": {"executionArn": RESTART, "input": '{"thingName": "a"}'}},
         {"thing_name": "a", "execution_arn": RESTART}),
        ({"detail": {"input": "{"}}, {}),
        ({"input": ["thingName"]}, {}),
        ({"thingName": ["a"]}, {}),
        ({"thingName": "x" * (LONGEST + 1)}, {}),
        ({"thingName": ""}, {}),
        ("text", {}),
        (None, {}),
    ],
)  # fmt: skip
def test_the_subject_is_found_in_whatever_shape_an_event_has(
    event: Any, expected: dict[str, str]
) -> None:
    assert subject_of(event) == expected
