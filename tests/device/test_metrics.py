"""Metrics over a real broker: a report that the service rejects is in the log, with the reason."""

import json

import pytest

from tests.device.cloud import Cloud
from tests.device.process import Workbench
from tests.playground_cloud import wait_for

THING = "dev-METRICS"
REJECTION = {
    "thingName": THING,
    "reportId": 7,
    "status": "REJECTED",
    "statusDetails": {"ErrorCode": "Throttled", "ErrorMessage": "one report in 5 minutes"},
}


def test_a_rejected_report_is_logged(
    cloud: Cloud, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a device where a report a second is allowed
    monkeypatch.setenv("METRICS_FLOOR", "1")
    process = bench.start(bench.config(THING))
    cloud.wait_for_reported(THING, metrics=0)
    cloud.change(THING, metrics=1)
    cloud.wait_for_reported(THING, metrics=1)

    # When the service rejects (which is heard as soon as the SUBSCRIBE has arrived)
    def told() -> list[object]:
        cloud.publish(
            f"$aws/things/{THING}/defender/metrics/json/rejected", json.dumps(REJECTION).encode()
        )
        return [line for line in process.log() if line["message"] == "metrics report rejected"]

    (line, *_) = wait_for("the rejection in the log", told)
    # Then the log says why
    assert isinstance(line, dict)
    assert (line["code"], line["reason"], line["reportId"]) == (
        "Throttled",
        "one report in 5 minutes",
        7,
    )
    assert process.terminate() == 0


def test_where_nothing_else_is_said_five_minutes_are_the_floor(
    cloud: Cloud, bench: Workbench
) -> None:
    bench.start(bench.config(THING))
    cloud.wait_for_reported(THING, metrics=0)
    cloud.change(THING, metrics=299)
    reason = "must be 0 or an integer from 300 to 86400"
    cloud.wait_for_reported(THING, rejected={"metrics": {"value": 299, "reason": reason}})
