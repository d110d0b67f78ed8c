"""Sweep: finds what every kind of death has left, has CleanUp remove it, and touches nothing
else.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common import executions
from common.clients import S3_CONFIG
from common.errors import InvalidInput
from common.identifiers import owner_of
from common.links import links_policy_name
from provisioning import create_certificate
from sweeping import sweep
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.ecs import RunningTask
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.doubles.iot import Thing
from tests.unit.stack import BUCKET, CLUSTER, EXECUTION, LINKS_PREFIX, OTHER_EXECUTION, REMOVAL
from tests.unit.world import NOTHING, STAGES, World

pytestmark = pytest.mark.thorough

Sweep = Callable[..., list[dict[str, str]]]


@pytest.fixture
def swept(world: World, functions: MemoryFunctions) -> Sweep:
    """One sweep that spares nothing for its youth; gives the findings."""

    def run(**request: Any) -> list[dict[str, str]]:
        answer = built(sweep)({"olderThanSeconds": 0, **request}, world.context)
        findings: list[dict[str, str]] = answer["findings"]
        return findings

    return run


def kinds(findings: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Kind, name and outcome of each."""
    return [(found["kind"], found["name"], found["outcome"]) for found in findings]


@pytest.mark.parametrize("end", ["FAILED", "TIMED_OUT", "ABORTED", "forgotten"])
@pytest.mark.parametrize("stage", STAGES[1:])
def test_what_a_dead_execution_has_made_is_undone(
    world: World, swept: Sweep, stage: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    world.provision("lamp", until=stage)
    if end == "forgotten":  # which takes 90 days
        monkeypatch.setattr(executions, "KNOWN_WITHIN", timedelta(0))
    else:
        world.workflows.ended(EXECUTION, end)
    # when
    found = swept()
    # then
    assert kinds(found) == [("device", "lamp", "removed")]
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == "FAILED"
    assert swept() == []


def test_an_execution_that_is_not_known_yet_is_not_dead(world: World, swept: Sweep) -> None:
    # given: Step Functions tells of what it has started a moment later
    world.provision("lamp", until="thing")
    before = world.remains()
    # then
    assert swept() == []
    assert world.remains() == before


def test_a_device_that_came_online_after_its_execution_was_aborted_is_undone(
    world: World, swept: Sweep
) -> None:
    # given
    world.provision("lamp")
    world.catalog.update("lamp", EXECUTION, status="ONLINE")
    world.workflows.ended(EXECUTION, "ABORTED")
    # when
    swept()
    # then
    assert world.remains() == NOTHING


@pytest.mark.parametrize(
    ("status", "end"), [("ONLINE", "SUCCEEDED"), ("OFFLINE", "SUCCEEDED"), ("ONLINE", "forgotten")]
)
def test_a_device_stays(world: World, swept: Sweep, status: str, end: str) -> None:
    # given
    world.provision("lamp")
    world.catalog.update("lamp", EXECUTION, status=status, remove=("task_token",))
    if end != "forgotten":
        world.workflows.ended(EXECUTION, end)
    before = world.remains(), world.row("lamp")
    # then
    assert swept(everything=True) == []
    assert (world.remains(), world.row("lamp")) == before


@pytest.mark.parametrize("stage", STAGES[1:])
def test_an_execution_that_runs_is_left_alone(world: World, swept: Sweep, stage: str) -> None:
    # given
    world.workflows.runs(EXECUTION)
    world.provision("lamp", until=stage)
    before = world.remains()
    # then
    assert swept(everything=True) == []
    assert world.remains() == before


def test_what_has_just_changed_is_left_alone(world: World, swept: Sweep) -> None:
    # given
    world.workflows.ended(EXECUTION, "ABORTED")
    world.provision("lamp")
    before = world.remains()
    # then
    assert swept(olderThanSeconds=300) == []
    assert world.remains() == before
    assert (
        built(sweep)({"source": "aws.events", "detail-type": "Scheduled Event"}, world.context)[
            "findings"
        ]
        == []
    )


def test_a_dry_run_removes_nothing(world: World, swept: Sweep, functions: MemoryFunctions) -> None:
    # given
    world.workflows.ended(EXECUTION, "ABORTED")
    world.provision("lamp")
    before = world.remains()
    # then
    assert kinds(swept(dryRun=True)) == [("device", "lamp", "found")]
    assert world.remains() == before
    assert functions.asked == []


@pytest.mark.parametrize("remover", [REMOVAL, EXECUTION])
def test_a_removal_that_ended_half_way_is_finished(
    world: World, swept: Sweep, remover: str
) -> None:
    # given
    world.provision("lamp")
    world.catalog.take(world.row("lamp"), remover)
    world.workflows.runs(remover)
    assert swept() == []
    world.workflows.ended(remover, "TIMED_OUT")
    # when
    swept()
    # then
    assert world.remains() == NOTHING
    assert world.row("lamp")["status"] == ("FAILED" if remover == EXECUTION else "TERMINATED")


@pytest.mark.parametrize("left", ["task", "objects", "thing", "shadow"])
def test_what_a_device_that_is_gone_has_left_is_removed(
    world: World, swept: Sweep, left: str
) -> None:
    # given: a function that outlived its execution
    world.workflows.ended(EXECUTION, "ABORTED")
    world.provision("lamp")
    made = world.iot.things["lamp"], next(iter(world.ecs.tasks.values()))
    swept()
    if left == "task":
        made[1].desired_status = "RUNNING"
    elif left == "objects":
        CLIENTS.client("s3", S3_CONFIG).put_object(
            Bucket=BUCKET, Key="devices/lamp/config.json", Body=b"{}"
        )
    elif left == "thing":
        world.iot.things["lamp"] = made[0]
    else:
        world.shadows.desired["lamp"] = {}
    # when
    found = swept()
    # then
    assert kinds(found) == [("leftovers", "lamp", "removed")]
    assert found[0]["reason"] == f"FAILED, and still there: {left}"
    assert world.remains() == NOTHING


def test_many_devices_that_are_gone_are_told_apart(world: World, swept: Sweep) -> None:
    # given: every third left its thing, every third its shadow, and the others nothing
    names = [f"lamp-{number:02}" for number in range(30)]
    for name in names:
        world.catalog.table.put_item(Item=gone(name))
    for name in names[::3]:
        world.iot.things[name] = Thing(attributes={"execution": owner_of(EXECUTION)})
    for name in names[1::3]:
        world.shadows.desired[name] = {}
    # when
    found = {one["name"]: one["reason"] for one in swept(dryRun=True, everything=True)}
    # then
    assert found == {
        **dict.fromkeys(names[::3], "TERMINATED, and still there: thing"),
        **dict.fromkeys(names[1::3], "TERMINATED, and still there: shadow"),
    }


def gone(name: str) -> dict[str, Any]:
    """The row of a device that was removed long ago."""
    at = "2026-01-01T00:00:00.000Z"
    told = {"status": "TERMINATED", "created_at": at, "updated_at": at}
    return {"thing_name": name, "execution_arn": EXECUTION, **told}


def test_of_devices_that_are_gone_for_long_only_those_in_the_group_are_asked_for(
    world: World, swept: Sweep
) -> None:
    # given
    for name in ("lamp", "plug"):
        world.catalog.table.put_item(Item=gone(name))
        world.shadows.desired[name] = {}
    groups, attributes = {"playground-devices"}, {"execution": owner_of(EXECUTION)}
    world.iot.things["lamp"] = Thing(groups=groups, attributes=attributes)
    # then
    assert kinds(swept(dryRun=True)) == [("leftovers", "lamp", "found")]


def test_a_device_that_failed_after_its_restarts_is_still_there(world: World, swept: Sweep) -> None:
    # given
    world.provision("lamp")
    world.workflows.ended(EXECUTION, "SUCCEEDED")
    given_up: Any = {"status": "FAILED", "given_up_at": "2026-01-01T00:00:00.000Z"}
    world.catalog.update("lamp", EXECUTION, **given_up, remove=("task_token",))
    # then
    assert swept(everything=True) == []


def test_who_lets_a_device_out_is_told_who_confined_it(
    world: World, swept: Sweep, functions: MemoryFunctions
) -> None:
    # given: a release of which only the last part is left
    released = {"status": "QUARANTINED", "readmitting": True, "quarantined_by": OTHER_EXECUTION}
    world.catalog.table.put_item(Item=gone("lamp") | released)
    world.workflows.ended(EXECUTION, "SUCCEEDED")
    # when
    swept()
    # then
    assert functions.asked == [{"input": {"thingName": "lamp"}, "execution": OTHER_EXECUTION}]


def test_the_policy_of_a_switch_that_has_links_stays(world: World, swept: Sweep) -> None:
    # given
    linked = {"status": "ONLINE", "links": {"bulb"}}
    world.catalog.table.put_item(Item=gone("lamp") | linked)
    world.workflows.ended(EXECUTION, "SUCCEEDED")
    world.iot.policies.add(links_policy_name(LINKS_PREFIX, "lamp"))
    # then
    assert swept() == []


def test_somebody_elses_thing_under_the_name_of_a_device_that_is_gone_stays(
    world: World, swept: Sweep
) -> None:
    # given
    world.workflows.ended(EXECUTION, "ABORTED")
    world.provision("lamp")
    swept()
    world.iot.things["lamp"] = Thing(attributes={"owner": "accounting"})
    world.shadows.desired["lamp"] = {"theirs": 1}
    # then
    assert swept(everything=True) == []
    assert world.shadows.desired == {"lamp": {"theirs": 1}}


def test_a_thing_without_a_row_is_removed_when_an_execution_of_this_stack_made_it(
    world: World, swept: Sweep
) -> None:
    # given
    world.workflows.ended(EXECUTION, "ABORTED")
    world.provision("lamp")
    world.catalog.table.delete_item(Key={"thing_name": "lamp"})
    # when
    found = swept()
    # then
    assert ("thing", "lamp", "removed") in kinds(found)
    assert ("objects", "lamp", "removed") in kinds(found)
    left = world.remains()
    assert (left["things"], left["objects"], left["tasks"]) == ({}, {}, [])


def test_a_task_whose_row_is_another_executions_by_now_is_stopped(
    world: World, swept: Sweep
) -> None:
    # given
    world.workflows.ended(EXECUTION, "ABORTED", asked={"thingName": "lamp"})
    world.provision("lamp")
    swept()
    world.workflows.runs(OTHER_EXECUTION)
    (task,) = world.ecs.tasks.values()
    task.desired_status = "RUNNING"
    world.provision("lamp", OTHER_EXECUTION, until="config")
    before = {name: value for name, value in world.remains().items() if name != "tasks"}
    # when
    found = swept()
    # then
    assert [(kind, outcome) for kind, _, outcome in kinds(found)] == [("task", "removed")]
    assert world.remains() == {**before, "tasks": []}


def test_what_carries_nobodys_mark_is_told_and_not_touched(world: World, swept: Sweep) -> None:
    # given: in our group and our cluster, by hand
    world.iot.things["theirs"] = Thing(
        groups={"playground-devices"}, attributes={"execution": "mine"}
    )
    world.ecs.tasks["arn:aws:ecs:theirs"] = RunningTask(CLUSTER, "somebody", "token", {})
    before = world.remains()
    # when
    found = swept()
    # then
    assert sorted(kinds(found)) == [
        ("task", "arn:aws:ecs:theirs", "ambiguous"),
        ("thing", "theirs", "ambiguous"),
    ]
    assert world.remains() == before


def test_one_that_can_not_be_removed_does_not_keep_the_others(world: World, swept: Sweep) -> None:
    # given
    for name, execution in (("lamp", EXECUTION), ("bulb", OTHER_EXECUTION)):
        world.workflows.ended(execution, "ABORTED")
        world.provision(name, execution, until="thing")
    gone = f"arn:aws:iot:eu-west-1:123456789012:cert/{'0' * 64}"
    world.iot.things["lamp"].leaving[gone] = 1000.0
    # when
    found = {result["name"]: result for result in swept()}
    # then
    assert (found["bulb"]["outcome"], found["lamp"]["outcome"]) == ("removed", "failed")
    assert found["lamp"]["error"].startswith("DetachmentPending: ")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"olderThanSeconds": -1}, "olderThanSeconds"),
        ({"olderThanSeconds": "5"}, "olderThanSeconds"),
        ({"olderThanSeconds": True}, "olderThanSeconds"),
        ({"olderThanSeconds": 10**30}, "olderThanSeconds"),
        ({"olderThanSeconds": float("inf")}, "olderThanSeconds"),
        ({"olderThanSeconds": float("nan")}, "olderThanSeconds"),
        ({"dryRun": 1}, "dryRun"),
        ({"everything": "yes"}, "everything"),
        ({"force": True}, "force"),
    ],
)
def test_a_bad_request_is_refused_by_its_field(
    world: World, event: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        built(sweep)(event, world.context)
    assert str(refusal.value).startswith(f"{field}: ")


# --- certificates that a killed attempt has left


@pytest.fixture
def lost(world: World, function_clients: list[Any]) -> str:
    """The ARN of a certificate whose function was killed before the row named it, half an hour
    ago.
    """
    world.workflows.ended(EXECUTION, "ABORTED")
    world.provision("lamp", until="thing")
    event = {"thingName": "lamp", "execution": EXECUTION}
    with faults.interrupted(function_clients, 4, "killed after"), pytest.raises(faults.Killed):
        built(create_certificate)(event, world.context)
    (arn,) = world.iot.certificates
    (request,) = world.row("lamp")["certificate_requests"]
    asked_at = datetime.now(UTC) - timedelta(minutes=30)
    world.catalog.table.update_item(
        Key={"thing_name": "lamp"},
        UpdateExpression="SET certificate_requests = :requests",
        ExpressionAttributeValues={
            ":requests": {f"{asked_at.isoformat()} {request.partition(' ')[2]}"}
        },
    )
    world.iot.certificates[arn].made_at = asked_at + timedelta(seconds=2)
    return arn


def test_a_lost_certificate_is_found_by_when_it_was_asked_for(
    world: World, swept: Sweep, lost: str
) -> None:
    # when
    found = swept()
    # then
    assert ("certificate", lost.rpartition("/")[2], "removed") in kinds(found)
    assert world.remains() == NOTHING
    assert "certificate_requests" not in world.row("lamp")


def test_a_new_device_of_the_name_does_not_make_it_forgotten(
    world: World, swept: Sweep, lost: str
) -> None:
    # given
    swept(dryRun=True)
    world.catalog.take(world.row("lamp"), EXECUTION)
    world.iot.things.clear()
    world.catalog.release("lamp", EXECUTION, "FAILED")
    world.workflows.ended(OTHER_EXECUTION, "SUCCEEDED")
    world.provision("lamp", OTHER_EXECUTION)
    world.catalog.update("lamp", OTHER_EXECUTION, status="ONLINE")
    new = world.row("lamp")["certificate_arn"]
    # when
    swept()
    # then
    assert set(world.iot.certificates) == {new}


@pytest.mark.parametrize("change", ["active", "policy", "thing", "earlier", "later", "named"])
def test_a_certificate_that_does_not_answer_the_description_stays(
    world: World, swept: Sweep, lost: str, change: str
) -> None:
    # given
    certificate = world.iot.certificates[lost]
    if change == "active":
        certificate.status = "ACTIVE"
    elif change == "policy":
        certificate.policies.add("playground-device")
    elif change == "thing":
        world.iot.things["theirs"] = Thing(principals={lost})
    elif change in ("earlier", "later"):
        certificate.made_at += timedelta(seconds=-20 if change == "earlier" else 60)
    else:
        world.workflows.ended(OTHER_EXECUTION, "SUCCEEDED")
        world.catalog.claim("other", "bulb", OTHER_EXECUTION)
        world.catalog.update("other", OTHER_EXECUTION, certificate_arn=lost, status="ONLINE")
    # when
    swept()
    # then: and the request is settled, for no certificate answers it
    assert set(world.iot.certificates) == {lost}
    assert "certificate_requests" not in world.row("lamp")


def test_where_more_answer_the_description_none_is_touched(
    world: World, swept: Sweep, lost: str
) -> None:
    # given
    theirs = world.iot.create_keys_and_certificate(setAsActive=False)["certificateArn"]
    world.iot.certificates[theirs].made_at = world.iot.certificates[lost].made_at + timedelta(
        seconds=1
    )
    # when
    found = [result for result in swept() if result["kind"] == "certificate"]
    # then
    assert {result["outcome"] for result in found} == {"ambiguous"}
    assert {result["name"] for result in found} == {
        arn.rpartition("/")[2] for arn in (lost, theirs)
    }
    assert set(world.iot.certificates) == {lost, theirs}
    assert world.row("lamp")["certificate_requests"]


def test_a_certificate_is_not_looked_for_while_its_execution_runs(
    world: World, swept: Sweep, lost: str
) -> None:
    # given
    world.workflows.runs(EXECUTION)
    # then
    assert swept() == []
    assert set(world.iot.certificates) == {lost}
