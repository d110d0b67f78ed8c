"""The task agent: keeps one device process per running ECS task of the local cloud.

Runs detached as `python -m playground.local.agent`; ends on SIGTERM, or when the emulator has ended
for too long.
"""

import http.client
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from common.identifiers import host_of
from playground.devices.task_names import task_id_of
from playground.errors import PlaygroundError
from playground.home.homes import local_home
from playground.home.paths import Paths, is_there
from playground.home.state import LocalState, secret_of
from playground.images.images import Images
from playground.local.builder import Builder, image_directory
from playground.local.decisions import Action, Phase, Verb, decide
from playground.local.forks import Forks
from playground.local.identities import Identities, Owner
from playground.local.iot_log import IotLog
from playground.local.listening import Bell, Listener
from playground.local.pace import STARTS_PER_SECOND_AND_CORE, Pace
from playground.local.poller import TaskPoller
from playground.local.pruning import Pruning
from playground.local.runner import Runner, base_environment, stop_leftovers
from playground.local.shipping import LogShipper
from playground.local.task_events import OWN_REASONS, TaskEvents
from playground.local.tasks import IMAGE_VARIABLE, DeviceTask, TaskBook
from playground.local.uploads import UploadPoller, Uploads

INTERVAL = 0.05
"""Seconds between two looks while something is to be done, or the emulator does not tell of
changes.
"""
QUIET = 5.0
"""Seconds between two looks otherwise: so late is found what nobody has told of."""
AWAY_INTERVAL = 1.0
AWAY_LIMIT = 120.0
AWAY_STEP = 15.0
"""Seconds that one vain look counts at most: a call times out after ten."""
UNKNOWN = "the cluster knows no such task"
WAS_INTERRUPTED = OWN_REASONS[1]
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
    pace: Pace = field(default_factory=Pace)
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
            if action.verb is not Verb.START:
                self._act(action)
            elif self.pace.allows() and not self._has_another(action.task_id):
                self.pace.took()
                self._act(action)
        self.events.deliver()
        self.iot_log.deliver()
        if self.uploads is not None:
            self.uploads.look()
            for digest in self.uploads.built():
                self.prepare(digest)

    def prepare(self, digest: str | None) -> None:
        """New devices will run this image."""
        if digest and is_there(program := image_directory(self.runner.paths, digest)):
            self.runner.prepare(program)

    @property
    def busy(self) -> bool:
        """Whether something is to be done later that nobody tells of: a start that has to wait, a
        device that is about to end.
        """
        slots = self.runner.slots
        return (
            any(slot.phase is not Phase.RUNNING for slot in slots.values())
            or bool(self.tasks.keys() - slots)
            or (self.uploads is not None and self.uploads.busy)
        )

    def resume(self) -> None:
        """Run the tasks again that ran when the emulator went down.

        Their identities are in their state directories.
        """
        tasks = self.book.describe(self.poller.changed() or [])
        owners = self.book.owners()
        by_task = {owner.task_arn: owner for owner in owners if owner.task_arn}
        identities = Identities(self.runner.paths.devices)
        for task in tasks:
            owner = by_task.get(task.arn)
            if task.interrupted:
                self.ignored.add(task.arn)
                self._go_on(task, owner, identities)
            elif owner is not None:
                identities.move(owner, task.task_id)  # an agent was killed before it came to that
        known = {task.task_id for task in tasks if not task.interrupted}
        for name in identities.sweep(known, owners):
            log.info("state directory %s belongs to no device: removed", name)
        self.poller.again()
        self._look_for_missed()
        self.poller.again()

    def _go_on(self, task: DeviceTask, owner: Owner | None, identities: Identities) -> None:
        """Run one interrupted task as a new one.

        One that cannot go on must not keep the others away.
        """
        if owner is not None and identities.of(owner) is None:
            return  # Its device is told of as missed.
        try:
            if owner is not None:
                new = task_id_of(self.book.run_again(task))
                identities.move(owner, new)
                log.info("task %s goes on as %s", task.task_id, new)
            self.book.stop(task.arn, WAS_INTERRUPTED)
        except ClientError as error:
            log.warning("task %s cannot go on: %s", task.task_id, error)

    def _look_for_missed(self) -> None:
        """Tell of devices whose task was stopped while nobody looked, or cannot go on."""
        running = {
            task.arn
            for task in self.book.describe(self.poller.changed() or [])
            if not task.interrupted
        }
        current = {
            owner.task_arn
            for owner in self.book.owners()
            if owner.is_made and owner.task_arn and not host_of(owner.task_arn)
        }
        known = self._tell(current - running)
        for arn in sorted(current - running - known):
            self.events.stopped({"taskArn": arn, "stoppedReason": UNKNOWN})

    def _look(self, arns: list[str]) -> None:
        listed = {task_id_of(arn): arn for arn in arns if arn not in self.ignored}
        kept = {task_id: task for task_id, task in self.tasks.items() if task_id in listed}
        try:
            unknown = self.book.describe(
                arn for task_id, arn in listed.items() if task_id not in kept
            )
            self._tell([task.arn for task_id, task in self.tasks.items() if task_id not in kept])
        except NO_ANSWER:
            self.poller.again()
            raise
        self.ignored |= {task.arn for task in unknown if task.interrupted}
        self.tasks = kept | {task.task_id: task for task in unknown if not task.interrupted}

    def _tell(self, arns: Collection[str]) -> set[str]:
        """Tell that these tasks have stopped. Gives those that ECS still knows."""
        tasks = self.book.describe(arns)
        for task in tasks:
            slot = self.runner.slots.get(task.task_id)
            # The agent stops the task of a device that is gone for good; on AWS ECS does, and gives
            # another code.
            exited = (
                {"stopCode": "EssentialContainerExited"}
                if slot and slot.phase is Phase.GIVEN_UP
                else {}
            )
            self.events.stopped({**task.state, **exited})
        return {task.arn for task in tasks}

    def _has_another(self, task_id: str) -> bool:
        """Whether a process of the same device has not ended yet: the emulator calls a task stopped
        at once.
        """
        mark = self.tasks[task_id].started_by
        return any(
            mark and mark == other_mark and other != task_id and self.runner.runs(other)
            for other, other_mark in self.devices.items()
        )

    def _start(self, task_id: str) -> None:
        task = self.tasks[task_id]
        digest = task.env.get(IMAGE_VARIABLE, "")
        program = image_directory(self.runner.paths, digest) if digest else None
        if program is not None and not is_there(program):
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


