"""A world with one device, provisioned by the real functions (restarting.py)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from devices.catalog import Catalog
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.restarting import THING, Restart, World

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture
def world(
    idempotency_records: Any,
    catalog: Catalog,
    iot: MemoryIot,
    shadows: MemoryShadows,
    ecs: MemoryEcs,
    workflows: MemoryWorkflows,
    s3: "S3Client",
    objects: Callable[[], dict[str, Any]],
    context: Any,
) -> World:
    """A world without devices."""
    return World(catalog, iot, shadows, ecs, workflows, s3, objects, context)


@pytest.fixture
def lamp(world: World) -> World:
    """A world with a bulb that is online, and has settings of its own."""
    world.provision()
    world.shadows.desired[THING]["time"] = 7
    return world


@pytest.fixture
def stopped(lamp: World) -> tuple[World, Restart]:
    """Its task was stopped, and a restart begins."""
    task_arn = lamp.stop()
    assert lamp.tell(task_arn) == "RESTARTING"
    return lamp, Restart(lamp, {"thingName": THING, "stoppedTask": task_arn})
