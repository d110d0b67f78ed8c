"""The agent's log shipper: what devices write to their files comes to CloudWatch Logs, and nobody
waits for it.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from playground.home.paths import Paths
from playground.local import shipping
from playground.local.log_files import device_log
from playground.local.shipping import LogShipper, events_of
from virtual_device.base.log import JsonLines, hosting

STREAM = "device/virtual-device/t1"


class ResourceAlreadyExistsException(ClientError):  # noqa: N818 - botocore's name
    pass


def refused(code: str, kind: type[ClientError] = ClientError) -> ClientError:
    return kind({"Error": {"Code": code, "Message": "no"}}, "PutLogEvents")


@dataclass
class Logs:
    """CloudWatch Logs, as far as the shipper needs it."""

    failure: Exception | None = None
    streams: dict[str, list[Any]] = field(default_factory=dict)
    calls: int = 0

    exceptions = type(
        "exceptions", (), {"ResourceAlreadyExistsException": ResourceAlreadyExistsException}
    )

    def create_log_stream(self, logStreamName: str, **_: Any) -> None:  # noqa: N803
        if logStreamName in self.streams:
            raise refused("ResourceAlreadyExistsException", ResourceAlreadyExistsException)
        self.streams[logStreamName] = []

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> None:  # noqa: N803
        self.calls += 1
        if self.failure:
            raise self.failure
        assert logGroupName == "devices"
        times = [event["timestamp"] for event in logEvents]
        assert times == sorted(times)
        self.streams[logStreamName] += [event["message"] for event in logEvents]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path)
    found.make()
    return found


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def shipper(logs: Logs, paths: Paths) -> LogShipper:
    return LogShipper(logs, "devices", paths)  # type: ignore[arg-type]


def write(paths: Paths, text: str, task_id: str = "t1") -> None:
    with device_log(paths, task_id).open("a") as file:
        file.write(text)


def test_each_line_arrives_once_and_whole(shipper: LogShipper, logs: Logs, paths: Paths) -> None:
    shipper.watch("t1")
    write(paths, "one\ntwo\nhal")
    assert shipper.ship() == 1
    assert logs.streams == {STREAM: ["one", "two"]}
    write(paths, "f\n")
    shipper.ship()
    assert shipper.ship() == 0
    assert logs.streams == {STREAM: ["one", "two", "half"]}


def test_of_a_task_that_is_over_the_rest_arrives_and_nothing_is_kept(
    shipper: LogShipper, logs: Logs, paths: Paths
) -> None:
    shipper.watch("t1")
    write(paths, "one\nlast words")
    shipper.forget("t1")
    while shipper.ship():
        pass
    assert logs.streams == {STREAM: ["one", "last words"]}
    assert shipper.sources == {}


def test_a_device_that_is_started_again_goes_on_in_its_stream(
    shipper: LogShipper, logs: Logs, paths: Paths
) -> None:
    write(paths, "of an agent before\n")
    logs.streams[STREAM] = ["of an agent before"]
    shipper.watch("t1")
    shipper.watch("t1")
    write(paths, "again\n")
    shipper.ship()
    assert logs.streams == {STREAM: ["of an agent before", "again"]}


def test_lines_wait_in_the_file_while_nobody_answers_which_is_told_once(
    shipper: LogShipper, logs: Logs, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    shipper.watch("t1")
    write(paths, "one\n")
    logs.failure = EndpointConnectionError(endpoint_url="http://127.0.0.1")
    assert [shipper.ship(), shipper.ship()] == [0, 0]
    logs.failure = None
    shipper.ship()
    assert logs.streams == {STREAM: ["one"]}
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "logs of devices wait in their files"
    ]


def test_what_is_refused_is_left_out_and_told_once(
    shipper: LogShipper, logs: Logs, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    shipper.watch("t1")
    logs.failure = refused("ResourceNotFoundException")
    for text in ("one\n", "two\n"):
        write(paths, text)
        shipper.ship()
    logs.failure = None
    write(paths, "three\n")
    shipper.ship()
    assert logs.streams == {STREAM: ["three"]}
    assert len(caplog.records) == 1


def test_much_is_sent_in_bounded_pieces(
    shipper: LogShipper, logs: Logs, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "PIECE", 64)
    shipper.watch("t1")
    lines = [f"line {number}" for number in range(100)]
    write(paths, "\n".join([*lines, "x" * 100, "end"]) + "\n")
    while shipper.ship():
        pass
    found = logs.streams[STREAM]
    assert found[:100] == lines
    assert "".join(found[100:]) == "x" * 100 + "end"
    assert logs.calls > 10


def test_nobody_has_to_wait_for_ever_behind_the_others(
    shipper: LogShipper, logs: Logs, paths: Paths
) -> None:
    for number in range(5):
        shipper.watch(f"t{number}")
        write(paths, "one\n", f"t{number}")
    for _ in range(3):
        for number in range(5):
            write(paths, "more\n", f"t{number}")
        assert shipper.ship(most=2) == 2
    assert len(logs.streams) == 5


def test_a_thread_of_its_own_ships_and_ends(
    shipper: LogShipper, logs: Logs, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipper.start()
    shipper.watch("t1")
    write(paths, "one\n")
    shipper.stop()
    assert shipper._thread is not None
    assert not shipper._thread.is_alive()
    assert logs.streams == {STREAM: ["one"]}


def test_an_event_has_the_time_of_its_line() -> None:
    lines = [
        '{"time": "2026-01-02T03:04:05.678Z", "message": "b"}',
        "Traceback",
        '{"time": "2026-01-02T03:04:04Z", "message": "a"}',
        '{"time": 5}',
        "",
    ]
    found = list(events_of("\n".join(lines).encode()))
    assert [event["timestamp"] for event in found] == [
        1767323044000,
        1767323044000,
        1767323045678,
        1767323045678,
    ]
    assert [event["message"] for event in found] == [lines[2], lines[3], lines[0], lines[1]]


def test_every_line_of_a_process_with_one_device_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])

    def logged(area: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            handler.format(logging.LogRecord(area, 20, "", 0, "text", (), None))
        )
        return found

    hosting(["lamp"])
    assert logged("virtual_device.host")["thingName"] == "lamp"
    hosting(["lamp", "fan"])
    assert "thingName" not in logged("virtual_device.host")
    assert logged("thing.fan")["thingName"] == "fan"
