"""Switches and bulbs that are there."""

import pytest

from tests.unit.doubles.clock import Clock
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.linking import House, as_text
from tests.unit.world import World


@pytest.fixture
def house(
    world: World, functions: MemoryFunctions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> House:
    """A switch `wall` and two bulbs, `lamp` and `spot`, all online. Time goes by only when somebody
    waits.
    """
    monkeypatch.setattr("links.rows._later", lambda seconds: as_text(clock.seconds + seconds))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    house = House(world, clock.sleep)
    for name, device_type in (("wall", "switch"), ("lamp", "bulb"), ("spot", "bulb")):
        house.device(name, device_type)
    return house
