"""Device processes: start, stop, reap. Knows nothing of ECS."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playground.base.processes import ProcessId, birth, stop_together
from playground.base.removing import remove
from playground.home import running
from playground.home.folder import remove_made
from playground.home.paths import Paths
from playground.home.state import HOST, LocalState
from playground.local.decisions import Phase, Rules, Slot, exited
from playground.local.forks import Forks, Process
from playground.local.log_files import device_log

log = logging.getLogger("agent")

COMMAND = (sys.executable, "-m", "virtual_device")
# What a device process gets of the agent's environment: nothing about AWS.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME")


@dataclass
class Runner:
    """One process per task id. `slots` says where each stands; `call` these methods from one thread
    only.
    """

    paths: Paths
    base_env: Mapping[str, str]
    command: tuple[str, ...] = COMMAND
    rules: Rules = field(default_factory=Rules)
    clock: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)
    slots: dict[str, Slot] = field(default_factory=dict)
    forks: Forks | None = None
    _processes: dict[str, Process] = field(default_factory=dict)

    def prepare(self, program: Path) -> None:
        """Devices of this image are about to be started."""
        if self.forks is not None:
            self.forks.prepare(program)

    def start(self, task_id: str, task_env: Mapping[str, str], program: Path | None = None) -> None:
        """Start the task's device in its own state directory (0700), its output in a log of its
        own.

        `program` is the directory of its image; without one it runs what stands in device/, which
        may change at any time.
        """
        image, program = program, program or self.paths.root / "device"
        state_dir = self.paths.devices / task_id
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        env = {**task_env, **self.base_env, "STATE_DIR": str(state_dir), "PYTHONPATH": str(program)}
        with device_log(self.paths, task_id).open("ab") as out:
            process: Process | None = None
            if self.forks is not None and image is not None:
                process = self.forks.start(self.command, env, out.fileno(), image)
            if process is None:
                process = subprocess.Popen(  # noqa: S603
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=env,
                    cwd=program,
                )
        if image is not None:
            self.prepare(image)
        self._processes[task_id] = process
        failures = self.slots[task_id].failures if task_id in self.slots else 0
        self.slots[task_id] = Slot(Phase.RUNNING, self.clock(), failures=failures)
        record = ProcessId(process.pid, birth(process.pid) or "")
        (self.paths.running / task_id).write_text(json.dumps(asdict(record)))

    def signal(self, task_id: str, number: signal.Signals) -> None:
        """Ask the process to end (SIGTERM) or end it (SIGKILL)."""
        self._processes[task_id].send_signal(number)
        phase = Phase.KILLED if number is signal.SIGKILL else Phase.STOPPING
        self.slots[task_id] = Slot(phase, self.clock())

    def give_up(self, task_id: str) -> None:
        """Remember that the task's device will not be started again, or never was."""
        failures = self.slots[task_id].failures if task_id in self.slots else 0
        self.slots[task_id] = Slot(Phase.GIVEN_UP, self.clock(), failures=failures)

    def runs(self, task_id: str) -> bool:
        """Whether the task has a process that has not ended, as far as was noted."""
        return task_id in self._processes

    def reap(self) -> list[str]:
        """Note the processes that have ended since the last call; gives their task ids."""
        found = {task_id: process.poll() for task_id, process in self._processes.items()}
        ended = {task_id: code for task_id, code in found.items() if code is not None}
        for task_id, code in ended.items():
            del self._processes[task_id]
            self.slots[task_id] = exited(
                self.slots[task_id], code, self.clock(), self.rules, self.rng
            )
            (self.paths.running / task_id).unlink(missing_ok=True)
        return list(ended)

    def forget(self, task_id: str) -> None:
        """The task is over: remove its identity. The log stays."""
        self.slots.pop(task_id, None)
        for left in remove(self.paths.devices / task_id):
            log.warning("%s can't be removed: %s", left.path, left.why)

    def stop_all(self) -> None:
        """End every process and wait for it; identities stay, for the next start.

        All have the same few seconds to say goodbye. What a device keeps is whole at any moment.
        """
        for task_id in list(self._processes):
            self.signal(task_id, signal.SIGTERM)
        deadline = self.clock() + self.rules.goodbye
        while self._processes and self.clock() < deadline:
            self.reap()
            time.sleep(0.02)
        for task_id in list(self._processes):
            self.signal(task_id, signal.SIGKILL)
        for process in self._processes.values():
            process.wait()
        self.reap()
        if self.forks is not None:
            self.forks.close()


def base_environment(
    paths: Paths, state: LocalState, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What every device process gets besides its task's variables.

    Its buckets are this cloud's. A FETCH_FROM of whoever has started the cloud names more places.
    """
    buckets = (state.endpoint, f"http://localhost:{state.port}")
    kept = {name: environ[name] for name in INHERITED if name in environ}
    return kept | {
        "FETCH_FROM": " ".join((*buckets, environ.get("FETCH_FROM", ""))).strip(),
        "IOT_CA_FILE": str(paths.ca),
        "IOT_ENDPOINT": HOST,
        "IOT_PORT": str(state.mqtt_port),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }


def stop_leftovers(paths: Paths, limit: float) -> int:
    """End device processes that an agent left behind when it was killed; gives their number.

    All at once: together they have `limit` seconds for their goodbye. Those whose record is damaged
    or gone are known by what they were started with. A record that can't be read raises OSError.
    """
    records = sorted(paths.running.iterdir()) if paths.running.exists() else []
    found = {record: _recorded(record) for record in records}
    known = {*found.values(), *(device.process for device in running.find(paths).devices)} - {None}
    alive = [process for process in known if process is not None and process.alive()]
    stop_together(alive, limit=limit)
    for record, process in found.items():
        if process is not None:
            record.unlink(missing_ok=True)
        else:
            remove_made(paths.running, record.name)
    return len(alive)


def _recorded(file: Path) -> ProcessId | None:
    try:
        found = json.loads(file.read_bytes())
        return ProcessId(int(found["pid"]), str(found["born"]))
    except (FileNotFoundError, IsADirectoryError, ValueError, TypeError, KeyError, RecursionError):
        return None
