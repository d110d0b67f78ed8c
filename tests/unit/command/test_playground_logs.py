"""`playground logs`: one device's lines of all sources, in order, from CloudWatch Logs and Step
Functions.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from playground.errors import LogsError
from playground.line.app import app
from playground.messages import log_events, logs
from playground.messages.log_events import pattern_for
from playground.messages.logs import LogReader, Question, ago, insights_query
from playground.show.logs import record_text

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ARN = "arn:aws:states:us-east-1:111122223333:execution:stack-provision-device:one"
TASK = "arn:aws:ecs:us-east-1:111122223333:task/devices/t1"


class ResourceNotFoundException(ClientError):  # noqa: N818 - botocore's name
    pass


def line(second: float, thing: str | None = "lamp", **fields: Any) -> dict[str, Any]:
    at = NOW + timedelta(seconds=second)
    own = {
        "timestamp": at.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + "+0000",
        "level": "INFO",
        "message": "text",
    }
    return {
        **own,
        **({"thing_name": thing} if thing else {}),
        "execution_arn": ARN,
        "step": "CreateThing",
        **fields,
    }


def device_line(second: float, thing: str | None = "lamp", **fields: Any) -> dict[str, Any]:
    at = (NOW + timedelta(seconds=second)).isoformat()
    return {
        "time": at,
        "level": "INFO",
        "message": "connected",
        **({"thingName": thing} if thing else {}),
        **fields,
    }


@dataclass
class Cloud:
    """A home, and the services behind it, as far as logs need them."""

    groups: dict[str, list[tuple[str, Any]]] = field(
        default_factory=lambda: {"functions": [], "devices": []}
    )
    row: dict[str, str] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    kind: str = "aws"
    page: int = 2
    paged: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)
    stack_name: str = "stack"
    poll: float = 0.0

    exceptions = type("exceptions", (), {"ResourceNotFoundException": ResourceNotFoundException})

    def client(self, _service: str, _config: Any = None) -> "Cloud":
        return self

    def output(self, name: str) -> str:
        return {"FunctionLogGroupName": "functions", "DeviceLogGroupName": "devices"}.get(
            name, name
        )

    def say(self, group: str, said: Any, stream: str = "s") -> None:
        self.groups[group].append((stream, said))

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        streams = asked.get("logStreamNames")
        if streams and not any(
            stream in streams for stream, _ in self.groups[asked["logGroupName"]]
        ):
            raise ResourceNotFoundException(
                {"Error": {"Code": "ResourceNotFoundException"}}, "FilterLogEvents"
            )
        found = [
            {
                "logStreamName": stream,
                "timestamp": int(NOW.timestamp() * 1000) + number // 2,
                "message": said if isinstance(said, str) else json.dumps(said),
            }
            for number, (stream, said) in enumerate(self.groups[asked["logGroupName"]])
            if not streams or stream in streams
        ]
        found = [event for event in found if event["timestamp"] >= asked["startTime"]]
        start = int(asked.get("nextToken", 0))
        answer: dict[str, Any] = {"events": found[start : start + self.page]}
        if self.paged and start + self.page < len(found):
            answer["nextToken"] = str(start + self.page)
        return answer

    def get_item(self, **_: Any) -> dict[str, Any]:
        return (
            {"Item": {name: {"S": value} for name, value in self.row.items()}} if self.row else {}
        )

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        if not self.history:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": "SUCCEEDED"}

    def get_paginator(self, _operation: str) -> "Cloud":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"events": self.history}]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def reader(cloud: Cloud) -> LogReader:
    return LogReader(cloud)  # type: ignore[arg-type]


QUESTION = Question("lamp", NOW - timedelta(hours=1))


def test_lines_of_one_device_come_in_order_of_time(cloud: Cloud, reader: LogReader) -> None:
    # given
    cloud.say("functions", "START RequestId: 1")
    cloud.say("functions", line(5, message="second"))
    cloud.say("functions", line(1, message="first"))
    cloud.say("functions", line(2, thing="lamp-2", message="another's"))
    cloud.say("functions", line(2, _aws={}))
    cloud.say("devices", device_line(3))
    cloud.say("devices", device_line(3, thing="fan"))
    # when
    found = reader.read(QUESTION)
    # then
    assert [(record.source, record.message) for record in found] == [
        ("functions", "first"),
        ("devices", "connected"),
        ("functions", "second"),
    ]
    assert {asked["filterPattern"] for asked in cloud.asked} == {pattern_for("lamp")}


def test_what_the_device_says_before_it_knows_its_name_is_found_by_its_stream(
    cloud: Cloud, reader: LogReader
) -> None:
    cloud.row = {"task_arn": TASK}
    stream = "device/virtual-device/t1"
    cloud.say("devices", device_line(1, thing=None, message="refused"), stream)
    cloud.say("devices", "Traceback", stream)
    cloud.say("devices", device_line(2), stream)
    cloud.say(
        "devices",
        device_line(1, thing=None, message="of another's task"),
        "device/virtual-device/t2",
    )
    assert {record.message for record in reader.read(QUESTION)} == {
        "refused",
        "Traceback",
        "connected",
    }


def test_a_task_that_has_logged_nothing_yet_is_no_error(cloud: Cloud, reader: LogReader) -> None:
    cloud.row = {"task_arn": TASK}
    assert reader.read(QUESTION) == []


def test_the_executions_that_the_lines_name_tell_their_history(
    cloud: Cloud, reader: LogReader
) -> None:
    # given
    cloud.say("functions", line(1))
    cloud.history = [
        {"id": 1, "type": "ExecutionStarted", "timestamp": NOW},
        {"id": 2, "previousEventId": 1, "type": "TaskStateEntered", "timestamp": NOW,
         "stateEnteredEventDetails": {"name": "CreateThing"}},
        {"id": 3, "previousEventId": 2, "type": "TaskFailed", "timestamp": NOW,
         "taskFailedEventDetails": {"error": "ThingExists",
         "cause": '{"errorMessage": "it is taken"}'}},
        {"id": 4, "previousEventId": 3, "type": "ExecutionFailed", "timestamp": NOW,
         "executionFailedEventDetails": {"error": "ThingExists", "cause": "it is taken"}},
    ]  # fmt: skip
    # when
    found = [record for record in reader.read(QUESTION) if record.source == "workflows"]
    # then
    assert [record.message for record in found] == [
        "execution started",
        "CreateThing begins",
        "CreateThing failed: ThingExists: it is taken",
        "execution failed: ThingExists: it is taken",
    ]
    assert {record.origin for record in found} == {"provision-device"}
    assert [record.level for record in found] == ["INFO", "INFO", "ERROR", "ERROR"]
    assert {record.as_dict()["execution_arn"] for record in found} == {ARN}


def test_an_execution_that_is_forgotten_tells_nothing(cloud: Cloud, reader: LogReader) -> None:
    cloud.row = {"execution_arn": ARN}
    assert reader.read(QUESTION) == []


def test_all_pages_are_read_also_where_there_are_none(
    cloud: Cloud, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        cloud.say("functions", line(number, message=str(number)))
    assert len(reader.read(QUESTION)) == 25
    # the emulator: no token, and at most so many
    cloud.paged, cloud.page = False, 5
    monkeypatch.setattr(log_events, "MOST_IN_A_PAGE", 5)
    assert [record.message for record in reader.read(QUESTION)] == [
        str(number) for number in range(25)
    ]


def test_sources_and_text_narrow_it_down(cloud: Cloud, reader: LogReader) -> None:
    cloud.say("functions", line(1, message="Thing created"))
    cloud.say("functions", line(2, reason="no THING left"))
    cloud.say("devices", device_line(3))
    cloud.history = [{"id": 1, "type": "ExecutionStarted", "timestamp": NOW}]

    def sources(**narrow: Any) -> list[str]:
        question = Question("lamp", QUESTION.since, **narrow)
        return [record.source for record in reader.read(question)]

    assert sources(sources=frozenset({"devices"})) == ["devices"]
    assert sources(sources=frozenset({"workflows"})) == ["workflows"]
    assert sources(text="no thing") == ["functions"]


def test_following_tells_every_line_once(
    cloud: Cloud, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a new line with every look, whose own time is long before that of its arrival
    later = iter(range(1, 10))
    days = -2 * 24 * 3600
    cloud.say("devices", device_line(days, message="0"))
    monkeypatch.setattr(
        "playground.messages.logs.time.sleep",
        lambda _: cloud.say("devices", device_line(days, message=str(next(later)))),
    )
    monkeypatch.setattr(logs, "OVERLAP", datetime.now(UTC) - NOW + timedelta(days=1))
    # when
    found = list(islice(reader.follow(QUESTION), 5))
    # then
    assert [record.message for record in found] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172800)]
)
def test_since(text: str, seconds: int) -> None:
    assert ago(text, NOW) == NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1w", "1.5h"])
def test_since_when_is_refused(text: str) -> None:
    with pytest.raises(LogsError, match="--since"):
        ago(text)


@pytest.mark.parametrize("name", ["", 'x" || $.a = "*', "a b", "x" * 129])
def test_a_name_that_is_none_is_refused_before_it_gets_into_a_pattern(name: str) -> None:
    with pytest.raises(LogsError, match="NAME"):
        Question(name, NOW)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(LogsError, match="--source"):
        Question("lamp", NOW, frozenset({"files"}))


def test_a_line_shows_what_it_says_and_no_noise(cloud: Cloud, reader: LogReader) -> None:
    cloud.say(
        "functions",
        line(1, level="WARNING", message="failed", reason="it is taken", cold_start=True),
    )
    (record,) = reader.read(QUESTION)
    shown = record_text(record).plain
    assert shown.split(" ", 1)[1] == f"{'CreateThing':<20} WARNING failed reason=it is taken"


def test_the_insights_query_is_printed_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = CliRunner().invoke(app, ["logs", "lamp:1", "--insights"])
    assert answer.exit_code == 0
    assert answer.stdout.strip() == insights_query("lamp:1")
    assert "thing_name = 'lamp:1' or thingName = 'lamp:1'" in answer.stdout
