"""Stops, who does an action, the series of a run, and the page of its report."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from common.fleet_stages import Act, Action, Measure, Stop
from playground.fleets.figures import percentiles
from playground.fleets.hearing import Hearing
from playground.fleets.run import MOST_POINTS, Point, Run, Staged, chosen
from playground.fleets.stopping import Stopping
from playground.show import fleets as views
from tests.unit.fleets.test_fleet_hearing import LAMP, telemetry

STARTED = datetime(2026, 11, 30, tzinfo=UTC)
COST = {"so_far": 0.5, "hour": 0.25}
GROUPS = {"lamp": [f"lamp-{n}" for n in range(10)], "meter": [f"meter-{n}" for n in range(4)]}


def values(lost: float) -> dict[Measure, float]:
    return dict.fromkeys(Measure, 0.0) | {Measure.LOST_SHARE: lost}


def test_a_stop_holds_when_its_measure_was_above_for_long_enough_without_a_pause() -> None:
    # given
    stop = Stop(Measure.LOST_SHARE, above=0.1, lasting=3)
    stopping = Stopping([Stop(Measure.MESSAGES, 5, 0), stop])
    # when
    seen = [(0, 0.2), (2, 0.2), (2.5, 0.1), (3, 0.2), (5, 0.3)]
    # then
    assert [stopping.look(values(lost), at) for at, lost in seen] == [None] * len(seen)
    ended = stopping.look(values(0.25), 6)
    assert ended is not None
    assert str(ended) == "lost_share was 0.25, above 0.1 for 3 s"


def test_a_stop_that_need_not_last_holds_at_once() -> None:
    ended = Stopping([Stop(Measure.SECONDS, 10, 0)]).look({Measure.SECONDS: 10.5}, 10.5)
    assert ended is not None
    assert ended.data() == {"measure": "seconds", "above": 10, "for": 0, "value": 10.5}


@pytest.mark.parametrize(("share", "count"), [(0, 0), (0.5, 5), (1, 10)])
def test_a_share_of_a_group_is_chosen_again_by_the_same_seed(share: float, count: int) -> None:
    # given
    action = Action(Act.OFFLINE, 3, ("lamp",), share, 0)
    # when
    names = chosen(GROUPS, action, "7/storm/0")
    # then
    assert len(set(names)) == count
    assert set(names) <= set(GROUPS["lamp"])
    assert names == chosen(GROUPS, action, "7/storm/0")


def test_another_seed_chooses_others() -> None:
    action = Action(Act.OFFLINE, 3, ("lamp", "meter"), 0.5, 0)
    assert len({tuple(chosen(GROUPS, action, f"{seed}/storm/0")) for seed in range(9)}) > 1


def test_percentiles_are_of_the_values_and_never_beyond_them() -> None:
    assert percentiles([]) == {}
    assert percentiles([0.5]) == {"p50": 0.5, "p95": 0.5, "p99": 0.5}
    assert percentiles([n / 100 for n in range(101)]) == {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def run_of(fleet: str) -> Run:
    run = Run(fleet, 3, 2, STARTED, cost=COST)
    for stage, number in (("steady", 1), ("storm </script><script>alert(1)", 4)):
        hearing = Hearing({LAMP}, {LAMP})
        hearing.take(telemetry(number))
        hearing.tally.changes.append(0.25)
        run.stages.append(Staged(stage, 0.0, 5.0, hearing.close()))
    for at in range(3):
        run.add(Point(float(at), 2 - at, at * 5, 0, 0))
    return run


def test_a_run_tells_its_stages_and_all_together() -> None:
    # when
    told = run_of("office").data()
    # then
    assert [stage["messages"]["heard"] for stage in told["stages"]] == [1, 1]
    assert told["total"]["messages"]["heard"] == 2
    assert told["total"]["changes"]["seconds"] == {"p50": 0.25, "p95": 0.25, "p99": 0.25}
    assert told["series"][1] == {"at": 1.0, "online": 1, "heard": 5, "lost": 0, "pending": 0}
    assert (told["endedBy"], told["startedAt"]) == (None, "2026-11-30T00:00:00.000+00:00")


def test_a_long_run_keeps_a_bounded_series_from_its_beginning_to_its_end() -> None:
    # given
    run = Run("office", 0, 1, STARTED)
    # when
    for at in range(5 * MOST_POINTS):
        run.add(Point(float(at), 1, at, 0, 0))
    # then
    assert len(run.points) <= MOST_POINTS
    assert run.points[0].at == 0
    assert run.points[-1].at == 5 * MOST_POINTS - 1
    assert [point.at for point in run.points] == sorted(point.at for point in run.points)


class Page(HTMLParser):
    """The tags of a page, and all that it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = ("src", "href", "xlink:href", "data", "srcset")
        self.loads += [value for name, value in attrs if name in names]


def test_the_page_of_a_report_loads_nothing_and_runs_nothing() -> None:
    # when
    text = views.report_page(run_of("office").data())
    # then
    found = Page(text)
    assert found.tags.count("svg") == 4
    assert found.loads == []
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert "default-src 'none'" in text
