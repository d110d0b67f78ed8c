"""Devices are created, changed and removed, two at a time, and what was acknowledged is written
down with its time.
"""

import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException

from botocore.exceptions import BotoCoreError, ClientError

from tests.playground_cloud import Cloud, wait_for

NO_ANSWER = (BotoCoreError, ClientError, OSError, HTTPException, AssertionError)
AT_ONCE = 2
MOST = 8
"""Devices; from then on more are removed than created."""


@dataclass
class Ledger:
    """What the cloud has acknowledged, by name of device, in seconds of a monotonic clock."""

    created: dict[str, float] = field(default_factory=dict)
    asked_to_go: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    changes: int = 0

    def must_be_there(self, moment: float) -> set[str]:
        """Acknowledged at that time, and nobody has asked for their removal to this day."""
        return {
            name
            for name, at in self.created.items()
            if at <= moment and name not in self.asked_to_go and name not in self.gone
        }

    def must_be_gone(self, moment: float) -> set[str]:
        """Their removal was acknowledged at that time."""
        return {name for name, at in self.gone.items() if at <= moment}

    def settle(self, there: set[str]) -> None:
        """After a kill: what came out of what was under way is the truth from now on."""
        now = time.monotonic()
        self.created = {name: self.created.get(name, now) for name in there}
        self.asked_to_go.clear()
        self.gone.clear()


@dataclass
class Work:
    """Goes on in threads until it is ended; a cloud that does not answer ends it too."""

    cloud: Cloud
    ledger: Ledger
    rng: random.Random
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _made: int = 0

    def create_some(self, count: int) -> None:
        """Before anything else."""
        threads = [threading.Thread(target=self._create) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def begin(self) -> None:
        """Start the threads."""
        self._ended.clear()
        self._threads = [threading.Thread(target=self._go_on) for _ in range(AT_ONCE)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait for them."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        with suppress(*NO_ANSWER):
            while not self._ended.is_set():
                self._one()

    def _one(self) -> None:
        with self._lock:
            free = [name for name in self.ledger.created if name not in self.ledger.asked_to_go]
            kind = self.rng.choices(
                ("create", "change", "remove"), (4, 2, 1 if len(free) < MOST else 6)
            )[0]
            name = self.rng.choice(free) if free else ""
            if kind == "remove" and name:
                self.ledger.asked_to_go[name] = time.monotonic()
        if kind == "create" or not name:
            self._create()
        elif kind == "change":
            self.cloud.desire(name, telemetryInterval=self.rng.randrange(5, 60))
            self.ledger.changes += 1
            time.sleep(0.2)
        else:
            self._run("DeprovisionDeviceStateMachineArn", {"thingName": name}, self.ledger.gone)

    def _create(self) -> None:
        with self._lock:
            self._made += 1
            name = f"dev-{self.rng.randrange(16**6):06X}-{self._made}"
        self._run(
            "ProvisionDeviceStateMachineArn",
            {"thingName": name, "deviceType": "bulb"},
            self.ledger.created,
        )

    def _run(self, workflow: str, given: Mapping[str, str], acknowledged: dict[str, float]) -> None:
        arn = self.cloud.start(workflow, given)
        sfn = self.cloud.client("stepfunctions")

        def over() -> str | None:
            if self._ended.is_set():
                return "LEFT"  # after a kill of the agent nothing may come of it before `up`
            status = sfn.describe_execution(executionArn=arn)["status"]
            return status if status != "RUNNING" else None

        if wait_for(f"the end of {arn}", over, 90) == "SUCCEEDED":
            acknowledged[given["thingName"]] = time.monotonic()
