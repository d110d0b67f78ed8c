"""The sweep finds a device that a dead execution holds, whatever it held it for, and has it let
go.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.moments import as_text
from sweeping import sweep
from tests.unit.built import built
from tests.unit.confining import Confinement, is_confined, is_free, quarantine, release
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.restarting import BY_HAND, THING, Restart, World
from tests.unit.stack import EXECUTION, QUARANTINE, RELEASE, RESTART

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("functions")]

Sweep = Callable[..., list[tuple[str, str]]]
EXTRA = "playground-of-somebody"


@pytest.fixture
def lamp(world: World, topics: object) -> World:
    """A bulb that is online, and has a second policy."""
    world.provision()
    world.iot.create_policy(EXTRA, '{"Statement": []}')
    world.iot.attach_policy(EXTRA, world.row["certificate_arn"])
    world.shadows.connected.add(THING)
    return world


@pytest.fixture
def swept(world: World) -> Sweep:
    """One sweep; gives kind and outcome of each finding."""

    def run(**request: Any) -> list[tuple[str, str]]:
        found = built(sweep)({"olderThanSeconds": 0, **request}, world.context)["findings"]
        return [(one["kind"], one["outcome"]) for one in found]

    return run


@pytest.mark.parametrize("until", ["claim", "isolate", "shadow", "drop"])
def test_of_a_quarantine(lamp: World, topics: MemoryTopics, swept: Sweep, until: str) -> None:
    # given
    quarantine(lamp, topics).run(until)
    lamp.workflows.runs(QUARANTINE)
    assert swept() == []
    lamp.workflows.ended(QUARANTINE, "ABORTED")
    # then
    assert swept(dryRun=True) == [("device", "found")]
    assert swept() == [("device", "removed")]
    is_free(lamp, lamp.row["certificate_arn"])
    assert swept() == []


@pytest.mark.parametrize("until", ["claim", "readmit", "shadow"])
def test_of_a_release(lamp: World, topics: MemoryTopics, swept: Sweep, until: str) -> None:
    # given
    quarantine(lamp, topics).run()
    release(lamp, topics).run(until)
    lamp.workflows.runs(RELEASE)
    assert swept() == []
    lamp.workflows.ended(RELEASE, "TIMED_OUT")
    # then
    assert swept() == [("device", "removed")]
    is_confined(lamp)
    assert swept() == []


def _half_let_out(begun: Confinement) -> None:
    """What was left where the last word of a quarantine came between two writes of its undoing."""
    begun.world.set(readmitting=True)
    begun.world.catalog.table.update_item(
        Key={"thing_name": THING}, UpdateExpression="REMOVE quarantining, releasing"
    )


def test_of_nobody(lamp: World, topics: MemoryTopics, swept: Sweep) -> None:
    # given
    _half_let_out(quarantine(lamp, topics).run("drop"))
    # then it is kept in, and can be released
    assert swept() == [("device", "removed")]
    is_confined(lamp)
    assert swept() == []
    release(lamp, topics).run()
    assert lamp.row["status"] == "ONLINE"


@pytest.mark.parametrize("until", ["claim", "renew", "task", "wait"])
def test_of_a_restart(lamp: World, swept: Sweep, until: str) -> None:
    # given
    certificate = lamp.row["certificate_arn"]
    Restart(lamp, BY_HAND).run(until)
    lamp.workflows.runs(RESTART)
    assert swept() == []
    lamp.workflows.ended(RESTART, "ABORTED")
    # then
    assert swept() == [("device", "removed")]
    row = lamp.row
    assert not row.keys() & {"restarting", "task_token", "task_arn", "next_certificate_id"}
    assert list(lamp.iot.certificates) == [certificate]
    assert lamp.ecs.running() == []
    # and the restart can't take it again, late as it may be
    assert RESTART in row["undone"]
    assert swept() == []


def test_of_a_state_that_waits_no_more(lamp: World, swept: Sweep) -> None:
    # given
    lamp.workflows.runs(EXECUTION)
    lamp.set(task_token="of-long-ago")
    assert swept() == []
    lamp.workflows.ended(EXECUTION, "SUCCEEDED")
    # then it can be restarted again
    assert swept() == [("device", "removed")]
    assert Restart(lamp, BY_HAND).run("claim").data["device"]["verdict"] == "RESTART"


def test_of_a_change_of_links(lamp: World, swept: Sweep) -> None:
    # given
    past, future = (as_text(datetime.now(UTC) + timedelta(seconds=seconds)) for seconds in (-1, 60))
    lamp.set(linking=f"{future} somebody")
    assert swept() == []
    lamp.set(linking=f"{past} somebody")
    # when
    ((kind, _),) = swept()
    # then
    assert kind == "device"
    assert "linking" not in lamp.row


def test_of_a_change_of_its_certificate(lamp: World, swept: Sweep) -> None:
    # given
    thing = f"arn:aws:iot:eu-west-1:123456789012:thing/{THING}"
    lamp.iot.create_job("rotate-1", [thing], json.dumps({"operation": "rotate-cert"}))
    made = lamp.iot.create_keys_and_certificate(setAsActive=True)
    lamp.iot.attach_thing_principal(THING, made["certificateArn"])
    lamp.set(
        next_certificate_id=made["certificateId"],
        next_certificate_arn=made["certificateArn"],
        next_certificate_job="rotate-1",
        next_certificate_request="x",
    )
    before = lamp.row["certificate_arn"]
    assert swept() == []
    # when
    lamp.iot.jobs["rotate-1"].executions[THING] = "TIMED_OUT"
    # then
    assert swept() == [("device", "removed")]
    assert list(lamp.iot.certificates) == [before]
    assert not [name for name in lamp.row if name.startswith("next_certificate")]
    assert swept() == []


def test_of_a_certificate_that_is_no_longer_in_force(lamp: World, swept: Sweep) -> None:
    # given
    old = lamp.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    lamp.set(retired_certificate_arn=old)
    # then
    assert swept() == [("device", "removed")]
    assert list(lamp.iot.certificates) == [lamp.row["certificate_arn"]]
    assert "retired_certificate_arn" not in lamp.row


def test_what_has_just_changed_is_left_alone(
    lamp: World, topics: MemoryTopics, swept: Sweep
) -> None:
    # given
    quarantine(lamp, topics).run("claim")
    lamp.workflows.ended(QUARANTINE, "ABORTED")
    # then
    assert swept(olderThanSeconds=300) == []
    assert lamp.row["quarantining"] == QUARANTINE


def test_a_task_that_is_not_its_devices(
    lamp: World, functions: MemoryFunctions, swept: Sweep
) -> None:
    # given one that a restart started after it was undone
    restart = Restart(lamp, BY_HAND).run("config")
    restart.undo()
    restart._task()
    assert len(lamp.ecs.running()) == 1
    # then
    assert swept() == [("task", "removed")]
    assert lamp.ecs.running() == []
    assert swept() == []
