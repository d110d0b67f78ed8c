"""The emulator's own log as the log of AWS IoT: what is told, what is left alone, and nothing is
lost.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from detecting.finding import UNKNOWN
from playground.local.emulator_log import older
from playground.local.iot_log import MOST_AT_ONCE, STREAM, IotLog, entry_of, group
from tests.unit.sightings import LIMITS, Watch, logged, seen_in

REFUSED = (
    "2026-01-01 12:00:00 WARNING [iot_broker] IoT broker: PUBLISH from 'dev-A' "
    "to 'playground/forbidden/dev-A/telemetry' refused by the attached policies"
)
UNVERIFIED = (
    "2026-01-01 12:00:00 DEBUG [iot_mtls] IoT mTLS: TLS handshake failed: "
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired "
    "(_ssl.c:1000)"
)


class Logs:
    """CloudWatch Logs, which may be away, and refuses a stream that is there."""

    class exceptions:  # noqa: N801 - as in boto3
        class ResourceAlreadyExistsException(Exception): ...  # noqa: N818

    def __init__(self) -> None:
        self.calls: list[list[Any]] = []
        self.streams: list[tuple[str, str]] = []
        self.away = self.deleted = False

    def create_log_stream(self, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        if (logGroupName, logStreamName) in self.streams:
            raise self.exceptions.ResourceAlreadyExistsException
        self.streams.append((logGroupName, logStreamName))

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> None:  # noqa: N803
        assert (logGroupName, logStreamName) in self.streams
        if self.deleted:
            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": logGroupName}},
                "PutLogEvents",
            )
        if self.away:
            raise ConnectionError
        self.calls.append(list(logEvents))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(event["message"]) for call in self.calls for event in call]


GROUP = group("mine")


class Home:
    account = "111122223333"
    stack_name = "mine"

    def __init__(self) -> None:
        self.logs = Logs()

    def client(self, service: str) -> Logs:
        assert service == "logs"
        return self.logs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "emulator.log"
    path.write_text(f"{REFUSED}\n")
    return path


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def log(home: Home, path: Path) -> IotLog:
    return IotLog(home, path, lambda: datetime(2026, 1, 1, 12, 0, 0, 5_000, UTC))  # type: ignore[arg-type]


def say(path: Path, text: str) -> None:
    with path.open("a") as out:
        out.write(text)


def test_a_refused_message_is_told_in_the_form_of_aws(log: IotLog, path: Path, home: Home) -> None:
    # given what was there before
    log.deliver()
    assert home.logs.calls == []
    # when
    say(path, f"{REFUSED}\n")
    log.deliver()
    # then
    (told,) = home.logs.messages
    assert told.pop("traceId")
    assert told == {
        "timestamp": "2026-01-01 12:00:00.005",
        "logLevel": "ERROR",
        "accountId": "111122223333",
        "status": "Failure",
        "protocol": "MQTT",
        "eventType": "Publish-In",
        "clientId": "dev-A",
        "topicName": "playground/forbidden/dev-A/telemetry",
        "reason": "AUTHORIZATION_FAILURE",
        "details": "Authorization Failure",
    }
    assert home.logs.streams == [(GROUP, STREAM)]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (REFUSED, "forbidden-topic"),
        (
            REFUSED.replace(
                "playground/forbidden/dev-A/telemetry", "$aws/things/dev-B/shadow/update"
            ),
            "foreign-shadow",
        ),
        (REFUSED.replace("PUBLISH", "SUBSCRIBE"), "forbidden-topic"),
        (UNVERIFIED, "bad-certificate"),
    ],
)
def test_the_detector_understands_what_is_told(
    log: IotLog, path: Path, home: Home, line: str, rule: str
) -> None:
    say(path, f"{line}\n")
    log.deliver()
    assert [one.rule for one in seen_in(logged(*home.logs.messages))] == [rule]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "topic", ["$aws/certificates/create/json", "$aws/provisioning-templates/t/provision/json"]
)
def test_nobody_is_blamed_for_what_a_client_without_a_certificate_does(
    log: IotLog, path: Path, home: Home, topic: str
) -> None:
    # given: the one thing that it is refused, under the name of a device
    say(
        path,
        f"{REFUSED.replace('playground/forbidden/dev-A/telemetry', topic)}\n" * LIMITS.refusals,
    )
    log.deliver()
    # when
    judged = Watch(["dev-A"]).see(logged(*home.logs.messages))
    # then
    assert [(finding.thing_name, finding.rule) for finding in judged] == [
        (UNKNOWN, "forbidden-topic")
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        (
            "2026-01-01 12:00:00 INFO [iot_mtls] IoT mTLS: connection from ('127.0.0.1', 1) "
            "serving 1/us-east-1"
        ),
        UNVERIFIED.replace(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            "[SSL: UNEXPECTED_EOF] eof",
        ),
        REFUSED.replace("[iot_broker]", "[somebody]"),
        f"2026-01-01 12:00:00 INFO [hypercorn.access] GET /{REFUSED}",
        REFUSED.replace("from 'dev-A'", "from 'dev-B' says 'dev-A'"),
    ],
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert entry_of(line) is None


def test_a_topic_is_read_as_it_was_written() -> None:
    entry = entry_of(REFUSED.replace("'playground/forbidden/dev-A/telemetry'", '"it\'s\\n/x"'))
    assert entry is not None
    assert entry["topicName"] == "it's\n/x"


def test_half_a_line_waits_for_the_other_half(log: IotLog, path: Path, home: Home) -> None:
    say(path, REFUSED[:50])
    log.deliver()
    say(path, REFUSED[50:])
    log.deliver()
    assert home.logs.calls == []
    say(path, "\n")
    log.deliver()
    assert len(home.logs.messages) == 1


def test_a_file_that_begins_anew_is_followed_and_the_rest_of_the_old_one_read(
    log: IotLog, path: Path, home: Home
) -> None:
    first, second, third = (REFUSED.replace("dev-A", f"dev-{name}") for name in "BCD")
    say(path, f"{first}\n{second[:40]}")
    log.deliver()
    say(path, f"{second[40:]}\n")
    path.rename(older(path))
    say(path, f"{third}\n")
    log.deliver()
    say(path, f"{first}\n")
    log.deliver()
    assert [told["clientId"] for told in home.logs.messages] == ["dev-B", "dev-C", "dev-D", "dev-B"]


def test_nothing_is_lost_while_the_emulator_is_away(log: IotLog, path: Path, home: Home) -> None:
    say(path, f"{REFUSED}\n")
    home.logs.away = True
    with pytest.raises(ConnectionError):
        log.deliver()
    home.logs.away = False
    log.deliver()
    log.deliver()
    assert len(home.logs.messages) == 1


def test_what_nobody_takes_any_more_is_left(log: IotLog, path: Path, home: Home) -> None:
    """A log group that was deleted must not keep the agent from its other work."""
    say(path, f"{REFUSED}\n")
    home.logs.deleted = True
    log.deliver()
    home.logs.deleted = False
    log.deliver()
    say(path, f"{REFUSED}\n")
    log.deliver()
    assert len(home.logs.messages) == 1


def test_many_go_in_several_calls(log: IotLog, path: Path, home: Home) -> None:
    say(path, f"{REFUSED}\n" * (MOST_AT_ONCE + 1))
    log.deliver()
    assert [len(call) for call in home.logs.calls] == [MOST_AT_ONCE, 1]


def test_a_stream_that_is_there_is_used(log: IotLog, path: Path, home: Home) -> None:
    home.logs.streams.append((GROUP, STREAM))
    say(path, f"{REFUSED}\n")
    log.deliver()
    assert len(home.logs.messages) == 1


def test_without_a_log_there_is_nothing_to_tell(home: Home, tmp_path: Path) -> None:
    IotLog(home, tmp_path / "no.log").deliver()  # type: ignore[arg-type]
    assert home.logs.calls == []
