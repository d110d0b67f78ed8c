"""Faults in every state, and what can happen around it: a whole device or nothing, in every
service.
"""

import pytest

from proofs.fault_matrix.cells import places, some_cells
from proofs.fault_matrix.run import run
from proofs.fault_matrix.scenarios import some_scenarios
from proofs.fault_matrix.stage import Stage
from tests.census import census

pytestmark = pytest.mark.thorough

# Which faults strike a state, which of its calls stands for it, and which places for a scenario.
SEED = 7


@pytest.mark.timeout(900)
def test_every_fault_leaves_a_whole_device_or_nothing(stage: Stage) -> None:
    """A sample: each of the ten states of making, undoing and removing with half of the six faults,
    so that each fault strikes five states, and of every kind of scenario two at the most. `make
    faults` tries all.
    """
    # given
    before = census(stage.cloud)
    found = places(stage)
    # when
    results = run(
        stage, some_cells(found, SEED), some_scenarios(found, SEED), before, lambda _: None
    )
    # then
    assert not results.wrong, "\n".join(f"{name}: {why}" for name, why in results.wrong.items())
    assert results.after == before
