"""The gauges of the dashboard: devices by status."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.built import built
from watching import count_devices


@pytest.fixture
def rows(table: Any) -> Callable[..., None]:
    def put(status: str, number: int, **more: str) -> None:
        with table.batch_writer() as batch:
            for index in range(number):
                batch.put_item(
                    Item={"thing_name": f"{status}-{len(more)}-{index}", "status": status, **more}
                )

    return put


def test_devices_that_are_there_are_counted_by_status(
    rows: Callable[..., None], context: Any, printed: Callable[[], str]
) -> None:
    # given
    rows("ONLINE", 3)
    rows("OFFLINE", 2)
    rows("FAILED", 4)
    rows("FAILED", 1, given_up_at="2026-01-02T03:04:05Z")
    rows("STOPPED", 2, given_up_at="2026-01-02T03:04:05Z")
    rows("TERMINATED", 5)
    # when
    answer = built(count_devices)({}, context)
    # then
    assert answer == {
        "PROVISIONING": 0,
        "ONLINE": 3,
        "OFFLINE": 2,
        "QUARANTINED": 0,
        "STOPPED": 2,
        "FAILED": 1,
    }
    metric = next(found for line in printed().splitlines() if "_aws" in (found := json.loads(line)))
    assert metric["DevicesOnline"] == [3.0]
    assert metric["DevicesQuarantined"] == [0.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_a_catalog_of_several_pages_is_read_to_the_end(
    rows: Callable[..., None], table: Any, context: Any
) -> None:
    # given: DynamoDB gives 1 MB a call
    rows("ONLINE", 12, attributes="x" * 200_000)
    # when
    answer = built(count_devices)({}, context)
    # then
    assert answer["ONLINE"] == 12
    assert "LastEvaluatedKey" in table.scan()
