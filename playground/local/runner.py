"""Device processes: start, stop, reap. Knows nothing of ECS."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playground.local.decisions import Phase, Rules, Slot, exited
from playground.paths import Paths
from playground.processes import ProcessId, birth, stop

COMMAND = (sys.executable, "-m", "virtual_device")
# What a device process gets of the agent's environment: nothing about AWS.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME")


@dataclass
class Runner:
    """One process per task id. `slots` says where each stands; `call` these methods from one thread only."""

    paths: Paths
    base_env: Mapping[str, str]
    command: tuple[str, ...] = COMMAND
    rules: Rules = field(default_factory=Rules)
    clock: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)
    slots: dict[str, Slot] = field(default_factory=dict)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, task_id: str, task_env: Mapping[str, str], program: Path | None = None) -> None:
        """Start the task's device in its own state directory (0700), its output in a log of its own.

        `program` is the directory of its image; without one it runs what stands in device/.
        """
        program = program or self.paths.root / "device"
        state_dir = self.paths.devices / task_id
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        env = {**task_env, **self.base_env, "STATE_DIR": str(state_dir), "PYTHONPATH": str(program)}
        with device_log(self.paths, task_id).open("ab") as out:
            process = subprocess.Popen(  # noqa: S603
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=program
            )
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
        ended = [task_id for task_id, process in self._processes.items() if process.poll() is not None]
        for task_id in ended:
            code = self._processes.pop(task_id).returncode
            self.slots[task_id] = exited(self.slots[task_id], code, self.clock(), self.rules, self.rng)
            (self.paths.running / task_id).unlink(missing_ok=True)
        return ended

    def forget(self, task_id: str) -> None:
        """The task is over: remove its identity. The log stays."""
        self.slots.pop(task_id, None)
        shutil.rmtree(self.paths.devices / task_id, ignore_errors=True)

    def stop_all(self) -> None:
        """End every process and wait for it; identities stay, for the next start."""
        for task_id in list(self._processes):
            self.signal(task_id, signal.SIGTERM)
        deadline = self.clock() + self.rules.stop_limit
        while self._processes and self.clock() < deadline:
            self.reap()
            time.sleep(0.02)
        for task_id in list(self._processes):
            self.signal(task_id, signal.SIGKILL)
            self._processes[task_id].wait()
        self.reap()


def device_log(paths: Paths, task_id: str) -> Path:
    """Where a device's output goes."""
    return paths.logs / f"device-{task_id}.log"


def base_environment(paths: Paths, mqtt_port: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every device process gets besides its task's variables."""
    kept = {name: environ[name] for name in INHERITED if name in environ}
    return kept | {
        "IOT_CA_FILE": str(paths.ca),
        "IOT_ENDPOINT": "localhost",
        "IOT_PORT": str(mqtt_port),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }


def stop_leftovers(paths: Paths, limit: float) -> int:
    """End device processes that an agent left behind when it was killed; gives their number."""
    count = 0
    for file in sorted(paths.running.glob("*")):
        try:
            process = ProcessId(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            file.unlink(missing_ok=True)
            continue
        count += process.alive()
        stop(process, limit=limit)
        file.unlink(missing_ok=True)
    return count
