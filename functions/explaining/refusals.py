"""Messages that AWS IoT has refused, from its log (AWSIotLogsV2).

https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html: nothing else tells of them.
The log has them only when it is on, and the stack knows its group (the parameter IotLogGroup).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.certificates import tolerating
from common.jsontext import read_or_none
from common.moments import logged_milliseconds
from explaining.texts import shown

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

VERBS = {"Publish-In": "publish", "Subscribe": "subscribe", "Connect": "connect"}
MOST_PAGES = 20
"""Of FilterLogEvents, in all: a page may be empty, and is asked for all the same."""

NEWEST_MS, FURTHER = 300_000, 4
"""FilterLogEvents gives the oldest first. So the last five minutes are asked for before the fifteen
before them, and so on: who is out of pages then lacks the oldest.
"""


@dataclass(frozen=True)
class Refusal:
    """One: `verb` is publish, subscribe or connect, `resource` a topic, filter or client id."""

    at_ms: int
    verb: str
    resource: str
    reason: str


@dataclass(frozen=True)
class Refusals:
    """Reads the log. `group` is empty when there is none."""

    logs: "CloudWatchLogsClient"
    group: str
    clock: Callable[[], float] = time.time

    def since(self, thing_name: str, at_ms: int, most: int = 200) -> list[Refusal]:
        """What was refused to a client of that name since then, the newest last."""
        found: list[Refusal] = []
        pages = Pages(MOST_PAGES)
        if not self.group:
            return found
        with tolerating("ResourceNotFoundException"):
            for start, end in windows(at_ms, int(self.clock() * 1000)):
                found = [*self._within(thing_name, start, end, pages), *found]
                if len(found) >= most or not pages.left:
                    break
        return found[-most:]

    def _within(
        self, thing_name: str, start: int, end: int | None, pages: "Pages"
    ) -> Iterator[Refusal]:
        asked: dict[str, Any] = {
            "logGroupName": self.group,
            "startTime": start,
            "filterPattern": f'{{ $.clientId = "{thing_name}" && $.status = "Failure" }}',
        }
        if end is not None:
            asked["endTime"] = end
        while pages.take():
            page = self.logs.filter_log_events(**asked)
            for event in page["events"]:
                line = read_or_none(event["message"])
                # The pattern is not every home's: a line of somebody else may come too.
                if isinstance(line, dict) and line.get("clientId") == thing_name:
                    yield from _refusal(line, int(event["timestamp"]))
            if not page.get("nextToken"):
                return
            asked["nextToken"] = page["nextToken"]


@dataclass
class Pages:
    """How many more may be asked for."""

    left: int

    def take(self) -> bool:
        """Whether there is one more."""
        self.left -= 1
        return self.left >= 0


def windows(since_ms: int, now_ms: int) -> Iterator[tuple[int, int | None]]:
    """First and last millisecond of each part of the time since then, the newest part first; that
    has no end, for a clock may be ahead of this one.
    """
    end, length = None, NEWEST_MS
    while True:
        start = max(since_ms, now_ms - length)
        yield start, end
        if start <= since_ms:
            return
        end, length = start - 1, length * FURTHER


def _refusal(line: Mapping[str, Any], logged_at: int) -> Iterator[Refusal]:
    verb = VERBS.get(str(line.get("eventType")))
    if verb is None or line.get("status") != "Failure":
        return
    resource = line.get("topicName") if verb != "connect" else line.get("clientId")
    reason = shown(line.get("reason", "UNKNOWN"))
    yield Refusal(
        logged_milliseconds(line.get("timestamp"), logged_at), verb, str(resource or ""), reason
    )
