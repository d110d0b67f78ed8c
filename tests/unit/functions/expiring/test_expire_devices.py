"""ExpireDevices: a device whose time is up is removed by the workflow, once, and no other."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.clients import CONFIG
from common.errors import AccessRefused
from common.moments import as_text
from devices.catalog import Catalog
from expiring import expire_devices
from provisioning import clean_up
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import (
    DEPROVISION_MACHINE,
    EXECUTION,
    OTHER_EXECUTION,
    OTHER_REMOVAL,
    REMOVAL,
)
from tests.unit.world import NOTHING, World

AT_THREE = {"source": "aws.events", "time": "2026-01-02T03:00:00Z"}
A_MINUTE_LATER = {"source": "aws.events", "time": "2026-01-02T03:01:00Z"}

Expire = Callable[..., list[str]]


def ago(**time: float) -> str:
    return as_text(datetime.now(UTC) - timedelta(**time))


@pytest.fixture
def expire(workflows: MemoryWorkflows, context: Any) -> Expire:
    """One run; gives the names of the devices whose removal it has started."""

    def run(event: Any = AT_THREE) -> list[str]:
        names: list[str] = built(expire_devices)(event, context)["thingNames"]
        return names

    return run


@pytest.fixture
def lamp(catalog: Catalog) -> dict[str, Any]:
    """The row of a device whose time is up."""
    catalog.claim("lamp", "bulb", EXECUTION)
    row = catalog.update("lamp", EXECUTION, status="ONLINE", expires_at=ago(seconds=1))
    return dict(row)


def test_the_workflow_removes_a_device_whose_time_is_up(
    lamp: dict[str, Any], expire: Expire, workflows: MemoryWorkflows
) -> None:
    # when
    assert expire() == ["lamp"]
    # then
    ((arn, asked),) = workflows.started.items()
    machine = DEPROVISION_MACHINE.replace(":stateMachine:", ":execution:")
    assert arn.startswith(f"{machine}:expired-")
    assert len(arn.rpartition(":")[2]) <= 80
    assert asked == {"thingName": "lamp", "madeBy": EXECUTION}


def test_every_other_device_stays(
    catalog: Catalog, expire: Expire, workflows: MemoryWorkflows
) -> None:
    # given
    catalog.claim("for ever", "bulb", EXECUTION)
    catalog.claim("not yet", "bulb", EXECUTION, ttl=timedelta(minutes=1))
    for name in ("for ever", "not yet"):
        catalog.update(name, EXECUTION, status="ONLINE")
    # then
    assert expire() == []
    assert workflows.started == {}


def test_one_run_repeated_starts_nothing_twice(
    lamp: dict[str, Any], expire: Expire, workflows: MemoryWorkflows
) -> None:
    # given
    assert expire() == ["lamp"]
    # then
    assert expire() == []
    assert len(workflows.started) == 1


def test_a_removal_that_failed_is_tried_again_by_the_next_run(
    lamp: dict[str, Any], expire: Expire, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    # given: it had taken the row
    expire()
    (first,) = workflows.started
    assert catalog.take(lamp, first)
    assert expire(A_MINUTE_LATER) == []
    # when
    workflows.ended(first, "FAILED")
    # then
    assert expire(A_MINUTE_LATER) == ["lamp"]
    assert len(workflows.started) == 2


def test_without_an_event_of_the_schedule_a_run_is_that_of_its_minute(
    lamp: dict[str, Any],
    expire: Expire,
    workflows: MemoryWorkflows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter(
        ["2226-01-02T03:04:05.678Z", "2226-01-02T03:04:59.999Z", "2226-01-02T03:05:00.000Z"]
    )
    monkeypatch.setattr(expire_devices, "now", lambda: next(times))
    assert [expire({}), expire({}), expire({})] == [["lamp"], [], ["lamp"]]


@pytest.mark.parametrize("status", ["OFFLINE", "QUARANTINED"])
def test_a_device_need_not_be_online(
    lamp: dict[str, Any], expire: Expire, catalog: Catalog, status: str
) -> None:
    catalog.update("lamp", EXECUTION, status=status)
    assert expire() == ["lamp"]


def test_a_device_that_failed_after_restarts_is_removed(
    lamp: dict[str, Any], expire: Expire, catalog: Catalog
) -> None:
    catalog.update("lamp", EXECUTION, status="FAILED", given_up_at=ago(hours=1))
    assert expire() == ["lamp"]


def test_a_device_that_is_being_made_is_removed_after_that(
    lamp: dict[str, Any], expire: Expire, catalog: Catalog
) -> None:
    # given: it waits for its first connection
    catalog.update("lamp", EXECUTION, status="PROVISIONING", task_token="token")
    assert expire() == []
    catalog.update("lamp", EXECUTION, status="ONLINE")
    assert expire() == []
    # when
    catalog.update("lamp", EXECUTION, remove=("task_token",), status="ONLINE")
    # then
    assert expire() == ["lamp"]


@pytest.mark.parametrize("known", [True, False])
def test_a_device_that_is_being_removed_is_left_alone(
    lamp: dict[str, Any],
    expire: Expire,
    catalog: Catalog,
    workflows: MemoryWorkflows,
    *,
    known: bool,
) -> None:
    # given: Step Functions may not know yet of an execution that has just begun
    if known:
        workflows.runs(REMOVAL)
    else:
        catalog.update("lamp", EXECUTION, updated_at=ago(seconds=1))
    assert catalog.take(lamp, REMOVAL)
    # then
    assert expire() == []
    assert workflows.started == {}


def in_pages_of(number: int, asked: list[int]) -> Callable[..., None]:
    """DynamoDB's pages have 1 MB, which is ten thousand devices: here they are smaller."""

    def limit(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = number
        asked.append(number)

    return limit


def test_all_pages_of_the_index_are_read(catalog: Catalog, expire: Expire) -> None:
    # given
    names = [f"lamp-{number}" for number in range(7)]
    for name in names:
        catalog.claim(name, "bulb", f"{EXECUTION}-{name}")
        catalog.update(name, f"{EXECUTION}-{name}", status="ONLINE", expires_at=ago(seconds=1))
    asked: list[int] = []
    events = catalog.table.meta.client.meta.events
    scan, limit = "provide-client-params.dynamodb.Scan", in_pages_of(2, asked)
    events.register(scan, limit)
    # when
    try:
        found = expire()
    finally:
        events.unregister(scan, limit)
    # then
    assert (sorted(found), len(asked)) == (names, 4)


def test_the_table_has_the_last_word(
    lamp: dict[str, Any], expire: Expire, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is a moment behind: the device is gone, or another one has its name."""
    entry = {"thing_name": "lamp", "expires_at": lamp["expires_at"]}
    monkeypatch.setattr(expire_devices, "scan_index", lambda *_: iter([entry]))
    # removed
    catalog.take(lamp, REMOVAL)
    catalog.release("lamp", REMOVAL, "TERMINATED")
    assert expire() == []
    # another one, which stays, and one whose time is not up
    catalog.claim("lamp", "bulb", OTHER_EXECUTION)
    catalog.update("lamp", OTHER_EXECUTION, status="ONLINE")
    assert expire() == []
    catalog.update("lamp", OTHER_EXECUTION, expires_at=ago(hours=-1))
    assert expire() == []
    # no row at all
    catalog.table.delete_item(Key={"thing_name": "lamp"})
    assert expire() == []


@pytest.mark.parametrize("meanwhile", ["taken again", "taken again, and removed by the same"])
def test_a_device_that_has_the_name_by_then_stays(
    world: World, expire: Expire, meanwhile: str
) -> None:
    # given: the removal of the first lamp has started
    world.provision("lamp")
    world.catalog.update("lamp", EXECUTION, status="ONLINE", expires_at=ago(seconds=1))
    world.catalog.update("lamp", EXECUTION, remove=("task_token",), status="ONLINE")
    assert expire() == ["lamp"]
    ((arn, asked),) = world.workflows.started.items()
    # when somebody else is faster, and makes another one
    event = {"input": {"thingName": "lamp"}, "deprovisioning": OTHER_REMOVAL}
    built(clean_up)(event, world.context)
    assert world.remains() == NOTHING
    world.ecs.tasks.clear()
    world.provision("lamp", OTHER_EXECUTION)
    before, row = world.remains(), world.row("lamp")
    # then
    answer = built(clean_up)({"input": asked, "deprovisioning": arn}, world.context)
    assert answer["undone"] is False
    assert (world.remains(), world.row("lamp")) == (before, row)
    if meanwhile != "taken again":
        asked = {"thingName": "lamp", "madeBy": OTHER_EXECUTION}
        assert built(clean_up)({"input": asked, "deprovisioning": arn}, world.context)["undone"]
        assert world.remains() == NOTHING


def test_a_call_that_is_refused_is_told_and_tried_again(
    lamp: dict[str, Any], expire: Expire, workflows: MemoryWorkflows
) -> None:
    sfn = CLIENTS.client("stepfunctions", CONFIG)
    with (
        faults.refused(sfn, "StartExecution", "AccessDeniedException", 400),
        pytest.raises(AccessRefused, match="StartExecution"),
    ):
        expire()
    assert workflows.started == {}
    assert expire() == ["lamp"]


def test_a_run_tells_of_each_device_and_how_many(
    lamp: dict[str, Any], expire: Expire, printed: Callable[[], str]
) -> None:
    # when
    expire()
    # then
    lines = [json.loads(line) for line in printed().splitlines()]
    assert [line["thing_name"] for line in lines if line.get("message") == "time is up"] == ["lamp"]
    assert [line["DevicesExpired"] for line in lines if "_aws" in line] == [[1.0]]
    # when there is nothing to do
    expire()
    # then
    assert not any("_aws" in json.loads(line) for line in printed().splitlines())
