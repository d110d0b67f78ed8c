"""The real device on a stage: network, files and time are the test's. A wait of an hour takes no
time at all.
"""

import heapq
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from tests.device.stage_jobs import StageJobs
from tests.jobs_double import Execution, Jobs
from tests.shadow_double import Answer, Shadow
from virtual_device.base.clock import Now
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.base.log import THINGS
from virtual_device.base.reactor import Timer
from virtual_device.base.workers import Workers
from virtual_device.connection.mqtt import Network
from virtual_device.connection.transport import Access, Done, Failure, Listener, Message
from virtual_device.core.shared import Shared
from virtual_device.device import Device
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.store import FIRMWARE_FILE, Enrolment, Store
from virtual_device.telemetry.model import Model
from virtual_device.telemetry.thing import Thing

NOON = 1_767_268_800.0
NAME = "dev-STAGE"
PREFIX = f"$aws/things/{NAME}/shadow"
JOBS = f"$aws/things/{NAME}/jobs"


class MemoryStore:
    """The state directory in memory."""

    def __init__(self) -> None:
        self.settings: JsonObject | None = None
        self.firmware: JsonObject | None = None

    def load_document(self, _thing_name: str, name: str) -> JsonObject | None:
        """What was saved last."""
        return self.firmware if name == FIRMWARE_FILE else None

    def save_document(self, _thing_name: str, _name: str, document: JsonObject) -> None:
        """Save the firmware: nothing else is kept on the stage."""
        self.firmware = json.loads(json.dumps(document))

    def load_settings(self, _thing_name: str) -> JsonObject | None:
        """What was saved last."""
        return self.settings

    def save_settings(self, _thing_name: str, settings: JsonObject) -> None:
        """Save."""
        self.settings = dict(settings)


