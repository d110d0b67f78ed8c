"""Log groups keep what their retention says, and the emulator's memory has an end.

AWS deletes log events that are older than the days their group keeps them, and a function writes
all its invocations in one environment into one stream.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html
(change log data retention)
Emulator: it keeps every event for ever, and makes a new stream for every single invocation.

AWS has room for all of them, a laptop has not: so a group keeps its newest events here, whatever
its retention, and streams of invocations go with their last event.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs as logs

EVENTS = 10_000
"""What a group keeps at least, if it has had so many."""
SLACK = 1_000
"""How many more come before the oldest go: not all are looked at with every one."""
DAY = 86_400_000
"""In milliseconds, as timestamps are."""
OF_AN_INVOCATION = "/["
"""Stands in the names of the streams that functions write."""

_lock = threading.Lock()
_written: Counter[tuple[str, str, str]] = Counter()
"""Events since the last look, by account, region and group."""


def fill() -> None:
    """Look at a group each time that some more events were written into it."""
    hand_on = logs._fanout_to_subscription_filters

    def fan_out(group: str, stream: str, events: Sequence[Any]) -> None:
        hand_on(group, stream, events)
        key = (get_account_id(), get_region(), group)
        with _lock:
            _written[key] += len(events)
            if _written[key] < SLACK:
                return
            _written[key] = 0
        if found := logs._log_groups.get(group):
            trim(found, int(time.time() * 1000))

    logs._fanout_to_subscription_filters = fan_out


def trim(group: dict[str, Any], now: int) -> None:
    """Drop the oldest events, and those past the group's days. `now` in milliseconds."""
    streams = dict(group["streams"])
    stamps = sorted(event["timestamp"] for one in streams.values() for event in one["events"])
    days = group.get("retentionInDays")
    since = max(stamps[-EVENTS] if len(stamps) > EVENTS else 0, now - days * DAY if days else 0)
    for name, stream in streams.items():
        with logs._log_events_lock:
            gone = [event for event in stream["events"] if event["timestamp"] < since]
            if not gone:
                continue
            stream["events"] = stream["events"][len(gone) :]
            stream["firstEventTimestamp"] = (stream["events"] or gone)[0]["timestamp"]
        for event in gone:
            logs._log_records.pop(event.get("eventId"), None)
        if not stream["events"] and OF_AN_INVOCATION in name:
            group["streams"].pop(name, None)
