"""The task agent: what it decides, and what its runner does to real processes."""

import json
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from playground.home.paths import Paths
from playground.home.state import LocalState
from playground.local.agent import AWAY_INTERVAL, AWAY_LIMIT, INTERVAL, QUIET, Agent, serve
from playground.local.decisions import Action, Phase, Rules, Slot, Verb, backoff, decide, exited
from playground.local.identities import Identities, Owner
from playground.local.iot_log import IotLog
from playground.local.log_files import device_log
from playground.local.pace import Pace
from playground.local.poller import SIGNATURE_LIFE, TaskPoller
from playground.local.runner import Runner, base_environment, stop_leftovers
from playground.local.task_events import OWN_REASONS, TaskEvents
from playground.local.tasks import DeviceTask, container_env

pytestmark = pytest.mark.processes

RULES = Rules()
STRANGER = "6f1cd3a4-0000-4000-8000-5a1b2c3d4e5f"
SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); "
        "time.sleep(60)"
    ),
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
    definition = {
        "containerDefinitions": [
            {"name": "virtual-device", "environment": [{"name": "A", "value": "1"}]}
        ]
    }
    pairs = [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}]
    overrides = {
        "containerOverrides": [{"name": "virtual-device", "environment": pairs}, {"name": "other"}]
    }
    assert container_env(definition, overrides) == {"A": "2", "B": "3"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path)
    found.make()
    (tmp_path / "device").mkdir()
    return found


@pytest.fixture
def runner(paths: Paths) -> Iterator[Runner]:
    rules = Rules(stop_limit=5, goodbye=5)
    found = Runner(paths, base_environment(paths, LocalState()), command=SLEEP, rules=rules)
    yield found
    found.stop_all()


def wait_ended(runner: Runner) -> list[str]:
    for _ in range(500):
        if ended := runner.reap():
            return ended
        time.sleep(0.01)
    raise AssertionError


def test_a_device_gets_nothing_about_aws(paths: Paths) -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "s", "PATH": "/bin", "FETCH_FROM": "https://files.example/"}
    env = base_environment(paths, LocalState(port=24566, mqtt_port=28883), environ)
    # its buckets are where the cloud is, and where its owner says
    places = "http://127.0.0.1:24566 http://localhost:24566 https://files.example/"
    assert env["FETCH_FROM"] == places
    assert env["IOT_PORT"] == "28883"
    assert env["PATH"] == "/bin"
    assert not [name for name in env if name.startswith("AWS")]
    assert "PYTHONPATH" not in env  # what it runs is said when it is started


def test_a_device_runs_in_a_state_directory_of_its_own(runner: Runner, paths: Paths) -> None:
    runner.command = (
        sys.executable,
        "-c",
        "import os; print(os.environ['STATE_DIR'], os.environ['CONFIG_FILE_URL'])",
    )
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
    runner.rules = Rules(goodbye=0.1)
    runner.start("t1", {})
    while "ready" not in device_log(paths, "t1").read_text():
        time.sleep(0.01)
    runner.stop_all()
    assert runner.slots["t1"].exit_code == -signal.SIGKILL
    assert (paths.devices / "t1").is_dir()


def test_what_a_killed_agent_left_behind_is_ended(runner: Runner, paths: Paths) -> None:
    runner.start("t1", {})
    (paths.running / "6f1cd3a4-0000-4000-8000-5a1b2c3d4e5f").write_text("not json")
    (paths.running / "notes").write_text("the user's own")
    assert stop_leftovers(paths, limit=5) == 1
    assert [file.name for file in paths.running.iterdir()] == ["notes"]
    assert runner.reap() == ["t1"]


def test_stubborn_ones_take_no_longer_together_than_one(runner: Runner, paths: Paths) -> None:
    # given
    runner.command = STUBBORN
    runner.rules = Rules(goodbye=0.5)
    for name in ("t1", "t2", "t3", "t4", "t5", "t6"):
        runner.start(name, {})
    for name in runner.slots:
        while "ready" not in device_log(paths, name).read_text():
            time.sleep(0.01)
    # when
    begun = time.monotonic()
    assert stop_leftovers(paths, limit=0.5) == 6
    # then
    assert time.monotonic() - begun < 3.0
    assert sorted(runner.reap()) == ["t1", "t2", "t3", "t4", "t5", "t6"]


