"""An hour of a hundred well-behaved devices: nobody is accused, and who misbehaves among them is
found, alone.
"""

from typing import Any

import pytest

from tests.unit.fleet_hour import Fleet
from tests.unit.sightings import Watch
from virtual_device.connection import topics

HOUR = 3600.0
NAMES = [f"dev-{n:04}" for n in range(100)]


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2])
def test_an_hour_of_a_hundred_well_behaved_devices_gives_no_false_alarm(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    watch = Watch(things=NAMES)
    fleet = Fleet(100, seed, lambda event: _see(watch, event))
    # when
    fleet.run(HOUR)
    # then
    with capsys.disabled():
        print(f"\nseed {seed}: {dict(fleet.told)}, {len(watch.findings)} findings")
    assert watch.findings == []
    # and it was an hour in which something happened
    assert fleet.told["messages"] > 10_000
    assert fleet.told["DUPLICATE_CLIENTID"] > 20
    assert fleet.told["metrics"] > 1_000


def test_one_who_floods_among_them_is_found_and_nobody_else() -> None:
    # given
    watch = Watch(things=NAMES)
    fleet = Fleet(20, 3, lambda event: _see(watch, event))
    rogue = fleet.players[7]

    def flood() -> None:
        for _ in range(10):
            rogue.publish(topics.telemetry(rogue.thing.name), b"{}")

    for burst in range(10):
        fleet.at(120 + burst * 0.2, flood)
    # when
    fleet.run(180)
    # then
    assert {(finding.rule, finding.thing_name) for finding in watch.findings} == {
        ("flood", rogue.thing.name)
    }


def _see(watch: Watch, event: dict[str, Any]) -> None:
    watch.see(event)
