"""The task agent: what it decides, and what its runner does to real processes."""

import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from playground.local.agent import Agent
from playground.local.decisions import Action, Phase, Rules, Slot, Verb, backoff, decide, exited
from playground.local.iot_log import IotLog
from playground.local.runner import Runner, base_environment, device_log, stop_leftovers
from playground.local.task_events import OWN_REASONS, TaskEvents
from playground.local.tasks import DeviceTask, container_env
from playground.paths import Paths

RULES = Rules()
SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
)


def phases(runner: Runner) -> dict[str, Phase]:
    return {task_id: slot.phase for task_id, slot in runner.slots.items()}


def verbs(actions: list[Action]) -> list[tuple[Verb, str]]:
    return [(action.verb, action.task_id) for action in actions]


@pytest.mark.parametrize(
    ("wanted", "slot", "now", "expected"),
    [
        (True, None, 0.0, Verb.START),
        (True, Slot(Phase.RUNNING, 0.0), 100.0, None),
        (True, Slot(Phase.EXITED, 10.0, 1, failures=1, delay=2.0), 11.0, None),
        (True, Slot(Phase.EXITED, 10.0, 1, failures=1, delay=2.0), 12.0, Verb.START),
        (True, Slot(Phase.EXITED, 10.0, 0, failures=1), 10.0, Verb.START),
        (True, Slot(Phase.EXITED, 10.0, 2, failures=1), 10.0, Verb.GIVE_UP),
        (True, Slot(Phase.EXITED, 10.0, 1, failures=RULES.most_failures), 10.0, Verb.GIVE_UP),
        (True, Slot(Phase.GIVEN_UP, 10.0), 11.0, None),
        (True, Slot(Phase.GIVEN_UP, 10.0), 10.0 + RULES.give_up_again, Verb.GIVE_UP),
        (False, Slot(Phase.RUNNING, 0.0), 1.0, Verb.STOP),
        (False, Slot(Phase.STOPPING, 0.0), RULES.stop_limit - 1, None),
        (False, Slot(Phase.STOPPING, 0.0), RULES.stop_limit, Verb.KILL),
        (False, Slot(Phase.KILLED, 0.0), 100.0, None),
        (False, Slot(Phase.EXITED, 0.0, 0), 0.0, Verb.FORGET),
        (False, Slot(Phase.GIVEN_UP, 0.0), 0.0, Verb.FORGET),
    ],
)
def test_one_task(*, wanted: bool, slot: Slot | None, now: float, expected: Verb | None) -> None:
    actions = decide({"t"} if wanted else set(), {"t": slot} if slot else {}, now, RULES)
    assert verbs(actions) == ([(expected, "t")] if expected else [])


def test_backoff_grows_and_has_full_jitter() -> None:
    rng = random.Random(1)  # noqa: S311
    for failures in range(1, 12):
        ceiling = min(RULES.longest_delay, RULES.first_delay * 2 ** (failures - 1))
        delays = [backoff(failures, RULES, rng) for _ in range(200)]
        assert min(delays) < ceiling * 0.1
        assert ceiling * 0.9 < max(delays) <= ceiling


def test_a_long_run_starts_the_count_anew() -> None:
    slot = Slot(Phase.RUNNING, 100.0, failures=4)
    rng = random.Random(1)  # noqa: S311
    assert exited(slot, 1, 100.0 + RULES.short_run - 1, RULES, rng).failures == 5
    assert exited(slot, 1, 100.0 + RULES.short_run, RULES, rng).failures == 1


def test_overrides_win_over_the_definition() -> None:
    definition = {"containerDefinitions": [{"name": "virtual-device", "environment": [{"name": "A", "value": "1"}]}]}
    pairs = [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]
    overrides = {"containerOverrides": [{"name": "virtual-device", "environment": pairs}, {"name": "other"}]}
    assert container_env(definition, overrides) == {"A": "2", "B": "3"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path)
    found.make()
    (tmp_path / "device").mkdir()
    return found


