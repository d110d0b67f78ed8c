"""The figures that the benchmarks show."""

import pytest

from benchmarks import report
from benchmarks.figures import Spread
from benchmarks.fleet import Fleet
from benchmarks.sweeping import Sweeping
from benchmarks.telemetry import Telemetry


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
def test_median_and_99th_percentile_by_nearest_rank(
    samples: list[float], median: float, p99: float
) -> None:
    assert Spread.of(samples) == Spread(median, p99, len(samples))


def test_a_fleets_cost_is_told_of_a_core_and_for_a_message() -> None:
    fleet = Fleet(
        devices=1000,
        interval=10,
        messages=100.0,
        cores=0.189,
        functions=0.09,
        memory=362.7,
        grown=2.8,
        left=1.49,
    )
    with report.console.capture() as told:
        report.console.print(report.of_fleets([fleet]))
    (row,) = [line for line in told.get().splitlines() if "1,000" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["1,000, a message in 10 s", "100", "19", "1890", "9", "363", "2.8", "1.5"]


def test_a_messages_cost_is_told_beside_that_of_bare_clients() -> None:
    bare = Telemetry("bare, one by one", 200, 200.0, 80.0, (79.0, 80.0, 90.0))
    device = Telemetry("device", 200, 199.6, 120.0, (110.0, 120.0, 121.0))
    with report.console.capture() as told:
        report.console.print(report.of_telemetry([bare, device]))
    rows = [line for line in told.get().splitlines() if "200" in line]
    cells = [[cell.strip() for cell in row.strip("│").split("│")] for row in rows]
    assert cells == [
        ["bare, one by one", "200", "200", "80", "79, 80, 90", "1.50"],
        ["device", "200", "200", "120", "110, 120, 121", "1.00"],
    ]


def test_a_sweep_is_told_by_its_median_and_by_its_shortest_run() -> None:
    swept = Sweeping("old", 10_000, 2000, (1.0, 9.0, 2.0), (3.0, 4.0, 9.0), (6.0, 5.0, 9.0))
    with report.console.capture() as told:
        report.console.print(report.of_sweeping([swept]))
    (row,) = [line for line in told.get().splitlines() if "10,000" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["10,000 old", "2,000", "2.0", "4.0", "3.0", "6.0", "5.0"]
