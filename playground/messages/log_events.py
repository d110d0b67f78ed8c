"""Lines of a CloudWatch Logs group, and of one device among them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from common.jsontext import read_or_none

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
MOST_IN_A_PAGE = 10_000
THING_FIELDS = ("thing_name", "thingName")


def pattern_for(name: str) -> str:
    """The filter pattern for all lines that name the thing; a thing name needs no escaping inside
    the quotes.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
    """
    return "{ " + " || ".join(f'($.{field} = "{name}")' for field in THING_FIELDS) + " }"


def is_about(line: Mapping[str, Any], name: str) -> bool:
    """What the pattern says. The emulator takes a JSON pattern and lets every line through."""
    return any(line.get(field) == name for field in THING_FIELDS)


def events(
    client: "CloudWatchLogsClient", group: str, since: datetime, **which: Any
) -> Iterator[Mapping[str, Any]]:
    """Every event since then, page by page; none when there is no such group or stream (yet)."""
    start, asked, last = int(since.timestamp() * 1000), dict(which), set[str]()
    while True:
        try:
            page = client.filter_log_events(logGroupName=group, startTime=start, **asked)
        except client.exceptions.ResourceNotFoundException:
            return
        fresh = [event for event in page["events"] if identity(event) not in last]
        yield from fresh
        if page.get("nextToken"):
            asked["nextToken"] = page["nextToken"]
        elif len(page["events"]) >= MOST_IN_A_PAGE and fresh:
            # The emulator knows no pages: it leaves out what is beyond the limit.
            start = page["events"][-1]["timestamp"]
            last = {identity(event) for event in page["events"] if event["timestamp"] == start}
        else:
            return


def identity(event: Mapping[str, Any]) -> str:
    """The same for an event that is read twice. The emulator gives lines of functions no id."""
    return str(
        event.get("eventId") or (event.get("logStreamName"), event["timestamp"], event["message"])
    )


def parsed(message: str) -> dict[str, Any]:
    """A line's fields; of one that is no JSON object, the text as its message."""
    found = read_or_none(message)
    return found if isinstance(found, dict) else {"message": message.rstrip()}
