"""A log group keeps its newest events, for as long as its retention says."""

import json
import time
from typing import Any

from tests.gaps.modules import gap, service

GROUP = "/aws/lambda/detect"
LINES = 5
"""Of an invocation that prints two."""


def invoked(times: int) -> None:
    """What so many invocations of a function write, as the emulator writes it."""
    function = {"config": {"FunctionName": "detect"}}
    for number in range(times):
        told = {"error": False, "duration_ms": 1}
        service("lambda_svc")._emit_lambda_logs(function, f"r{number}", "one\ntwo", **told)


def streams() -> Any:
    """The group's streams by name."""
    return service("cloudwatch_logs")._log_groups[GROUP]["streams"]


def messages() -> list[str]:
    """All that is kept."""
    return [event["message"] for one in streams().values() for event in one["events"]]


def test_the_newest_events_are_kept_and_no_stream_without_any() -> None:
    retention = gap("log_retention")
    retention.EVENTS, retention.SLACK = 500, 100
    retention.fill()

    for _ in range(5):
        invoked(100)
        # Events of one millisecond go together.
        time.sleep(0.002)

    assert 500 <= len(messages()) <= 500 + 100 + 100 * LINES
    assert len(streams()) == len(messages()) / LINES
    assert messages()[-1].startswith("REPORT RequestId: r99")


def test_what_is_past_the_groups_days_goes_with_its_records_and_a_named_stream_stays() -> None:
    retention = gap("log_retention")
    retention.SLACK = 10
    retention.fill()
    logs = service("cloudwatch_logs")
    day, now = 86_400_000, int(time.time() * 1000)
    invoked(1)
    logs._put_retention_policy({"logGroupName": GROUP, "retentionInDays": 7})
    for name in ("device", "other"):
        logs._create_log_stream({"logGroupName": GROUP, "logStreamName": name})
    old = [{"timestamp": now - 8 * day, "message": "old"}]
    new = [{"timestamp": now - 6 * day, "message": "new"}] * 10
    for name, events in (("device", old), ("other", old + new)):
        put = {"logGroupName": GROUP, "logStreamName": name, "logEvents": events}
        assert logs._put_log_events(put)[0] == 200

    assert messages().count("old") == 0
    assert messages().count("new") == 10
    assert set(streams()) > {"device", "other"}
    assert len(logs._log_records) == 10
    put = {"logGroupName": GROUP, "logStreamName": "device", "logEvents": new[:1]}
    assert logs._put_log_events(put)[0] == 200
    answer = json.loads(logs._get_log_events({"logGroupName": GROUP, "logStreamName": "device"})[2])
    assert [event["message"] for event in answer["events"]] == ["new"]


def test_the_emulator_itself_keeps_all_for_ever() -> None:
    """Once it does not, the gap can go."""
    invoked(300)
    logs = service("cloudwatch_logs")
    logs._put_retention_policy({"logGroupName": GROUP, "retentionInDays": 1})
    for stream in streams().values():
        for event in stream["events"]:
            event["timestamp"] -= 2 * 86_400_000
    invoked(300)

    assert len(streams()) == 600
    assert len(messages()) == 600 * LINES