@dataclass
class FakeCloud:
    """ECS in memory: both the poller and the book of the agent."""

    tasks: dict[str, DeviceTask] = field(default_factory=dict)
    last: list[str] | None = None
    stopped: list[tuple[str, str]] = field(default_factory=list)
    over: dict[str, DeviceTask] = field(default_factory=dict)
    catalog: list[Owner] = field(default_factory=list)

    def changed(self) -> list[str] | None:
        now = list(self.tasks)
        answer = None if now == self.last else now
        self.last = now
        return answer

    def again(self) -> None:
        self.last = None

    def describe(self, arns: list[str]) -> list[DeviceTask]:
        known = self.tasks | self.over
        return [known[arn] for arn in arns if arn in known]

    def stop(self, arn: str, reason: str) -> None:
        self.stopped.append((arn, reason))
        task = self.tasks.pop(arn)
        state = {
            "taskArn": arn,
            "stoppedReason": reason,
            "stopCode": "UserInitiated",
            "lastStatus": "STOPPED",
        }
        self.over[arn] = replace(task, state=state)

    def owners(self) -> list[Owner]:
        return list(self.catalog)

    def has(self, **devices: str) -> None:
        """Let the catalog have these devices, by name, with the ARNs of their tasks."""
        self.catalog = [
            Owner(name, "OFFLINE", arn, frozenset({f"of-{name}"})) for name, arn in devices.items()
        ]

    def run_again(self, task: DeviceTask) -> str:
        arn = f"{task.arn}-again"
        self.tasks[arn] = DeviceTask(arn, task.env, state={"taskArn": arn})
        self.catalog = [
            replace(one, task_arn=arn) if one.task_arn == task.arn else one for one in self.catalog
        ]
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
    return [
        (detail["taskArn"], detail["stopCode"], detail["stoppedReason"])
        for detail in home.functions.told
    ]


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


def test_all_at_once_are_started_one_after_the_other(
    agent: Agent, cloud: FakeCloud, runner: Runner
) -> None:
    # given
    now = 100.0
    agent.pace = Pace(0.25, lambda: now)
    cloud.tasks = {f"c/t{number}": DeviceTask(f"c/t{number}", {}) for number in range(3)}
    # when
    started = []
    for _ in range(12):
        agent.tick()
        started.append(len(runner.slots))
        now += 0.1
    # then: the second and the third a quarter of a second after the one before
    assert started == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3]


