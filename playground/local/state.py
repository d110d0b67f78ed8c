"""What the local cloud remembers between commands, in `.playground/state.json`."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playground.paths import Paths
from playground.processes import ProcessId

# Not the emulator's default account: whoever reaches the MQTT port without a certificate is served that one.
ACCOUNT = "111122223333"
REGION = "us-east-1"
GATEWAY_PORT = 4566
MQTT_PORT = 8883


@dataclass(frozen=True)
class LocalState:
    """Ports, processes and what was deployed last. `deployed` is the hash of the deployed sources.

    `pushed` is that of device/ when `up` made an image of it last.
    """

    port: int = GATEWAY_PORT
    mqtt_port: int = MQTT_PORT
    stack_name: str = "iot-playground"
    emulator: ProcessId | None = None
    agent: ProcessId | None = None
    built: str = ""
    deployed: str = ""
    pushed: str = ""

    @property
    def endpoint(self) -> str:
        """URL of the emulator's gateway."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def up(self) -> bool:
        """Whether the emulator of this state still runs."""
        return self.emulator is not None and self.emulator.alive()

    @classmethod
    def load(cls, paths: Paths) -> "LocalState":
        """The remembered state; a fresh one when there is none or it cannot be read."""
        try:
            found: dict[str, Any] = json.loads(paths.state.read_text())
            for name in ("emulator", "agent"):
                found[name] = ProcessId(**found[name]) if found.get(name) else None
            return cls(**found)
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, paths: Paths) -> None:
        """Write the state so that a reader sees the old or the new one, never half."""
        paths.make()
        draft = paths.state.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=2))
        draft.replace(paths.state)


def secret_of(paths: Paths) -> str:
    """The local account's root secret, made at first use. It keeps other users of this machine out."""
    try:
        return paths.secret.read_text()
    except FileNotFoundError:
        paths.make()
        value = secrets.token_urlsafe(30)
        with os.fdopen(os.open(paths.secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
        return value


@contextmanager
def locked(paths: Paths, waiting: Callable[[], None]) -> Iterator[None]:
    """One `up`, `down` or `reset` at a time; a second one calls `waiting` and waits."""
    with one_at_a_time(paths.lock, waiting):
        yield


@contextmanager
def one_at_a_time(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file; whoever comes second calls `waiting` and waits."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
