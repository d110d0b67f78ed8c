"""What AWS IoT's log says was refused: the newest is found, however much there is before it."""

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from explaining.refusals import MOST_PAGES, Refusals, windows

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

GROUP = "AWSIotLogsV2"
NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def line(at_ms: int, topic: str, client: str = "lamp", **more: str) -> dict[str, object]:
    """As AWS IoT writes one."""
    message = {
        "eventType": "Publish-In",
        "status": "Failure",
        "clientId": client,
        "topicName": topic,
        "reason": "AUTHORIZATION_FAILURE",
        **more,
    }
    return {"timestamp": at_ms, "message": json.dumps(message)}


class Log:
    """A log group that gives one event a page, the oldest first, as FilterLogEvents may."""

    def __init__(self, *events: dict[str, object]) -> None:
        self.events = sorted(events, key=lambda event: int(str(event["timestamp"])))
        self.asked = 0

    def filter_log_events(self, **asked: object) -> dict[str, object]:
        """The page after `nextToken`; the pattern is not looked at."""
        self.asked += 1
        start, end = int(str(asked["startTime"])), int(str(asked.get("endTime", 2**62)))
        there = [one for one in self.events if start <= int(str(one["timestamp"])) <= end]
        number = int(str(asked.get("nextToken", 0)))
        page: dict[str, object] = {"events": there[number : number + 1]}
        return page | ({"nextToken": str(number + 1)} if number + 1 < len(there) else {})


def refusals(log: Log) -> Refusals:
    found: CloudWatchLogsClient = log  # type: ignore[assignment]
    return Refusals(found, GROUP, lambda: NOW_MS / 1000)


def test_the_newest_is_found_behind_more_pages_than_are_asked_for() -> None:
    old = [line(NOW_MS - HOUR_MS * 5 + n, f"old/{n}") for n in range(MOST_PAGES * 3)]
    log = Log(*old, line(NOW_MS - 1000, "evt/new"))

    found = refusals(log).since("lamp", NOW_MS - 24 * HOUR_MS)

    assert found[-1].resource == "evt/new"
    assert log.asked == MOST_PAGES


def test_all_are_there_in_order_and_no_other_client_s() -> None:
    times = [NOW_MS - 23 * HOUR_MS, NOW_MS - HOUR_MS, NOW_MS - 300_000, NOW_MS, NOW_MS + 2000]
    log = Log(*(line(at, f"t/{at}") for at in times), line(NOW_MS, "t/x", client="other"))

    found = refusals(log).since("lamp", NOW_MS - 24 * HOUR_MS)

    assert [one.resource for one in found] == [f"t/{at}" for at in times]


def test_the_newest_of_too_many() -> None:
    log = Log(*(line(NOW_MS - 100 + n, f"t/{n}") for n in range(10)))

    assert [one.resource for one in refusals(log).since("lamp", 0, most=2)] == ["t/8", "t/9"]


def test_without_a_group_nothing_is_asked() -> None:
    log = Log(line(NOW_MS, "t"))

    assert Refusals(log, "").since("lamp", 0) == []  # type: ignore[arg-type]
    assert log.asked == 0


@pytest.mark.parametrize("since", [NOW_MS + 5, NOW_MS, NOW_MS - 1, NOW_MS - 301_000, 0])
def test_the_parts_of_the_time_leave_nothing_out(since: int) -> None:
    parts = list(windows(since, NOW_MS))

    assert (parts[0][1], parts[-1][0]) == (None, since)
    assert all(later[0] - 1 == earlier[1] for later, earlier in itertools.pairwise(parts))
    assert len(parts) < 20