@pytest.fixture
def runner(paths: Paths) -> Iterator[Runner]:
    found = Runner(paths, base_environment(paths, 8883), command=SLEEP, rules=Rules(stop_limit=5))
    yield found
    found.stop_all()


def wait_ended(runner: Runner) -> list[str]:
    for _ in range(500):
        if ended := runner.reap():
            return ended
        time.sleep(0.01)
    raise AssertionError


def test_a_device_gets_nothing_about_aws(paths: Paths) -> None:
    env = base_environment(paths, 28883, {"AWS_SECRET_ACCESS_KEY": "s", "PATH": "/bin"})
    assert env["IOT_PORT"] == "28883"
    assert env["PATH"] == "/bin"
    assert not [name for name in env if name.startswith("AWS")]
    assert "PYTHONPATH" not in env  # what it runs is said when it is started


def test_a_device_runs_in_a_state_directory_of_its_own(runner: Runner, paths: Paths) -> None:
    runner.command = (sys.executable, "-c", "import os; print(os.environ['STATE_DIR'], os.environ['CONFIG_FILE_URL'])")
    runner.start("t1", {"CONFIG_FILE_URL": "file:///x"})
    assert wait_ended(runner) == ["t1"]
    assert device_log(paths, "t1").read_text().split() == [str(paths.devices / "t1"), "file:///x"]
    assert (paths.devices / "t1").stat().st_mode & 0o777 == 0o700


def test_a_stopped_device_is_forgotten_with_its_identity(runner: Runner, paths: Paths) -> None:
    runner.start("t1", {})
    runner.signal("t1", signal.SIGTERM)
    wait_ended(runner)
    runner.forget("t1")
    assert runner.slots == {}
    assert not (paths.devices / "t1").exists()


def test_a_stubborn_device_is_killed_and_keeps_its_identity(runner: Runner, paths: Paths) -> None:
    runner.command = STUBBORN
    runner.rules = Rules(stop_limit=0.1)
    runner.start("t1", {})
    while "ready" not in device_log(paths, "t1").read_text():
        time.sleep(0.01)
    runner.stop_all()
    assert runner.slots["t1"].exit_code == -signal.SIGKILL
    assert (paths.devices / "t1").is_dir()


def test_what_a_killed_agent_left_behind_is_ended(runner: Runner, paths: Paths) -> None:
    runner.start("t1", {})
    (paths.running / "t2").write_text("not json")
    assert stop_leftovers(paths, limit=5) == 1
    assert list(paths.running.iterdir()) == []
    assert runner.reap() == ["t1"]


@dataclass
class FakeCloud:
    """ECS in memory: both the poller and the book of the agent."""

    tasks: dict[str, DeviceTask] = field(default_factory=dict)
    last: list[str] | None = None
    stopped: list[tuple[str, str]] = field(default_factory=list)
    over: dict[str, DeviceTask] = field(default_factory=dict)
    in_catalog: set[str] = field(default_factory=set)

    def changed(self) -> list[str] | None:
        now = list(self.tasks)
        answer = None if now == self.last else now
        self.last = now
        return answer

    def again(self) -> None:
        self.last = None

    def describe(self, arns: list[str]) -> list[DeviceTask]:
        return [(self.tasks | self.over)[arn] for arn in arns]

    def stop(self, arn: str, reason: str) -> None:
        self.stopped.append((arn, reason))
        task = self.tasks.pop(arn)
        state = {"taskArn": arn, "stoppedReason": reason, "stopCode": "UserInitiated", "lastStatus": "STOPPED"}
        self.over[arn] = replace(task, state=state)

    def current(self) -> set[str]:
        return set(self.in_catalog)

    def run_again(self, task: DeviceTask) -> str:
        arn = f"{task.arn}-again"
        self.tasks[arn] = DeviceTask(arn, task.env)
        return arn


@dataclass
class Lambda:
    """What the agent asks of the cloud to deliver an event."""

    fails: bool = False
    told: list[dict[str, Any]] = field(default_factory=list)

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        return {"StackResourceDetail": {"PhysicalResourceId": f"{StackName}-{LogicalResourceId}"}}

    def invoke(self, FunctionName: str, InvocationType: str, Payload: str) -> None:  # noqa: N803
        if self.fails:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        assert (FunctionName, InvocationType) == ("stack-TaskStoppedFunction", "Event")
        self.told.append(json.loads(Payload)["detail"])


