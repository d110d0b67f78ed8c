"""Devices' logs into CloudWatch Logs, as ECS's awslogs driver brings them there on AWS.

A thread of its own reads the files that the devices write to, a bounded piece at a time: nothing is
kept in memory, and nobody waits for it. What CloudWatch Logs refuses is left out and told of once;
the files have it all.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from common.jsontext import read
from playground.devices.task_names import stream_of
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.local import log_files
from playground.local.log_files import device_log

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

log = logging.getLogger("agent")

INTERVAL = 1.0
TIDY_SECONDS = 60.0
# Between two intervals, so that a thousand devices which start at once do not take the machine.
MOST_STREAMS = 20
# Bytes read, and so held, at a time. PutLogEvents takes 1 MB, with 26 bytes for each of at most
# 10,000 events.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
PIECE = 256 * 1024
MOST_EVENTS = 5_000
END_LIMIT = 2.0
IMPATIENT = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})


@dataclass
class Source:
    """One device's file, and how far it was read. `over`: the device writes no more."""

    file: Path
    stream: str
    offset: int = 0
    there: bool = False
    over: bool = False


@dataclass
class LogShipper:
    """`watch` and `forget` may be called from any thread, and return at once."""

    client: "CloudWatchLogsClient"
    group: str
    paths: Paths
    sources: dict[str, Source] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(
        default_factory=threading.Lock
    )  # never held while anything is read or sent
    _thread: threading.Thread | None = None

    @classmethod
    def of(cls, home: Home, paths: Paths) -> "LogShipper":
        """The one of this home's stack."""
        return cls(home.client("logs", IMPATIENT), home.output("DeviceLogGroupName"), paths)

    def watch(self, task_id: str) -> None:
        """Ship what the task's device writes from now on."""
        file = device_log(self.paths, task_id)
        try:
            offset = file.stat().st_size
        except FileNotFoundError:
            offset = 0
        with self._lock:
            source = self.sources.setdefault(task_id, Source(file, stream_of(task_id), offset))
            source.over = False

    def forget(self, task_id: str) -> None:
        """The task is over: ship what is left, and no more."""
        with self._lock:
            if task_id in self.sources:
                self.sources[task_id].over = True

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="log-shipper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ship what is there, for at most two seconds."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(END_LIMIT)

    def ship(self, most: int = MOST_STREAMS) -> int:
        """One round, over at most so many streams that have something new; gives how many had."""
        busy = 0
        with self._lock:
            waiting = list(self.sources.items())
        for task_id, source in waiting:
            if busy >= most:
                break
            try:
                piece = _next_piece(source)
            except OSError as error:
                self._tell(f"logs of devices wait in their files, which can't be read: {error}")
                break
            if piece and not self._deliver(source, piece):
                break  # Nobody answers: the rest can wait in its files.
            busy += bool(piece)
            source.offset += len(piece)
            too_long = source.offset > log_files.MOST_BYTES
            if too_long and log_files.turn_over(source.file, read=source.offset):
                source.offset = 0
            with self._lock:
                # Whoever had its turn waits behind the others.
                del self.sources[task_id]
                if piece or not source.over:
                    self.sources[task_id] = source
        return busy

    def tidy(self) -> None:
        """See to it that logs do not grow for ever; what fails now is done the next time."""
        with self._lock:
            running = set(self.sources)
        try:
            # Of an agent that was started again not all are watched yet.
            running |= {state_dir.name for state_dir in self.paths.devices.iterdir()}
            log_files.turn_over(self.paths.logs / "agent.log")
            log_files.prune(self.paths, running)
        except OSError as error:
            self._tell(f"logs can't be pruned: {error}")

    def _run(self) -> None:
        tidied = time.monotonic() - TIDY_SECONDS
        while not self._ended.wait(INTERVAL):
            self.ship()
            if time.monotonic() - tidied >= TIDY_SECONDS:
                tidied = time.monotonic()
                self.tidy()
        deadline = time.monotonic() + END_LIMIT
        while self.ship() and time.monotonic() < deadline:
            pass

    def _deliver(self, source: Source, piece: bytes) -> bool:
        """False when there is no answer; refused events are done with."""
        events = list(events_of(piece))
        try:
            if not source.there:
                self._make_stream(source.stream)
                source.there = True
            for start in range(0, len(events), MOST_EVENTS):
                self.client.put_log_events(
                    logGroupName=self.group,
                    logStreamName=source.stream,
                    logEvents=events[start : start + MOST_EVENTS],  # type: ignore[arg-type]
                )
        except ClientError as error:
            self._tell(f"logs of devices are left out of {self.group}: {error}")
        except (BotoCoreError, OSError) as error:
            self._tell(f"logs of devices wait in their files: {error}")
            return False
        return True

    def _make_stream(self, stream: str) -> None:
        try:
            self.client.create_log_stream(logGroupName=self.group, logStreamName=stream)
        except self.client.exceptions.ResourceAlreadyExistsException:
            return

    def _tell(self, text: str) -> None:
        kind = text.partition(":")[0]
        if kind not in self.told:
            self.told.add(kind)
            log.warning("%s", text)


def _next_piece(source: Source) -> bytes:
    """Whole lines, at most PIECE bytes; of a longer line, and of one that nobody will end, what
    there is.

    Raises OSError when the file is there and can't be read: then that is not the end of it.
    """
    try:
        with source.file.open("rb") as file:
            file.seek(source.offset)
            found = file.read(PIECE)
    except FileNotFoundError:
        return b""
    whole = found[: found.rfind(b"\n") + 1]
    return whole or (found if source.over or len(found) == PIECE else b"")


def events_of(piece: bytes) -> Iterator[Mapping[str, Any]]:
    """A line each, in order of time as PutLogEvents demands; a line that says no time is as old as
    the one before.
    """
    at = int(time.time() * 1000)
    events = []
    for line in piece.decode(errors="replace").splitlines():
        if line.strip():
            at = _time_of(line) or at
            events.append({"timestamp": at, "message": line})
    yield from sorted(events, key=lambda event: event["timestamp"])  # type: ignore[arg-type, return-value]


def _time_of(line: str) -> int | None:
    """Milliseconds since 1970 of a device's line."""
    try:
        return int(datetime.fromisoformat(read(line)["time"]).timestamp() * 1000)
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