@dataclass
class Watched:
    """What the agent tells the log shipper."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def watch(self, task_id: str) -> None:
        self.told.append(("watch", task_id))

    def forget(self, task_id: str) -> None:
        self.told.append(("forget", task_id))


def test_the_log_of_a_task_is_shipped_from_its_start_to_its_end(
    agent: Agent, cloud: FakeCloud, runner: Runner
) -> None:
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
    runner.command = (
        sys.executable,
        "-c",
        "import os; print(os.getcwd(), os.environ['PYTHONPATH'])",
    )
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


def test_an_image_that_was_built_is_prepared_unless_it_is_gone_again(
    agent: Agent, runner: Runner, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    image = paths.images / ("a" * 64)
    image.mkdir(parents=True)
    prepared: list[Path] = []
    monkeypatch.setattr(Runner, "prepare", lambda _self, program: prepared.append(program))
    built = iter([[f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"], []])

    class Uploaded:
        busy = False

        def look(self) -> None:
            pass

        def built(self) -> list[str]:
            return next(built)

    agent.uploads = Uploaded()  # type: ignore[assignment]
    # when
    agent.tick()
    agent.tick()
    # then
    assert prepared == [image]


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


def test_of_one_device_two_processes_never_run_at_once(
    agent: Agent, cloud: FakeCloud, runner: Runner
) -> None:
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
    runner.rules = Rules(goodbye=0.1)  # for the end of the test: these do not listen


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
    assert told(home) == [
        ("c/t1", "EssentialContainerExited", "the device ended for good (exit code 2)")
    ]


def test_a_task_that_somebody_stops_is_told_of_once(
    agent: Agent, cloud: FakeCloud, home: FakeHome
) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    cloud.stop("c/t1", "maintenance")
    agent.tick()
    agent.tick()
    assert told(home) == [("c/t1", "UserInitiated", "maintenance")]


@pytest.mark.parametrize("reason", OWN_REASONS)
def test_what_the_stack_itself_stops_is_not_told(
    agent: Agent, cloud: FakeCloud, home: FakeHome, reason: str
) -> None:
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {})
    agent.tick()
    cloud.stop("c/t1", reason)
    agent.tick()
    assert told(home) == []


def test_an_event_waits_for_an_emulator_that_is_away(
    agent: Agent, cloud: FakeCloud, home: FakeHome
) -> None:
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


def identity(paths: Paths, task_id: str, name: str, certificate: str = "") -> Path:
    """A device's identity in a task's state directory."""
    folder = paths.devices / task_id / name
    folder.mkdir(parents=True)
    (folder / "identity.json").write_text(
        json.dumps({"certificateId": certificate or f"of-{name}"})
    )
    return paths.devices / task_id


def test_a_device_whose_task_stopped_while_nobody_looked_is_told_of(
    agent: Agent, cloud: FakeCloud, home: FakeHome, paths: Paths
) -> None:
    # given: one that runs, one that was stopped, one whose identity is lost, one that goes on
    cloud.tasks = {
        arn: DeviceTask(arn, {}, state={"taskArn": arn}) for arn in ("c/runs", "c/missed")
    }
    cloud.stop("c/missed", "maintenance")
    for arn in ("c/lost", "c/goes-on"):
        cloud.tasks[arn] = DeviceTask(
            arn, {}, interrupted=True, state={"taskArn": arn, "stoppedReason": "restart"}
        )
    identity(paths, "goes-on", "d")
    cloud.has(a="c/runs", b="c/missed", c="c/lost", d="c/goes-on")
    # when
    agent.resume()
    agent.tick()
    # then
    assert sorted(told(home)) == [
        ("c/lost", "", "restart"),
        ("c/missed", "UserInitiated", "maintenance"),
    ]


def test_interrupted_tasks_go_on_with_their_identity_and_are_stopped(
    agent: Agent, cloud: FakeCloud, home: FakeHome, paths: Paths
) -> None:
    # given: a device's task, and one that nobody's row names
    for arn in ("c/t1", "c/t0"):
        cloud.tasks[arn] = DeviceTask(arn, {}, interrupted=True, state={"taskArn": arn})
    identity(paths, "t1", "lamp")
    (paths.devices / "6f1cd3a4-0000-4000-8000-5a1b2c3d4e5f").mkdir()  # of a task that is gone
    (paths.devices / "of the user's own").mkdir()
    cloud.has(lamp="c/t1")
    # when
    agent.resume()
    agent.tick()
    # then
    assert set(agent.tasks) == {"t1-again"}
    assert {path.name for path in paths.devices.iterdir()} == {"t1-again", "of the user's own"}
    assert (paths.devices / "t1-again" / "lamp" / "identity.json").exists()
    # and neither is listed any more, nor is anybody told of it
    assert list(cloud.tasks) == ["c/t1-again"]
    assert {reason for _arn, reason in cloud.stopped} <= set(OWN_REASONS)
    assert told(home) == []


def test_an_identity_is_found_by_its_device_whatever_its_directory_is_called(
    agent: Agent, cloud: FakeCloud, paths: Paths
) -> None:
    # given: the cloud is of a moment before the last start, whose directory is named after a task
    # that it does not know
    cloud.tasks["c/t1"] = DeviceTask("c/t1", {}, interrupted=True, state={"taskArn": "c/t1"})
    identity(paths, "t1-of-a-later-moment", "lamp")
    cloud.has(lamp="c/t1")
    # when
    agent.resume()
    # then
    assert (paths.devices / "t1-again" / "lamp" / "identity.json").exists()


def test_an_agent_that_was_killed_between_run_and_rename_is_made_up_for(
    agent: Agent, cloud: FakeCloud, paths: Paths
) -> None:
    # given: the new task runs and the row names it, the directory has the old one's name
    cloud.tasks["c/new"] = DeviceTask("c/new", {}, state={"taskArn": "c/new"})
    identity(paths, "old", "lamp")
    cloud.has(lamp="c/new")
    # when
    agent.resume()
    agent.tick()
    # then
    assert [path.name for path in paths.devices.iterdir()] == ["new"]
    assert (paths.devices / "new" / "lamp" / "identity.json").exists()


def test_no_identity_goes_whose_device_is_in_the_catalog(
    agent: Agent, cloud: FakeCloud, home: FakeHome, paths: Paths
) -> None:
    # given: devices whose tasks the emulator does not know (any more), one of them without a task
    identity(paths, "forgotten", "lamp")
    identity(paths, "another", "bell")
    identity(paths, "6f1cd3a4-0000-4000-8000-5a1b2c3d4e5f", "nobody")
    cloud.has(lamp="c/forgotten", bell="")
    # when
    agent.resume()
    # then
    assert sorted(path.name for path in paths.devices.iterdir()) == ["another", "forgotten"]
    # and a device whose task nobody knows is told of, so that it gets a new one
    agent.tick()
    assert told(home) == [("c/forgotten", "", "the cluster knows no such task")]


def test_of_two_identities_the_one_with_the_certificate_of_the_catalog_is_taken(
    paths: Paths,
) -> None:
    # given: a restart that the cloud has forgotten has made the second one
    wanted = identity(paths, "b", "lamp", "of-lamp")
    identity(paths, "aaaaaaaa-0000-4000-8000-000000000000", "lamp", "of-a-later-moment")
    identity(paths, "cccccccc-0000-4000-8000-000000000000", "lamp", "of-a-later-moment")
    owner = Owner(
        "lamp", "ONLINE", "c/aaaaaaaa-0000-4000-8000-000000000000", frozenset({"of-lamp"})
    )
    identities = Identities(paths.devices)
    # then
    assert (identities.of(owner), identities.certificate_of(owner)) == (wanted, "of-lamp")
    assert identities.sweep(set(), [owner]) == [
        "aaaaaaaa-0000-4000-8000-000000000000",
        "cccccccc-0000-4000-8000-000000000000",
    ]
    assert wanted.exists()


@pytest.mark.parametrize(
    ("row", "there"),
    [
        ({"status": "ONLINE"}, True),
        ({"status": "PROVISIONING"}, True),
        ({"status": "QUARANTINED"}, True),
        ({"status": "FAILED"}, False),
        ({"status": "FAILED", "given_up_at": "2026"}, True),
        ({"status": "TERMINATED"}, False),
    ],
)
def test_whose_identity_stays(row: dict[str, str], *, there: bool) -> None:
    assert (Owner.from_row({"thing_name": "lamp", **row}) is not None) is there


@dataclass
class Serving:
    """An agent whose looks fail while the emulator is away, and a clock that goes on with them."""

    away: list[float]
    """Seconds that each vain look takes; then the emulator answers, for ever."""
    ended: threading.Event = field(default_factory=threading.Event)
    now: float = 0.0
    looks: int = 0
    busy: bool = False
    rests: list[tuple[float, float]] = field(default_factory=list)

    def tick(self) -> None:
        self.looks += 1
        if self.away:
            self.now += self.away.pop(0)
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        self.ended.set()

    def serve(self, *, emulator_runs: bool) -> bool:
        """Whether it was there when the emulator answered."""
        serve(self, self.ended, lambda: emulator_runs, lambda: self.now, self.rest)  # type: ignore[arg-type]
        return self.ended.is_set()

    def rest(self, seconds: float, when_told: float) -> None:
        self.rests.append((seconds, when_told))


def test_a_laptop_that_slept_does_not_end_the_agent() -> None:
    """It may wake before the emulator does, or find it gone and started again."""
    assert Serving([3 * 60, 10, 8 * 3600]).serve(emulator_runs=True)
    assert Serving([8 * 3600, 10, 10]).serve(emulator_runs=False)


def test_an_emulator_that_has_a_lot_to_do_does_not_end_the_agent() -> None:
    assert Serving([10.0] * 100).serve(emulator_runs=True)


def test_an_emulator_that_has_ended_for_good_ends_the_agent() -> None:
    serving = Serving([10.0] * 100)
    assert not serving.serve(emulator_runs=False)
    assert serving.looks == AWAY_LIMIT / 10 + 1


def test_an_agent_with_nothing_to_do_waits_to_be_told() -> None:
    idle, busy, alone = Serving([]), Serving([], busy=True), Serving([1.0])
    for one in (idle, busy, alone):
        one.serve(emulator_runs=True)
    assert idle.rests == [(INTERVAL, QUIET)]
    assert busy.rests == [(INTERVAL, INTERVAL)]
    assert alone.rests == [(AWAY_INTERVAL, AWAY_INTERVAL), (INTERVAL, QUIET)]


def test_what_an_agent_has_to_look_at_again_by_itself(
    agent: Agent, cloud: FakeCloud, runner: Runner
) -> None:
    # given
    now = 100.0
    agent.pace = Pace(1.0, lambda: now)
    agent.tick()
    assert not agent.busy
    # when one waits for its turn
    cloud.tasks = {f"c/t{number}": DeviceTask(f"c/t{number}", {}) for number in range(2)}
    agent.tick()
    assert agent.busy
    now += 1.0
    agent.tick()
    assert not agent.busy
    # when one is about to end
    cloud.stop("c/t1", "test")
    agent.tick()
    assert agent.busy
    while len(runner.slots) > 1:
        agent.tick()
        time.sleep(0.01)
    assert not agent.busy


def test_a_signature_is_not_used_after_a_sleep() -> None:
    # given
    now = 1000.0
    poller = TaskPoller(LocalState(), "secret", "cluster", lambda: now)
    first = poller._headers(b"{}")
    now += SIGNATURE_LIFE / 2
    assert poller._headers(b"{}") is first
    # when: eight hours later; or the clock was put back
    for later in (8 * 3600, -9 * 3600):
        now += later
        # then
        assert poller._headers(b"{}") is not first