def serve(
    agent: Agent,
    ended: threading.Event,
    emulator_runs: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
    rest: Callable[[float, float], None] = lambda seconds, _when_told: time.sleep(seconds),
) -> None:
    """Tick until `ended` is set, or the emulator has ended and nobody starts it again.

    `rest` takes two numbers of seconds: the second one counts while the emulator tells of changes.

    Both may have stood still for hours, as in a laptop that was closed: an emulator that is there
    is waited for, and of a long sleep only a moment counts.
    """
    away, looked = 0.0, clock()
    while not ended.is_set():
        try:
            agent.tick()
        except NO_ANSWER as error:
            passed, looked = clock() - looked, clock()
            away = 0.0 if emulator_runs() else away + min(passed, AWAY_STEP)
            log.warning("no answer from the emulator (ended for %.0f s): %s", away, error)
            if away > AWAY_LIMIT:
                return
            rest(AWAY_INTERVAL, AWAY_INTERVAL)
            continue
        away, looked = 0.0, clock()
        rest(INTERVAL, INTERVAL if agent.busy else QUIET)


def main() -> int:
    """Run the agent of this project's local cloud."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ended, bell = threading.Event(), Bell()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()
        bell.ring()

    signal.signal(signal.SIGTERM, end)
    bell.ring_on(signal.SIGCHLD)
    paths = Paths.here()
    state = LocalState.load(paths)
    secret = secret_of(paths)
    home = local_home(paths, state)
    base = base_environment(paths, state)
    runner = Runner(paths, base, forks=Forks(base))
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
            Pace(1 / (STARTS_PER_SECOND_AND_CORE * (os.cpu_count() or 1))),
        )
        stop_leftovers(paths, runner.rules.stop_limit)
        with suppress(PlaygroundError, *NO_ANSWER):  # without an image there is nothing to prepare
            agent.prepare(Images(home).current())
        agent.resume()
    except (PlaygroundError, *NO_ANSWER) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400 - one sentence, no traceback
        return 1
    paths.agent_ready.write_text(str(os.getpid()))
    logs.start()
    listener = Listener(state, secret, bell)
    listener.start()
    try:
        serve(agent, ended, lambda: state.up, rest=listener.rest)
    finally:
        listener.stop()
        runner.stop_all()
        logs.stop()
        uploads.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
