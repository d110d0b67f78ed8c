"""The figures that the benchmarks show."""

import pytest

from benchmarks.figures import Spread


@pytest.mark.parametrize(
    ("samples", "median", "p99"),
    [
        ([7.0], 7.0, 7.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0),
        (list(range(1, 101)), 50.5, 99),
        (list(range(1, 201)), 100.5, 198),
        (list(range(1, 102)), 51, 100),
    ],
)
def test_median_and_99th_percentile_by_nearest_rank(samples: list[float], median: float, p99: float) -> None:
    assert Spread.of(samples) == Spread(median, p99, len(samples))
