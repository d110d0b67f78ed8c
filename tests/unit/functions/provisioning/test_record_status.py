"""RecordStatus, and its race with Presence: whoever comes second tells the workflow, and it is told
once.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import OwnershipLost, TransientError
from devices.catalog import Catalog
from presence import presence
from provisioning import record_status
from tests.unit.built import built
from tests.unit.doubles import faults
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.interleaving import orders
from tests.unit.stack import CLUSTER, EXECUTION, REMOVAL

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

TOLD_ONCE = [("token-1", {"status": "ONLINE"})]
EVENT = {
    "thingName": "lamp",
    "execution": EXECUTION,
    "certificateId": "c0ffee",
    "taskArn": "arn:task",
    "clusterArn": CLUSTER,
    "taskToken": "token-1",
}
CONNECTED = {
    "clientId": "lamp",
    "timestamp": 1767323045678,
    "eventType": "connected",
    "sessionIdentifier": "session-1",
    "principalIdentifier": "c0ffee",
    "versionNumber": 0,
    "ipAddress": "192.0.2.17",
}
State = Callable[[], dict[str, Any]]


@pytest.fixture(autouse=True)
def waiting(catalog: Catalog, workflows: MemoryWorkflows) -> None:
    """A claimed device, and an execution that waits with token-1."""
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.update("lamp", EXECUTION, certificate_id="c0ffee")
    workflows.waiting = {"token-1"}


@pytest.fixture
def record(context: Any) -> State:
    return lambda: built(record_status)(EVENT, context)


@pytest.fixture
def connect(context: Any, s3: "S3Client") -> State:
    return lambda: built(presence)(CONNECTED, context)


def test_the_token_waits_in_the_row_for_the_device(
    record: State, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    # when
    answer = record()
    # then
    assert answer == {"status": "PROVISIONING"}
    assert workflows.answers == []
    row = catalog.row("lamp")
    assert row
    assert {
        name: row[name] for name in ("certificate_id", "task_arn", "cluster_arn", "task_token")
    } == {
        "certificate_id": "c0ffee",
        "task_arn": "arn:task",
        "cluster_arn": CLUSTER,
        "task_token": "token-1",
    }


@pytest.mark.parametrize("order", ["workflow first", "device first"])
def test_the_workflow_is_told_once_in_either_order(
    record: State, connect: State, catalog: Catalog, workflows: MemoryWorkflows, order: str
) -> None:
    # when
    for step in (record, connect) if order == "workflow first" else (connect, record):
        step()
    # then
    assert workflows.answers == TOLD_ONCE
    row = catalog.row("lamp")
    assert row
    assert row["status"] == "ONLINE"
    assert "task_token" not in row
    # and nobody is told again by what is delivered twice
    connect()
    assert workflows.answers == TOLD_ONCE
    assert workflows.refused == []


def test_a_device_that_has_gone_again_is_waited_for(
    record: State, connect: State, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    # given
    connect()
    catalog.update("lamp", EXECUTION, status="OFFLINE")
    # when
    answer = record()
    # then
    assert answer == {"status": "OFFLINE"}
    assert workflows.answers == []


def test_a_workflow_that_has_ended_is_no_error(
    record: State, connect: State, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    # given
    workflows.waiting = set()
    connect()
    # when
    record()
    # then
    row = catalog.row("lamp")
    assert row
    assert row["status"] == "ONLINE"
    assert "task_token" not in row


def test_a_device_that_is_not_in_the_catalog_is_an_error(record: State, catalog: Catalog) -> None:
    # given
    catalog.table.delete_item(Key={"thing_name": "lamp"})
    # when
    with pytest.raises(OwnershipLost, match="lamp"):
        record()
    # then
    assert catalog.row("lamp") is None


def test_a_device_that_was_removed_meanwhile_ends_the_state_with_the_function(
    record: State, catalog: Catalog, workflows: MemoryWorkflows
) -> None:
    # given
    catalog.take(catalog.owned("lamp", EXECUTION), REMOVAL)
    # when
    with pytest.raises(OwnershipLost, match="lamp"):
        record()
    # then nobody need answer the token
    assert workflows.answers == []


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", [1, 2])
def test_an_attempt_after_any_interruption_tells_the_workflow_once(
    record: State,
    connect: State,
    catalog: Catalog,
    workflows: MemoryWorkflows,
    function_clients: list[Any],
    at: int,
    how: str,
) -> None:
    # given
    connect()
    with (
        faults.interrupted(function_clients, at, how),
        pytest.raises((TransientError, faults.Killed)),
    ):
        record()
    # when
    record()
    # then
    assert workflows.answers == TOLD_ONCE
    row = catalog.row("lamp")
    assert row
    assert "task_token" not in row


def test_the_device_comes_while_the_row_is_written(
    record: State,
    connect: State,
    catalog: Catalog,
    workflows: MemoryWorkflows,
    function_clients: list[Any],
) -> None:
    """In every order of the two: the workflow is told once, and no token is left."""
    before, waiting, seen = catalog.row("lamp"), set(workflows.waiting), 0
    for outcome in orders(function_clients, record, connect, {"UpdateItem", "SendTaskSuccess"}):
        assert outcome.errors == (None, None), outcome
        assert workflows.answers == TOLD_ONCE, outcome
        row = catalog.row("lamp")
        assert row
        assert "task_token" not in row, outcome
        seen += 1
        catalog.table.put_item(Item=dict(before or {}))
        workflows.answers.clear()
        workflows.waiting = set(waiting)
    assert seen >= 3


def test_what_is_written_again_after_the_device_has_come_leaves_no_token(
    record: State, connect: State, catalog: Catalog
) -> None:
    """The SDK repeats a call whose answer it has not got."""
    # given
    record()
    connect()
    # when
    assert not catalog.await_device("lamp", EXECUTION, "token-1")
    # then
    row = catalog.row("lamp")
    assert row
    assert "task_token" not in row


def test_the_token_is_not_logged(record: State, connect: State, printed: Callable[[], str]) -> None:
    # when
    record()
    connect()
    # then
    output = printed()
    assert "waiting for the device" in output
    assert "token-1" not in output
