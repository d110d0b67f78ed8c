"""Many devices at once, with ten times as many certificates asked for as AWS makes in a second."""

from collections.abc import Callable

import pytest

from playground.local.concurrency import LIMITED
from proofs.fault_matrix.crowd import as_a_fleet, crowd, one_by_one
from proofs.fault_matrix.stage import Stage
from tests.playground_cloud import Cloud, Execution

pytestmark = pytest.mark.thorough

DEVICES = 8


@pytest.mark.timeout(900)
@pytest.mark.parametrize("made", [one_by_one, as_a_fleet])
def test_ten_times_the_quota_is_retried_until_every_device_is_online(
    stage: Stage, made: Callable[[Stage, int], list[Execution]]
) -> None:
    # when: a stack that believes in ten times the quota that it has
    found = crowd(stage, DEVICES, asked=2, quota=0.2, made=made)
    # then
    assert found.throttled  # how often depends on how fast this machine asks
    assert (found.succeeded, found.errors) == (DEVICES, [])
    assert found.left_behind == {}


@pytest.mark.parametrize("state", LIMITED)
def test_a_laptop_runs_a_few_of_each_function_at_a_time(cloud: Cloud, state: str) -> None:
    # when
    answer = cloud.client("lambda").get_function_concurrency(
        FunctionName=cloud.functions[f"{state}Function"]
    )
    # then
    assert 0 < answer["ReservedConcurrentExecutions"] < 100
