"""What the local cloud remembers between commands, in `.playground/state.json`."""

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.base.processes import ProcessId
from playground.errors import SecretError
from playground.home import folder
from playground.home.paths import Paths

if TYPE_CHECKING:
    from playground.home.running import Running

# Not the emulator's default account: whoever reaches the MQTT port without a certificate is served
# that one.
ACCOUNT = "111122223333"
REGION = "us-east-1"
GATEWAY_PORT = 4566
MQTT_PORT = 8883
CONSOLE_PORT = 4570
HOST = "127.0.0.1"
"""Where all of it is. No name: `localhost` may lead to ::1, and to another program there."""

STACK_VARIABLE = "PLAYGROUND_STACK"
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})
"""Errors that say nothing about the file."""


@dataclass(frozen=True)
class LocalState:
    """Ports, processes and what was deployed last. `deployed` is the hash of the deployed sources.

    `standing` is the fingerprint of what the cloud had right after that (`local/deployed.py`).
    `pushed` is that of device/ when `up` made an image of it last. `console_port` is 0 when there
    is to be no console, and `served` says of what the one that runs was made.
    """

    port: int = GATEWAY_PORT
    mqtt_port: int = MQTT_PORT
    stack_name: str = "iot-playground"
    emulator: ProcessId | None = None
    agent: ProcessId | None = None
    console: ProcessId | None = None
    console_port: int = CONSOLE_PORT
    built: str = ""
    deployed: str = ""
    standing: str = ""
    pushed: str = ""
    served: str = ""

    @property
    def endpoint(self) -> str:
        """URL of the emulator's gateway."""
        return f"http://{HOST}:{self.port}"

    @property
    def up(self) -> bool:
        """Whether the emulator of this state still runs."""
        return self.emulator is not None and self.emulator.alive()

    @property
    def console_url(self) -> str | None:
        """Where the console is; None when it does not run."""
        runs = self.console is not None and self.console.alive()
        return f"http://{HOST}:{self.console_port}" if runs else None

    @classmethod
    def load(cls, paths: Paths) -> "LocalState":
        """The remembered state, unless what runs is something else: see `recall`."""
        remembered, problem = read(paths.state)
        if remembered.up and not problem:
            return remembered
        return recall(paths).state

    def save(self, paths: Paths) -> None:
        """Write the state so that a reader sees the old or the new one, never half."""
        paths.make()
        draft = paths.state.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=2))
        draft.replace(paths.state)


@dataclass(frozen=True)
class Recalled:
    """The state, and sentences about it for whoever asked."""

    state: LocalState
    said: tuple[str, ...] = ()


def recall(paths: Paths) -> Recalled:
    """The state as it is remembered, and as the processes tell it; where they differ, they are
    right.

    A second emulator would ruin the folder: whether there is one is never read from a file alone.
    """
    remembered, problem = read(paths.state)
    said = [problem] if problem else []
    try:
        ours = folder.is_ours(paths.home)
    except PermissionError:  # another user's: what runs there is not ours either
        ours = False
    if not ours:
        return Recalled(remembered, tuple(said))
    # Only where the state does not do: it costs looking at every process.
    from playground.home import running  # noqa: PLC0415

    there = running.find(paths)
    state = _of_running(remembered, there)
    if len(there.emulators) > 1:
        said.append(
            f"{len(there.emulators)} emulators run on {paths.home}: `playground down` "
            "ends them all."
        )
    if state != remembered and there:
        said.append(f"Found by their processes: {_told(state, len(there.devices))}.")
    return Recalled(state, tuple(said))


def _of_running(remembered: LocalState, there: "Running") -> LocalState:
    state = remembered
    if there.emulator is not None and not remembered.up:
        one = there.emulator
        state = replace(
            state,
            emulator=one.process,
            port=one.port("GATEWAY_PORT") or state.port,
            mqtt_port=one.port("IOT_MTLS_PORT") or state.mqtt_port,
            stack_name=one.environment.get(STACK_VARIABLE) or state.stack_name,
        )
    if there.agent is not None and (state.agent is None or not state.agent.alive()):
        state = replace(state, agent=there.agent.process)
    if there.console is not None and (state.console is None or not state.console.alive()):
        # What it serves is not known: the next `up` starts another one.
        state = replace(state, console=there.console.process, served="")
    return state


def _told(state: LocalState, devices: int) -> str:
    told = []
    if state.emulator is not None and state.emulator.alive():
        told.append(
            f"the emulator (process {state.emulator.pid}) on ports {state.port} and "
            f"{state.mqtt_port}"
        )
    if state.agent is not None and state.agent.alive():
        told.append(f"the task agent (process {state.agent.pid})")
    if state.console is not None and state.console.alive():
        told.append(f"the console (process {state.console.pid})")
    told.append(f"devices: {devices}")
    return ", ".join(told)


def read(file: Path) -> tuple[LocalState, str]:
    """What is remembered, each value by itself; with a sentence when not all of it could be read.

    A value of another version's, or one that makes no sense, is left out.
    """
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return LocalState(), ""
    except OSError as error:
        if error.errno in SHORTAGES:
            raise
        return (
            LocalState(),
            f"{file} can't be read ({error.strerror}): ports are as on a first start.",
        )
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return (
            LocalState(),
            f"{file} is damaged: ports are as on a first start unless something runs.",
        )
    good = {name: value for name, value in found.items() if _is_sound(name, value)}
    known: dict[str, Any] = {
        name: ProcessId(**value) if isinstance(value, dict) else value
        for name, value in good.items()
    }
    names = {one.name for one in fields(LocalState)}
    bad = sorted(name for name in names & found.keys() - good.keys() if found[name] is not None)
    return LocalState(
        **known
    ), f"{file} is damaged ({', '.join(bad)}): the rest of it is used." if bad else ""


def _is_sound(name: str, value: Any) -> bool:
    if name in {"emulator", "agent", "console"}:
        if not isinstance(value, dict) or value.keys() != {"pid", "born"}:
            return False
        return type(value["pid"]) is int and isinstance(value["born"], str)
    if name == "console_port":
        return type(value) is int and 0 <= value < 65536
    if name in {"port", "mqtt_port"}:
        return type(value) is int and 0 < value < 65536
    return name in {one.name for one in fields(LocalState)} and isinstance(value, str)


def secret_of(paths: Paths) -> str:
    """The local account's root secret, made at first use. It keeps other users of this machine out.

    Raises SecretError when it is there and can't be one.
    """
    try:
        found = paths.secret.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return _make_secret(paths)
    if not folder.SECRET.fullmatch(found):
        raise SecretError(
            f"{paths.secret} is {'damaged' if found else 'empty'}, and the local cloud "
            "can't be reached without "
            "it. Remove the file: the next command writes a new one. Devices are kept."
        )
    return found


def _make_secret(paths: Paths) -> str:
    """Another one, unless the emulator still runs with the one that is gone."""
    from playground.home import running  # noqa: PLC0415 - looks at every process, and seldom

    paths.make()
    emulator = running.find(paths).emulator
    value = emulator.environment.get("AWS_SECRET_ACCESS_KEY", "") if emulator else ""
    value = value if folder.SECRET.fullmatch(value) else secrets.token_urlsafe(30)
    draft = paths.state.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(value)
    try:
        # Whole or not at all, and never over one that another process has made meanwhile.
        os.link(draft, paths.secret)
    except FileExistsError:
        return secret_of(paths)
    except OSError:  # a file system without links
        draft.replace(paths.secret)
    finally:
        draft.unlink(missing_ok=True)
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
    # Not a byte of it is changed: a file of that name may be somebody's.
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