@dataclass
class FakeHome:
    """The local cloud, as far as events need it."""

    functions: Lambda = field(default_factory=Lambda)
    stack_name: str = "stack"
    account: str = "111122223333"
    region: str = "us-east-1"

    def client(self, _service: str) -> Lambda:
        return self.functions


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def home() -> FakeHome:
    return FakeHome()


@pytest.fixture
def agent(cloud: FakeCloud, runner: Runner, home: FakeHome) -> Agent:
    iot_log = IotLog(home, runner.paths.logs / "emulator.log")  # type: ignore[arg-type]
    return Agent(cloud, cloud, runner, TaskEvents(home), iot_log)  # type: ignore[arg-type]


def told(home: FakeHome) -> list[tuple[str, str, str]]:
    return [(detail["taskArn"], detail["stopCode"], detail["stoppedReason"]) for detail in home.functions.told]


def test_a_task_comes_and_goes(agent: Agent, cloud: FakeCloud, runner: Runner) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    assert phases(runner) == {"t1": Phase.RUNNING}
    cloud.stop("c/t1", "test")
    agent.tick()
    assert phases(runner) == {"t1": Phase.STOPPING}
    while runner.slots:
        agent.tick()
        time.sleep(0.01)


@dataclass
class Watched:
    """What the agent tells the log shipper."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def watch(self, task_id: str) -> None:
        self.told.append(("watch", task_id))

    def forget(self, task_id: str) -> None:
        self.told.append(("forget", task_id))


def test_the_log_of_a_task_is_shipped_from_its_start_to_its_end(agent: Agent, cloud: FakeCloud, runner: Runner) -> None:
    agent.logs = watched = Watched()  # type: ignore[assignment]
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    assert watched.told == [("watch", "t1")]
    cloud.stop("c/t1", "test")
    agent.tick()
    while runner.slots:
        agent.tick()
        time.sleep(0.01)
    assert watched.told == [("watch", "t1"), ("forget", "t1")]


def test_a_device_runs_from_the_image_that_its_task_was_started_with(
    agent: Agent, cloud: FakeCloud, runner: Runner, paths: Paths
) -> None:
    # given
    runner.command = (sys.executable, "-c", "import os; print(os.getcwd(), os.environ['PYTHONPATH'])")
    image = paths.images / ("a" * 64)
    image.mkdir(parents=True)
    cloud.tasks = {
        "c/new": DeviceTask("c/new", {"IMAGE_DIGEST": f"sha256:{'a' * 64}"}),
        "c/old": DeviceTask("c/old", {}),  # from before there were images
    }
    # when
    agent.tick()
    ended: set[str] = set()
    while ended != {"new", "old"}:
        ended |= set(wait_ended(runner))
    # then
    assert device_log(paths, "new").read_text().split() == [str(image)] * 2
    assert device_log(paths, "old").read_text().split() == [str(paths.root / "device")] * 2


def test_a_task_whose_image_is_not_here_is_stopped_with_the_reason(
    agent: Agent, cloud: FakeCloud, runner: Runner, home: FakeHome
) -> None:
    # given
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {"IMAGE_DIGEST": "sha256:gone"})
    # when
    agent.tick()
    agent.tick()
    # then
    reason = "its image sha256:gone is not on this machine"
    assert cloud.stopped == [("c/t1", reason)]
    assert told(home) == [("c/t1", "EssentialContainerExited", reason)]
    assert not runner.runs("t1")


def test_of_one_device_two_processes_never_run_at_once(agent: Agent, cloud: FakeCloud, runner: Runner) -> None:
    # given: a device that takes its time to say goodbye
    runner.command = STUBBORN
    runner.rules = Rules(stop_limit=60)
    cloud.tasks["c/old"] = DeviceTask("c/old", {}, started_by="lamp")
    agent.tick()
    while "ready" not in device_log(runner.paths, "old").read_text():
        time.sleep(0.01)
    # when its task is replaced, and another device's comes too
    cloud.stop("c/old", "the playground restarts this device")
    cloud.tasks["c/new"] = DeviceTask("c/new", {}, started_by="lamp")
    cloud.tasks["c/other"] = DeviceTask("c/other", {}, started_by="bell")
    for _ in range(3):
        agent.tick()
    # then
    assert phases(runner) == {"old": Phase.STOPPING, "other": Phase.RUNNING}
    # and when it has ended
    runner.signal("old", signal.SIGKILL)
    while "old" in runner.slots:
        agent.tick()
        time.sleep(0.01)
    agent.tick()
    assert phases(runner) == {"new": Phase.RUNNING, "other": Phase.RUNNING}
    runner.rules = Rules(stop_limit=0.1)  # for the end of the test: these do not listen


def test_a_device_that_ended_for_good_takes_its_task_along(
    agent: Agent, cloud: FakeCloud, runner: Runner, home: FakeHome
) -> None:
    runner.command = (sys.executable, "-c", "raise SystemExit(2)")
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    while not cloud.stopped:
        agent.tick()
        time.sleep(0.01)
    assert cloud.stopped == [("c/t1", "the device ended for good (exit code 2)")]
    agent.tick()
    assert told(home) == [("c/t1", "EssentialContainerExited", "the device ended for good (exit code 2)")]


def test_a_task_that_somebody_stops_is_told_of_once(agent: Agent, cloud: FakeCloud, home: FakeHome) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    cloud.stop("c/t1", "maintenance")
    agent.tick()
    agent.tick()
    assert told(home) == [("c/t1", "UserInitiated", "maintenance")]


@pytest.mark.parametrize("reason", OWN_REASONS)
def test_what_the_stack_itself_stops_is_not_told(agent: Agent, cloud: FakeCloud, home: FakeHome, reason: str) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    cloud.stop("c/t1", reason)
    agent.tick()
    assert told(home) == []


def test_an_event_waits_for_an_emulator_that_is_away(agent: Agent, cloud: FakeCloud, home: FakeHome) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    cloud.stop("c/t1", "maintenance")
    home.functions.fails = True
    for _ in range(2):
        with pytest.raises(EndpointConnectionError):
            agent.tick()
    home.functions.fails = False
    agent.tick()
    assert told(home) == [("c/t1", "UserInitiated", "maintenance")]


def test_a_device_whose_task_stopped_while_nobody_looked_is_told_of(
    agent: Agent, cloud: FakeCloud, home: FakeHome, paths: Paths
) -> None:
    # given: one that runs, one that was stopped, one whose identity is lost, one that goes on
    cloud.tasks = {arn: DeviceTask(arn, {}, state={"taskArn": arn}) for arn in ("c/runs", "c/missed")}
    cloud.stop("c/missed", "maintenance")
    for arn in ("c/lost", "c/goes-on"):
        cloud.tasks[arn] = DeviceTask(arn, {}, interrupted=True, state={"taskArn": arn, "stoppedReason": "restart"})
    (paths.devices / "goes-on").mkdir()
    cloud.in_catalog = {"c/runs", "c/missed", "c/lost", "c/goes-on-again"}
    # when
    agent.resume()
    agent.tick()
    # then
    assert sorted(told(home)) == [("c/lost", "", "restart"), ("c/missed", "UserInitiated", "maintenance")]


def test_interrupted_tasks_go_on_with_their_identity(agent: Agent, cloud: FakeCloud, paths: Paths) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {}, interrupted=True)
    cloud.tasks["c/t0"] = DeviceTask("c/t0", {}, interrupted=True)  # replaced at an earlier time: no directory
    (paths.devices / "t1").mkdir()
    (paths.devices / "of a task that is gone").mkdir()
    (paths.devices / "t1" / "identity").write_text("me")
    agent.resume()
    agent.tick()
    assert set(agent.tasks) == {"t1-again"}
    assert (paths.devices / "t1-again" / "identity").read_text() == "me"
    assert [path.name for path in paths.devices.iterdir()] == ["t1-again"]
