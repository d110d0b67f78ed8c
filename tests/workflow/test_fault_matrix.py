"""Every state with every fault, and what can happen around it: a whole device or nothing, in every service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.census import census
from tests.fault_matrix.cells import places, some_cells
from tests.fault_matrix.run import run
from tests.fault_matrix.scenarios import some_scenarios
from tests.fault_matrix.stage import Stage, own_stage

# Which of a state's calls stands for it, and which places for a scenario. `make faults` tries them all.
SEED = 7


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cloud whose functions reach AWS through the fault proxy."""
    folder: Path = tmp_path_factory.mktemp("faults")
    with own_stage(folder) as running:
        yield running


@pytest.mark.timeout(300)
def test_every_fault_leaves_a_whole_device_or_nothing(stage: Stage) -> None:
    # given
    before = census(stage.cloud)
    found = places(stage)
    # when
    results = run(stage, some_cells(found, SEED), some_scenarios(found, SEED), before, lambda _: None)
    # then
    assert not results.wrong, "\n".join(f"{name}: {why}" for name, why in results.wrong.items())
    assert results.after == before
