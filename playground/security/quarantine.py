"""Quarantine and release of a device, started and followed from here."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from playground.devices.devices import Devices
from playground.devices.executions import Execution, Outcome
from playground.devices.history import Step, steps_of
from playground.devices.workflows import RELEASE, Workflow
from playground.errors import UnknownDeviceError, WorkflowError
from playground.home.homes import Home
from playground.messages.watch import Message, workflow_topic

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

QUARANTINE = "QuarantineDeviceStateMachineArn"

NAMED_BY = ("quarantined_by", "releasing", "released_by")
"""Attributes of a device's row that name an execution of one of the two."""

Show = Callable[[Sequence[Step]], None]


def quarantine(
    home: Home, name: str, reason: str, show: Show, verdict: Mapping[str, Any] | None = None
) -> Outcome:
    """Confine a device. Raises UnknownDeviceError."""
    Devices(home).row(name)
    asked: dict[str, Any] = {"thingName": name, "reason": reason}
    return Workflow(home, QUARANTINE).run(asked | ({"verdict": verdict} if verdict else {}), show)


def release(home: Home, name: str, show: Show, *, force: bool = False) -> Outcome:
    """Let a device out, by force without its help. Raises UnknownDeviceError."""
    Devices(home).row(name)
    return Workflow(home, RELEASE).run(
        {"thingName": name} | ({"force": True} if force else {}), show
    )


@contextmanager
def following(home: Home, names: Iterable[str], tell: Callable[[Message], None]) -> Iterator[None]:
    """Within the block, `tell` hears of each step of each quarantine and release of the devices, on
    other threads.
    """
    stop = threading.Event()
    followers = [Follower(home, name, tell, stop) for name in dict.fromkeys(names)]
    for follower in followers:
        # Those that are named already are over, or were begun before anybody looked.
        follower.look(told=False)
    threads = [threading.Thread(target=follower.run, daemon=True) for follower in followers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@dataclass
class Follower:
    """Goes by the device's row, which names the executions that work on it."""

    home: Home
    name: str
    tell: Callable[[Message], None]
    stop: threading.Event = field(default_factory=threading.Event)
    known: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Until it is stopped."""
        while not self.stop.wait(max(self.home.poll, 0.2)):
            # Whoever watches is told of a home that has gone by the connection; the next look may
            # go well.
            with suppress(BotoCoreError, ClientError):
                self.look(told=True)

    def look(self, *, told: bool) -> None:
        """Follow what has begun since the last look."""
        try:
            row = Devices(self.home).row(self.name)
        except UnknownDeviceError:
            return
        for arn in [
            str(row[name]) for name in NAMED_BY if name in row and row[name] not in self.known
        ]:
            self.known.add(arn)
            if told:
                self._follow(arn)

    def _follow(self, execution: str) -> None:
        client: SFNClient = self.home.client("stepfunctions")
        machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        workflow = machine.rpartition(":")[2].removeprefix(f"{self.home.stack_name}-")
        shown: dict[str, str] = {}
        followed = Execution(client, execution)
        while not self.stop.is_set():
            try:
                outcome = followed.outcome()
            except WorkflowError:
                # Somebody wrote its name into the row, and Step Functions never heard of it.
                return
            for step in steps_of(followed.events()):
                if shown.get(step.name) != step.status:
                    shown[step.name] = step.status
                    self._say(workflow_topic(workflow, step.name), _said(step))
            if outcome is not None:
                said = outcome.output or {"cause": outcome.cause}
                self._say(workflow_topic(workflow, outcome.status), said)
                return
            time.sleep(self.home.poll)

    def _say(self, topic: str, payload: Mapping[str, Any]) -> None:
        self.tell(Message(topic, payload, self.name))


def _said(step: Step) -> dict[str, Any]:
    return {"status": step.status} | ({"error": step.error} if step.error else {})
