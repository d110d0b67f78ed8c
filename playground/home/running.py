"""What of a local cloud runs, asked of the system: a file that says so may be damaged or old.

Each process is known by what it was started with, the folder among it, so that the processes of
another folder's cloud are never taken for this one's.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil

from playground.base.processes import ProcessId, birth, stop
from playground.home.paths import DIR_VARIABLE, Paths

EMULATOR = "playground.local.emulator_process"
AGENT = "playground.local.agent"
CONSOLE = "playground.web.server"
BUILDER = "playground.web.building"
DEVICE = "virtual_device"


@dataclass(frozen=True)
class Found:
    """A process, and the environment that it was started with."""

    process: ProcessId
    environment: Mapping[str, str]

    def port(self, variable: str) -> int | None:
        """A TCP port of its environment."""
        text = self.environment.get(variable, "")
        return int(text) if text.isdecimal() and 0 < int(text) < 65536 else None


@dataclass(frozen=True)
class Running:
    """What runs on a folder. More than one emulator or agent is a fault."""

    emulators: Sequence[Found] = ()
    agents: Sequence[Found] = ()
    devices: Sequence[Found] = ()
    consoles: Sequence[Found] = ()
    builders: Sequence[Found] = ()
    """Who build the console's page, and end by themselves."""

    @property
    def emulator(self) -> Found | None:
        """The one that was there first."""
        return self.emulators[0] if self.emulators else None

    @property
    def agent(self) -> Found | None:
        """The one that was there first."""
        return self.agents[0] if self.agents else None

    @property
    def console(self) -> Found | None:
        """The one that was there first."""
        return self.consoles[0] if self.consoles else None

    def __bool__(self) -> bool:
        return bool(self.emulators or self.agents or self.devices or self.consoles)


def find(paths: Paths) -> Running:
    """Look at every process of this user."""
    kinds = {
        EMULATOR: ("STATE_DIR", str(paths.emulator / "state")),
        AGENT: ("IOT_CA_FILE", str(paths.ca)),
        CONSOLE: (DIR_VARIABLE, str(paths.home)),
        BUILDER: (DIR_VARIABLE, str(paths.home)),
        DEVICE: ("IOT_CA_FILE", str(paths.ca)),
    }
    found: dict[str, list[Found]] = {name: [] for name in kinds}
    for process, module, environment in _modules(tuple(kinds)):
        variable, value = kinds[module]
        if environment.get(variable) == value and (module != DEVICE or _is_of(paths, environment)):
            born = birth(process.pid)
            if born is not None:
                found[module].append(Found(ProcessId(process.pid, born), environment))
    return Running(*(found[name] for name in (EMULATOR, AGENT, DEVICE, CONSOLE, BUILDER)))


def stop_all(known: ProcessId | None, found: Sequence[Found], *, limit: float) -> None:
    """Stop what was remembered and what was found; each has so many seconds to end by itself."""
    for process in {known, *(one.process for one in found)} - {None}:
        stop(process, limit=limit)  # type: ignore[arg-type]


def _is_of(paths: Paths, environment: Mapping[str, str]) -> bool:
    """Somebody's own device may use this cloud's CA; the agent's have their state in the folder."""
    return environment.get("STATE_DIR", "").startswith(f"{paths.devices}/")


def _modules(names: tuple[str, ...]) -> Iterator[tuple[psutil.Process, str, Mapping[str, str]]]:
    """Processes that run one of these modules, the oldest first, without copies of themselves."""
    chosen = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            module = command[command.index("-m") + 1] if "-m" in command[:-1] else ""
            if module in names:
                born, environment = process.create_time(), process.environ()
                chosen.append((born, process.pid, process.ppid(), process, module, environment))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    pids = {(pid, module) for _at, pid, _parent, _process, module, _environment in chosen}
    for _at, pid, parent, process, module, environment in sorted(chosen, key=lambda one: one[:2]):
        # The emulator writes its state in a copy of its own process, which may outlive it.
        if (parent, module) not in pids and not (module == EMULATOR and _is_left_alone(pid)):
            yield process, module, environment


def _is_left_alone(pid: int) -> bool:
    """Whether the process that it was made by is gone: an emulator leads a session of its own."""
    try:
        leader = os.getsid(pid)
    except ProcessLookupError:
        return True
    # 0: the session was begun outside of this container.
    return leader not in (0, pid) and birth(leader) is None
