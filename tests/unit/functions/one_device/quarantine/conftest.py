"""A device that has something to lose."""

import pytest

from tests.unit.confining import EXTRA
from tests.unit.restarting import THING, World


@pytest.fixture
def lamp(world: World, topics: object) -> World:
    """A world with a bulb that is online, and has a second policy."""
    world.provision()
    world.iot.create_policy(EXTRA, '{"Statement": []}')
    world.iot.attach_policy(EXTRA, world.row["certificate_arn"])
    world.shadows.connected.add(THING)
    return world