class Stage:
    """One device. It is its reactor, its network and its connection as well, so that nothing
    happens unseen.
    """

    def __init__(self, device_type: str = "bulb", store: Any = None) -> None:
        self.shadow = Shadow()
        self.jobs = Jobs()
        self.thing = Thing(NAME, device_type)
        self.now = Now(NOON, 1000.0)
        self.sent: list[tuple[str, bytes]] = []
        self.inbox: list[tuple[str, bytes]] = []
        """Messages on their way to the device; `run` delivers them."""
        self.log: list[tuple[int, str, dict[str, Any]]] = []
        self.connected = False
        self.refusing: set[str] = set()
        """Topics that the server refuses messages on."""
        self.losing: set[str] = set()
        """Topics that messages are lost on, with the connection."""
        self.reactor = self
        self._store = store or MemoryStore()
        self._calls: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self.switch_on()

    # --- what a test does

    def switch_on(self) -> None:
        """Start the device, anew if it was on; what it had in mind is lost, what it had saved is
        not.
        """
        self.connected = False
        self._calls.clear()
        self._timers.clear()
        self.inbox.clear()
        environment, store, network = (
            Environment(Path("/nowhere")),
            cast("Store", self._store),
            cast("Network", self),
        )
        shared = Shared(environment, b"", store, network, lambda: self.now, cast("Workers", self))
        config = Config(self.thing, "localhost", 8883)
        self._device = Device(Enrolment(config, Identity("0" * 64, "", "")), shared)

    def connect(self) -> None:
        """The network is there: the device connects."""
        self.connected = True
        self._calls.append(lambda: self._listener.on_connected(session_present=False))
        self.run()

    def lose_connection(self) -> None:
        """The network is gone, and with it all that was on its way."""
        self.connected = False
        self.inbox.clear()
        self._calls.append(lambda: self._listener.on_disconnected("gone"))
        self.run(deliver=False)

    def app(self, **desired: Any) -> None:
        """Someone changes `desired`; the answers are on their way."""
        self._mail(self.shadow.update({"state": {"desired": desired}}))

    def create_job(self, document: Any) -> Execution:
        """Someone makes a job; the notification is on its way."""
        execution, notifications = self.jobs.create(document)
        self.mail_jobs(notifications)
        return execution

    def deliver(self, kind: str, payload: bytes) -> None:
        """The device gets this message, whatever it is."""
        self._listener.on_message(Message(f"{PREFIX}/{kind}", payload))
        self.run()

    def deliver_next(self) -> None:
        """The device gets the message that has waited longest."""
        if self.inbox:
            self._listener.on_message(Message(*self.inbox.pop(0)))
        self.run(deliver=False)

    def run(self, *, deliver: bool = True) -> None:
        """Until nothing is left to do; it must come to an end."""
        for _ in range(2_000):
            if self._calls:
                self._calls.pop(0)()
            elif deliver and self.inbox:
                self._listener.on_message(Message(*self.inbox.pop(0)))
            else:
                return
        raise AssertionError("the device and its shadow never come to rest")

    def step(self) -> None:
        """The next thing that happens: a call, a message that arrives, a timer that fires."""
        if self._calls:
            self._calls.pop(0)()
        elif self.inbox:
            self._listener.on_message(Message(*self.inbox.pop(0)))
        elif self._timers:
            self._move_to(self._timers[0][0])
            heapq.heappop(self._timers)[2].fire()

    def restart(self, model: Model | None) -> list[Failure | None]:
        """Have the device start anew with this model; what it tells of that is in the list as soon
        as it is told.
        """
        told: list[Failure | None] = []
        self._device.restart(model, told.append)
        self.run()
        return told

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now.mono + seconds
        while self._timers and self._timers[0][0] <= end:
            self._move_to(self._timers[0][0])
            heapq.heappop(self._timers)[2].fire()
            self.run()
        self._move_to(end)

    def jump(self, seconds: float) -> None:
        """Someone sets the clock on the wall."""
        self.now = Now(self.now.wall + seconds, self.now.mono)

    def published(self, topic: str) -> list[dict[str, Any]]:
        """What the device has published there."""
        return [json.loads(payload) for where, payload in self.sent if where == topic]

    @property
    def settings(self) -> dict[str, Any]:
        """What the device says it runs with."""
        return {key: value for key, value in self.shadow.reported.items() if key != "rejected"}

    @property
    def rejected(self) -> dict[str, Any]:
        """What the device says it refuses."""
        rejected: dict[str, Any] = self.shadow.reported.get("rejected", {})
        return rejected

    # --- reactor

    def post(self, call: Callable[[], None]) -> None:
        """Soon."""
        self._calls.append(call)

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Later."""
        timer = Timer(call)
        heapq.heappush(self._timers, (self.now.mono + seconds, next(self._order), timer))
        return timer

    # --- workers

    def submit(self, call: Callable[[], Any], done: Callable[[Future[Any]], None]) -> None:
        """Soon, too."""
        self.post(partial(carry_out, call, done))

    # --- network and connection

    def connection(self, _access: Access, listener: Listener) -> "Stage":
        """There is only one."""
        self._listener = listener
        return self

    def start(self) -> None:
        """Connect: at once."""
        self.connected = True
        self.post(lambda: self._listener.on_connected(session_present=False))

    def stop(self, *, goodbye: bool) -> None:
        """Disconnect."""
        del goodbye
        self.connected = False
        self.inbox.clear()
        self.post(lambda: self._listener.on_disconnected("stopped"))
        self.post(self._listener.on_stopped)

    def discard(self) -> None:
        """There is nothing to give back."""

    def subscribe(self, _filters: Sequence[str], done: Done) -> None:
        """Subscribed."""
        self.post(lambda: done(None))

    def unsubscribe(self, _filters: Sequence[str]) -> None:
        """Unsubscribed."""

    def publish(
        self, topic: str, payload: bytes, done: Done, _correlation_data: bytes | None = None
    ) -> None:
        """The server takes it, and answers where it is a request to the shadow."""
        if not self.connected:
            self.post(lambda: done(Failure("no connection", refused=False)))
            return
        self.sent.append((topic, payload))
        if topic in self.refusing:
            self.post(lambda: done(Failure("NOT_AUTHORIZED (135)", refused=True, code=135)))
            return
        if topic in self.losing:
            self.connected = False
            self.inbox.clear()
            self.post(lambda: self._listener.on_disconnected("gone"))
            self.post(lambda: done(Failure("gone", refused=False)))
            return
        self.post(lambda: done(None))
        if topic.startswith(PREFIX):
            self._mail(getattr(self.shadow, topic.rpartition("/")[2])(json.loads(payload)))
        elif topic.startswith(JOBS):
            self.mail_jobs(self.jobs.request(topic.removeprefix(f"{JOBS}/"), json.loads(payload)))

    def open_jobs(self, _thing_name: str) -> StageJobs:
        """A client of the jobs service."""
        return StageJobs(self)

    def mail_jobs(self, answers: list[Answer]) -> None:
        """Answers and notifications of the jobs service, on their way."""
        self.inbox += [
            (f"{JOBS}/{path}", json.dumps(content).encode()) for path, content in answers
        ]

    def _mail(self, answers: list[Answer]) -> None:
        self.inbox += [
            (f"{PREFIX}/{kind}", json.dumps(content).encode()) for kind, content in answers
        ]

    def _move_to(self, mono: float) -> None:
        self.now = Now(self.now.wall + mono - self.now.mono, mono)


def carry_out(call: Callable[[], Any], done: Callable[[Future[Any]], None]) -> None:
    """Make a call, and tell the outcome."""
    outcome: Future[Any] = Future()
    try:
        outcome.set_result(call())
    except Exception as error:  # noqa: BLE001 - as the device's workers do
        outcome.set_exception(error)
    done(outcome)


class _Ear(logging.Handler):
    def __init__(self, log: list[tuple[int, str, dict[str, Any]]]) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.append((record.levelno, record.getMessage(), getattr(record, "data", {})))


@contextmanager
def stage(device_type: str = "bulb", store: Any = None) -> Iterator[Stage]:
    """A device that has just been switched on, and what it logs."""
    found = Stage(device_type, store)
    ear, logger = _Ear(found.log), logging.getLogger(f"{THINGS}.{NAME}")
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    try:
        yield found
    finally:
        logger.removeHandler(ear)
