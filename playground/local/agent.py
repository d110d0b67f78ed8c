"""The task agent: keeps one device process per running ECS task of the local cloud.

Runs detached as `python -m playground.local.agent`; ends on SIGTERM, or when the emulator has been away too long.
"""

import http.client
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from playground.errors import PlaygroundError
from playground.homes import local_home
from playground.local.builder import Builder, image_directory
from playground.local.decisions import Action, Phase, Verb, decide
from playground.local.iot_log import IotLog
from playground.local.poller import TaskPoller
from playground.local.pruning import Pruning
from playground.local.runner import Runner, base_environment, stop_leftovers
from playground.local.shipping import LogShipper
from playground.local.state import LocalState, secret_of
from playground.local.task_events import TaskEvents
from playground.local.tasks import IMAGE_VARIABLE, DeviceTask, TaskBook, task_id_of
from playground.local.uploads import UploadPoller, Uploads
from playground.paths import Paths

INTERVAL = 0.05
AWAY_INTERVAL = 1.0
AWAY_LIMIT = 120.0
NO_ANSWER = (OSError, http.client.HTTPException, BotoCoreError, ClientError)

log = logging.getLogger("agent")


@dataclass
class Agent:
    """Brings the processes of `runner` in line with the tasks that `poller` lists."""

    poller: TaskPoller
    book: TaskBook
    runner: Runner
    events: TaskEvents
    iot_log: IotLog
    logs: LogShipper | None = None
    uploads: Uploads | None = None
    tasks: dict[str, DeviceTask] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    devices: dict[str, str] = field(default_factory=dict)
    """Which device a process is of, by task id: the mark that all its tasks carry."""

    def tick(self) -> None:
        """One round: look, decide, act. Raises what the emulator's absence raises."""
        for task_id in self.runner.reap():
            log.info("device of task %s ended: %s", task_id, self.runner.slots[task_id])
        arns = self.poller.changed()
        if arns is not None:
            self._look(arns)
        for action in decide(self.tasks, self.runner.slots, self.runner.clock(), self.runner.rules):
            if action.verb is not Verb.START or not self._has_another(action.task_id):
                self._act(action)
        self.events.deliver()
        self.iot_log.deliver()
        if self.uploads is not None:
            self.uploads.look()

    def resume(self) -> None:
        """Run the tasks again that ran when the emulator went down. Their identities are in their state directories."""
        arns = self.poller.changed() or []
        self._sweep({task_id_of(arn) for arn in arns})
        interrupted = [task for task in self.book.describe(arns) if task.interrupted]
        for task in interrupted:
            self.ignored.add(task.arn)
            state_dir = self.runner.paths.devices / task.task_id
            # Without the directory it was replaced by an earlier resume: the emulator lists it for ever.
            if state_dir.is_dir():
                try:
                    new = self.book.run_again(task)
                except ClientError as error:
                    # One device that cannot come back must not keep the others away.
                    log.warning("task %s cannot go on: %s", task.task_id, error)
                    continue
                state_dir.rename(self.runner.paths.devices / task_id_of(new))
                log.info("task %s goes on as %s", task.task_id, task_id_of(new))
        self.poller.again()
        self._look_for_missed()
        self.poller.again()

    def _look_for_missed(self) -> None:
        """Tell of devices whose task was stopped while nobody looked, or cannot go on."""
        running = {task.arn for task in self.book.describe(self.poller.changed() or []) if not task.interrupted}
        self._tell(self.book.current() - running)

    def _sweep(self, known: set[str]) -> None:
        """Remove the identities of tasks that the emulator has forgotten, as it does when it is killed."""
        for state_dir in self.runner.paths.devices.iterdir():
            if state_dir.name not in known:
                shutil.rmtree(state_dir, ignore_errors=True)

    def _look(self, arns: list[str]) -> None:
        listed = {task_id_of(arn): arn for arn in arns if arn not in self.ignored}
        kept = {task_id: task for task_id, task in self.tasks.items() if task_id in listed}
        try:
            unknown = self.book.describe(arn for task_id, arn in listed.items() if task_id not in kept)
            self._tell([task.arn for task_id, task in self.tasks.items() if task_id not in kept])
        except NO_ANSWER:
            self.poller.again()
            raise
        self.ignored |= {task.arn for task in unknown if task.interrupted}
        self.tasks = kept | {task.task_id: task for task in unknown if not task.interrupted}

    def _tell(self, arns: Collection[str]) -> None:
        for task in self.book.describe(arns):
            slot = self.runner.slots.get(task.task_id)
            # The agent stops the task of a device that is gone for good; on AWS ECS does, and gives another code.
            exited = {"stopCode": "EssentialContainerExited"} if slot and slot.phase is Phase.GIVEN_UP else {}
            self.events.stopped({**task.state, **exited})

    def _has_another(self, task_id: str) -> bool:
        """Whether a process of the same device has not ended yet: the emulator calls a task stopped at once."""
        mark = self.tasks[task_id].started_by
        return any(
            mark and mark == other_mark and other != task_id and self.runner.runs(other)
            for other, other_mark in self.devices.items()
        )

    def _start(self, task_id: str) -> None:
        task = self.tasks[task_id]
        digest = task.env.get(IMAGE_VARIABLE, "")
        program = image_directory(self.runner.paths, digest) if digest else None
        if program is not None and not program.is_dir():
            # On AWS: CannotPullContainerError.
            self._act(Action(Verb.GIVE_UP, task_id, f"its image {digest} is not on this machine"))
            return
        self.devices[task_id] = task.started_by
        self.runner.start(task_id, task.env, program)

    def _act(self, action: Action) -> None:
        log.info("%s task %s %s", action.verb.value, action.task_id, action.reason)
        if action.verb is Verb.START:
            if self.logs:
                self.logs.watch(action.task_id)
            self._start(action.task_id)
        elif action.verb is Verb.STOP:
            self.runner.signal(action.task_id, signal.SIGTERM)
        elif action.verb is Verb.KILL:
            self.runner.signal(action.task_id, signal.SIGKILL)
        elif action.verb is Verb.GIVE_UP:
            self.runner.give_up(action.task_id)
            self.book.stop(self.tasks[action.task_id].arn, action.reason)
        else:
            self.runner.forget(action.task_id)
            if self.logs:
                self.logs.forget(action.task_id)
            self.devices.pop(action.task_id, None)


