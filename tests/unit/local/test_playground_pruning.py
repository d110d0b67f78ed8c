"""Which images stay on this machine, and that none which somebody needs goes, whatever happens
meanwhile.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from playground.home.paths import PROJECT, Paths
from playground.local.pruning import KEPT, Pruning
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.service import Refusal
from tests.unit.template import RESOURCES


class Killed(BaseException):
    """The agent's process is gone."""


@dataclass
class Pages:
    """A paginator of one page."""

    page: dict[str, Any]

    def paginate(self, **_asked: Any) -> list[dict[str, Any]]:
        return [self.page]


@dataclass
class Home:
    """The repository, the catalog and the tasks. `before_call` is told of each call, by its number
    and its name.
    """

    ecr: MemoryEcr = field(default_factory=lambda: MemoryEcr("devices"))
    rows: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    before_call: Callable[[int, str], None] = lambda _number, _name: None
    calls: int = 0

    def client(self, service: str) -> Any:
        return Client(self, service)

    def output(self, name: str) -> str:
        return {
            "DeviceRepositoryUri": "registry.example/devices",
            "DeviceImageTag": "latest",
            "DeviceCatalogTableName": "devices",
            "DeviceClusterName": "cluster",
        }[name]

    def scan(self) -> dict[str, Any]:
        return {"Items": [{name: {"S": value} for name, value in row.items()} for row in self.rows]}

    def list_tasks(self) -> dict[str, Any]:
        return {
            "taskArns": [
                f"arn:aws:ecs:::task/cluster/{number}" for number, _ in enumerate(self.tasks)
            ]
        }

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "cluster"
        return {
            "tasks": [self._task(arn, self.tasks[int(arn.rpartition("/")[2])]) for arn in tasks]
        }

    def describe_task_definition(self, taskDefinition: str) -> dict[str, Any]:  # noqa: N803
        return {"taskDefinition": {"taskDefinitionArn": taskDefinition, "containerDefinitions": []}}

    def _task(self, arn: str, digest: str) -> dict[str, Any]:
        environment = [{"name": "IMAGE_DIGEST", "value": digest}]
        overrides = {"containerOverrides": [{"name": "virtual-device", "environment": environment}]}
        state = {
            "taskArn": arn,
            "taskDefinitionArn": "d",
            "lastStatus": "RUNNING",
            "desiredStatus": "RUNNING",
        }
        return {**state, "overrides": overrides}


@dataclass
class Client:
    """What is asked of a service goes to whoever has the answer, each call counted."""

    home: Home
    service: str

    def __getattr__(self, name: str) -> Any:
        owner = self.home.ecr if hasattr(self.home.ecr, name) else self.home

        def call(**asked: Any) -> Any:
            self.home.calls += 1
            self.home.before_call(self.home.calls, name)
            try:
                return getattr(owner, name)(**asked)
            except Refusal as refusal:
                raise ClientError(
                    {"Error": {"Code": refusal.code, "Message": str(refusal)}}, name
                ) from refusal

        return call

    def get_paginator(self, name: str) -> Any:
        asked = {"repositoryName": "devices"} if name == "describe_images" else {}
        return Pages(getattr(self, name)(**asked))


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path, tmp_path / "home")
    found.make()
    return found


def pushed(home: Home, paths: Paths, count: int) -> list[str]:
    """Images, the oldest first; the last one has the tag."""
    digests = [
        home.ecr.push(f"image {number}", f"{number}" * 64, "latest") for number in range(count)
    ]
    for digest in digests:
        (paths.images / digest.removeprefix("sha256:") / "virtual_device").mkdir(parents=True)
    return digests


def on_disk(paths: Paths) -> set[str]:
    return {f"sha256:{folder.name}" for folder in paths.images.iterdir()}


def prune(home: Home, paths: Paths, before: str | None = None) -> list[str]:
    return Pruning(paths, home).prune(before)  # type: ignore[arg-type]


