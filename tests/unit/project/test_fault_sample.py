"""Which faults and scenarios the tests draw: every state and every fault, whatever order the states
were seen in.
"""

import pytest

from proofs.fault_matrix.cells import Cell, Place, all_cells, grouped, some_cells
from proofs.fault_matrix.phases import COURSES, ROLLS, SAMPLED, Phase
from proofs.fault_matrix.roll_scenarios import roll_scenarios
from proofs.fault_matrix.rules import IN_TABLE
from proofs.fault_matrix.scenarios import some_scenarios

STATES = [
    *(
        (Phase.PROVISIONING, state)
        for state in sorted(COURSES[Phase.PROVISIONING].states - {"AwaitOwner", "CleanUp"})
    ),
    *((phase, "CleanUp") for phase in SAMPLED[1:]),
]
FOUND = [
    Place(phase, state, call, 0, changes=call != "iot:DescribeThing")
    for phase, state in STATES
    for call in ("iot:DescribeThing", "iot:CreateThing", "dynamodb:PutItem")
]
SEEDS = range(5)


def drawn(seed: int) -> dict[tuple[Phase, str], list[Cell]]:
    """The cells of each state."""
    cells = some_cells(FOUND, seed)
    return {
        state: [cell for cell in cells if (cell.place.phase, cell.place.state) == state]
        for state in STATES
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_half_of_the_faults_strike_each_state_in_a_call_that_changes_something(seed: int) -> None:
    for cells in drawn(seed).values():
        assert len({cell.fault for cell in cells}) == len(cells) == len(IN_TABLE) // 2
        assert all(cell.place.changes for cell in cells)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_fault_strikes_half_of_the_states_and_all_strike_clean_up(seed: int) -> None:
    # given
    found = drawn(seed)
    struck = [cell.fault for cells in found.values() for cell in cells]
    # then
    assert {struck.count(fault) for fault in IN_TABLE} == {len(STATES) // 2}
    assert {
        cell.fault for (_, state), cells in found.items() if state == "CleanUp" for cell in cells
    } == set(IN_TABLE)


def test_the_sample_is_the_seeds_and_not_that_of_the_order_in_which_states_came() -> None:
    # given
    backwards = sorted(FOUND, key=lambda place: place.state, reverse=True)
    # then
    assert set(some_cells(backwards, 1)) == set(some_cells(FOUND, 1)) != set(some_cells(FOUND, 2))
    assert {str(one) for one in some_scenarios(backwards, 1)} == {
        str(one) for one in some_scenarios(FOUND, 1)
    }


def test_every_kind_of_scenario_is_drawn_two_at_the_most() -> None:
    # given
    kinds = [scenario.what for scenario in some_scenarios(FOUND, 1)]
    # then
    assert {"deleted twice, at once", "aborted from outside", "created while it is deleted"} <= set(
        kinds
    )
    assert max(map(kinds.count, kinds)) == 2


ROLLED = [
    Place(Phase.ROLL, "NextDevice", "dynamodb:UpdateItem", 0, changes=True),
    Place(Phase.ROLL, "NextDevice", "ecr:DescribeImages", 0, changes=False),
    Place(Phase.ROLL, "NextDevice", "ecr:DescribeImages", 0, changes=False, later=1),
    Place(Phase.ROLL_PUT_BACK, "PutBack", "ecr:PutImage", 0, changes=True),
]


def test_the_cells_of_a_roll_have_one_device_for_each_time_a_state_is_entered() -> None:
    # given
    groups = grouped(all_cells(ROLLED))
    # then
    assert [len(group) for group in groups] == [2 * len(IN_TABLE), len(IN_TABLE), len(IN_TABLE)]
    assert [str(group[0].place.entered) for group in groups] == [
        "NextDevice",
        "NextDevice, entered again",
        "PutBack",
    ]


def test_scenarios_of_a_roll_come_alone_and_where_a_roll_was_seen() -> None:
    # given
    inner = Place(Phase.RESTART, "StartTask", "ecs:RunTask", 0, changes=True)
    scenes = roll_scenarios([*ROLLED, inner])
    # then
    assert all(scene.alone for scene in scenes)
    assert {scene.where for scene in scenes} == {
        "",
        "NextDevice, dynamodb:UpdateItem",
        "PutBack, ecr:PutImage",
        "StartTask, ecs:RunTask",
    }
    assert len({str(scene) for scene in scenes}) == len(scenes)
    assert not roll_scenarios([inner])
    assert not {place.phase for place in FOUND} & {*ROLLS}