def serve(agent: Agent, ended: threading.Event) -> None:
    """Tick until `ended` is set or the emulator stays away."""
    last_answer = time.monotonic()
    while not ended.is_set():
        try:
            agent.tick()
        except NO_ANSWER as error:
            away = time.monotonic() - last_answer
            log.warning("no answer from the emulator for %.0f s: %s", away, error)
            if away > AWAY_LIMIT:
                return
            ended.wait(AWAY_INTERVAL)
            continue
        last_answer = time.monotonic()
        ended.wait(INTERVAL)


def ready_file(paths: Paths) -> Path:
    """Where the agent says that it has begun, by its process id."""
    return paths.home / "agent.ready"


def main() -> int:
    """Run the agent of this project's local cloud."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    paths = Paths.here()
    state = LocalState.load(paths)
    secret = secret_of(paths)
    home = local_home(paths, state)
    runner = Runner(paths, base_environment(paths, state.mqtt_port))
    try:
        cluster = home.output("DeviceClusterName")
        logs = LogShipper.of(home, paths)
        poller = UploadPoller(state, secret, home.output("SourceBucketName"))
        uploads = Uploads(poller, Builder(paths, home), Pruning(paths, home))
        agent = Agent(
            TaskPoller(state, secret, cluster),
            TaskBook(home, cluster),
            runner,
            TaskEvents(home),
            IotLog(home, paths.logs / "emulator.log"),
            logs,
            uploads,
        )
        stop_leftovers(paths, runner.rules.stop_limit)
        agent.resume()
    except (PlaygroundError, *NO_ANSWER) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400 - one sentence, no traceback
        return 1
    ready_file(paths).write_text(str(os.getpid()))
    logs.start()
    try:
        serve(agent, ended)
    finally:
        runner.stop_all()
        logs.stop()
        uploads.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