def test_the_newest_few_stay(home: Home, paths: Paths) -> None:
    digests = pushed(home, paths, 8)
    assert prune(home, paths) == digests[2::-1]
    assert on_disk(paths) == set(home.ecr.manifests) == set(digests[3:])
    assert prune(home, paths) == []


def test_no_fewer_are_touched(home: Home, paths: Paths) -> None:
    digests = pushed(home, paths, KEPT)
    assert prune(home, paths) == []
    assert on_disk(paths) == set(digests)


@pytest.mark.parametrize(
    "who", ["a row", "a device in quarantine", "a task", "the tag", "the tag until now"]
)
def test_what_is_in_use_stays(home: Home, paths: Paths, who: str) -> None:
    # given
    oldest, *others = pushed(home, paths, 8)
    if who == "a row":
        home.rows = [{"thing_name": "lamp", "status": "ONLINE", "image_digest": oldest}]
    elif who == "a device in quarantine":
        home.rows = [{"thing_name": "lamp", "status": "QUARANTINED", "image_digest": oldest}]
    elif who == "a task":
        home.tasks = [oldest]
    elif who == "the tag":
        home.ecr.tags["latest"] = oldest
    # when
    prune(home, paths, oldest if who == "the tag until now" else None)
    # then
    assert on_disk(paths) == set(home.ecr.manifests) == {oldest, *others[2:]}


def test_the_current_image_is_there_whenever_the_agent_is_killed(home: Home, paths: Paths) -> None:
    digests = pushed(home, paths, 8)
    home.rows = [{"thing_name": "lamp", "status": "ONLINE", "image_digest": digests[0]}]
    needed = {digests[0], *digests[3:]}
    for at in range(1, 100):

        def kill(number: int, _name: str, at: int = at) -> None:
            if number == at:
                raise Killed

        home.calls, home.before_call = 0, kill
        try:
            prune(home, paths)
        except Killed:
            # then: nothing that has a tag, or is run, has lost its directory
            assert needed <= on_disk(paths)
            assert set(home.ecr.manifests) <= on_disk(paths)
        else:
            break
    assert at > 8
    assert on_disk(paths) == set(home.ecr.manifests) == needed


def test_an_image_that_is_made_current_meanwhile_stays(home: Home, paths: Paths) -> None:
    """By a push of what was pushed before, before any of the calls: it has the tag, and its
    directory, in the end.
    """
    for at in range(1, 100):
        home.ecr = MemoryEcr("devices")
        oldest = pushed(home, paths, 8)[0]

        def retag(number: int, _name: str, at: int = at, oldest: str = oldest) -> None:
            if number == at:
                home.ecr.push("image 0", "latest")

        home.calls, home.before_call = 0, retag
        prune(home, paths)
        if home.calls < at:
            break
        assert home.ecr.tags["latest"] == oldest, at
        assert oldest in on_disk(paths), at
        for folder in on_disk(paths):
            (paths.images / folder.removeprefix("sha256:") / "virtual_device").rmdir()
            (paths.images / folder.removeprefix("sha256:")).rmdir()
    assert at > 10


def test_what_an_interruption_has_left_goes(home: Home, paths: Paths) -> None:
    digests = pushed(home, paths, 2)
    for name in ("0" * 64, f"{'1' * 64}.draft", f"{'2' * 64}.gone"):
        (paths.images / name).mkdir()
    prune(home, paths)
    assert on_disk(paths) == set(digests)


def test_both_homes_keep_as_many() -> None:
    policy = RESOURCES["DeviceRepository"]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    first, second = json.loads(policy["Fn::Sub"])["rules"]
    assert (first["selection"]["tagPatternList"], first["selection"]["countNumber"]) == (
        ["${DeviceImageTag}"],
        1,
    )
    assert (second["selection"]["tagStatus"], second["selection"]["countNumber"]) == ("any", KEPT)
    assert "The newest five images" in (PROJECT / "docs" / "pipeline.md").read_text()
    assert KEPT == 5
