"""What functions, workflows and the device itself say of one device, in order of time. The same
calls in both homes.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from common.identifiers import host_of
from playground.devices.task_names import stream_of, task_id_of
from playground.errors import LogsError
from playground.home.homes import Home
from playground.messages.log_events import events, identity, is_about, parsed, pattern_for
from playground.messages.log_workflows import Executions

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_logs import CloudWatchLogsClient

SOURCES = ("functions", "workflows", "devices")
THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# FilterLogEvents: 25 requests a second and account in the large regions, 5 in others.
PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
# A line may come to CloudWatch Logs later than a younger one: so far back every look of `follow`
# begins.
OVERLAP = timedelta(seconds=30)
FOLLOW_SECONDS = 2.0
# Where the columns of a record come from; metrics say nothing that a line does not.
OWN_FIELDS = {"timestamp", "time", "level", "message", "step"}
METRICS_FIELD = "_aws"
# Any line may say any time: one at the ends of the calendar is in no other time zone.
FIRST_YEAR, LAST_YEAR = 1, 9999
# Attributes of a catalog row that name an execution.
OF_EXECUTIONS = ("execution_arn", "deprovisioning", "restarting", "restarted_by")


@dataclass(frozen=True)
class Record:
    """One line. `origin`: the function's step, the workflow, or `device`."""

    at: datetime
    source: str
    origin: str
    level: str
    message: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    """The same for a line that is read twice."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {
            "time": _iso(self.at),
            "source": self.source,
            "origin": self.origin,
            "level": self.level,
        }
        return {**own, "message": self.message, **self.fields}


@dataclass(frozen=True)
class Question:
    """Which lines: of this thing, since then, from these sources, with this text in them (case
    counts for nothing).
    """

    name: str
    since: datetime
    sources: frozenset[str] = frozenset(SOURCES)
    text: str = ""

    def __post_init__(self) -> None:
        if not THING_NAME.fullmatch(self.name):
            raise LogsError(
                f"NAME: a thing name must match {THING_NAME.pattern}, got {self.name!r}"
            )
        for source in sorted(self.sources - set(SOURCES)):
            raise LogsError(f"--source: must be one of {', '.join(SOURCES)}, got {source}")

    def wants(self, record: Record) -> bool:
        """Whether the text is in it."""
        return self.text.lower() in str(record.as_dict()).lower()


def ago(text: str, now: datetime | None = None) -> datetime:
    """The moment so long ago: `90s`, `15m`, `1h`, `2d`. Raises LogsError."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not found:
        raise LogsError(f"--since: must be a number with s, m, h or d, such as 15m; got {text!r}")
    try:
        return (now or datetime.now(UTC)) - timedelta(**{UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise LogsError(f"--since: must not lie before the year 1; got {text!r}") from None


@dataclass
class LogReader:
    """Reads the logs of one home's stack."""

    home: Home

    def __post_init__(self) -> None:
        self._logs: CloudWatchLogsClient = self.home.client("logs", PATIENT)
        self._executions = Executions(self.home)

    def read(self, question: Question) -> list[Record]:
        """All lines, the oldest first."""
        row = self._row(question.name)
        found: list[Record] = []
        # The functions' lines tell which executions there were.
        functions = [] if question.sources == {"devices"} else list(self._of_functions(question))
        if "functions" in question.sources:
            found += functions
        if "workflows" in question.sources:
            found += self._of_workflows(question, functions, row)
        if "devices" in question.sources:
            found += self._of_device(question, row)
        return sorted(
            (record for record in found if question.wants(record)), key=lambda record: record.at
        )

    def follow(self, question: Question) -> Iterator[Record]:
        """All lines, then those that come, for ever."""
        seen: set[str] = set()
        while True:
            looked = datetime.now(UTC)
            found = self.read(question)
            yield from (record for record in found if record.key not in seen)
            # What a look no longer finds, no later one does: each begins later than the one before.
            seen = {record.key for record in found}
            since = max(question.since, looked - OVERLAP)
            question = Question(question.name, since, question.sources, question.text)
            time.sleep(max(self.home.poll, FOLLOW_SECONDS))

    def _of_functions(self, question: Question) -> Iterator[Record]:
        group = self.home.output("FunctionLogGroupName")
        for event in events(
            self._logs, group, question.since, filterPattern=pattern_for(question.name)
        ):
            line = parsed(event["message"])
            if is_about(line, question.name) and METRICS_FIELD not in line:
                yield _record("functions", str(line.get("step", "function")), event, line)

    def _of_device(self, question: Question, row: Mapping[str, str]) -> Iterator[Record]:
        group = self.home.output("DeviceLogGroupName")
        for event in events(
            self._logs, group, question.since, filterPattern=pattern_for(question.name)
        ):
            line = parsed(event["message"])
            if is_about(line, question.name):
                yield _record("devices", "device", event, line)
        if "task_arn" in row and not host_of(row["task_arn"]):
            # What it says before it knows its name, and a traceback: all in its stream is of this
            # device.
            stream = stream_of(task_id_of(row["task_arn"]))
            for event in events(self._logs, group, question.since, logStreamNames=[stream]):
                line = parsed(event["message"])
                if "thingName" not in line:
                    yield _record("devices", "device", event, line)

    def _of_workflows(
        self, question: Question, functions: Sequence[Record], row: Mapping[str, str]
    ) -> Iterator[Record]:
        named = {str(record.fields.get("execution_arn")) for record in functions}
        named |= {row[name] for name in OF_EXECUTIONS if name in row}
        for arn in sorted(arn for arn in named if ":execution:" in arn):
            for happening in self._executions.happenings(arn):
                if happening.at >= question.since:
                    level = "ERROR" if happening.failed else "INFO"
                    origin = arn.split(":")[-2].removeprefix(f"{self.home.stack_name}-")
                    fields = {"execution_arn": arn}
                    key = f"{arn} {happening.number}"
                    yield Record(
                        happening.at, "workflows", origin, level, happening.text, fields, key
                    )

    def _row(self, name: str) -> dict[str, str]:
        client: DynamoDBClient = self.home.client("dynamodb")
        table = self.home.output("DeviceCatalogTableName")
        item = client.get_item(TableName=table, Key={"thing_name": {"S": name}}).get("Item", {})
        return {attribute: value["S"] for attribute, value in item.items() if "S" in value}


def insights_query(name: str) -> str:
    """The same for CloudWatch Logs Insights, over the groups of functions and devices."""
    return (
        "fields @timestamp, coalesce(step, 'device') as origin, level, message, error, reason\n"
        f"| filter thing_name = '{name}' or thingName = '{name}'\n"
        "| sort @timestamp asc\n"
        "| limit 10000"
    )


def _record(source: str, origin: str, event: Mapping[str, Any], line: Mapping[str, Any]) -> Record:
    fields = {name: value for name, value in line.items() if name not in OWN_FIELDS}
    level, message = str(line.get("level", "INFO")), str(line.get("message", ""))
    return Record(_time_of(event, line), source, origin, level, message, fields, identity(event))


def _time_of(event: Mapping[str, Any], line: Mapping[str, Any]) -> datetime:
    """What the line says: the emulator gives all lines of an invocation the time of its end."""
    for name in ("timestamp", "time"):
        try:
            at = datetime.fromisoformat(line[name])
        except (KeyError, ValueError, TypeError):
            continue
        if at.tzinfo is not None and FIRST_YEAR < at.year < LAST_YEAR:
            return at
    return datetime.fromtimestamp(event["timestamp"] / 1000, UTC)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
