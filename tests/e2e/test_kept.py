"""Nothing is lost: the local cloud is killed, stopped in the middle, started twice, and its disk is
full.
"""

import json
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.home.state import LocalState
from playground.local.generations import Generations
from proofs.killing.kills import WITHIN, kill_and_count, victims
from proofs.killing.look import settled
from tests.playground_cloud import COMMAND, PATIENCE, UP_LIMIT, Cloud, own_cloud, wait_for

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("cloud to kill"),
]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, shared_build: Path) -> Iterator[Cloud]:
    folder: Path = tmp_path_factory.mktemp("killed")
    with own_cloud(folder / "home", {"SFN_WAIT_SCALE": "0.05"}, shared_build) as running:
        yield running


def up(cloud: Cloud) -> str:
    """Bring it up; gives what was said."""
    return cloud.playground("up", timeout=UP_LIMIT).stderr


def status(cloud: Cloud) -> Any:
    """What `status` says, as JSON."""
    return json.loads(cloud.playground("status", "--output", "json").stdout)


def create(cloud: Cloud, name: str) -> None:
    assert cloud.provision({"thingName": name, "deviceType": "bulb"}).status == "SUCCEEDED"


def generations(cloud: Cloud) -> Generations:
    return Generations(cloud.paths.emulator / "generations")


def wait_until_kept(cloud: Cloud) -> None:
    """Until a generation is younger than now, five seconds at most on a machine that is not
    busy.
    """
    before = generations(cloud).numbers()[:1]
    cloud.client("sqs").create_queue(QueueName="something-new")
    cloud.client("sqs").delete_queue(
        QueueUrl=cloud.client("sqs").get_queue_url(QueueName="something-new")["QueueUrl"]
    )
    wait_for("the next generation", lambda: generations(cloud).numbers()[:1] != before, 60)


def test_killed_at_random_moments_nothing_that_was_kept_is_lost(killed: Cloud) -> None:
    """A sample of `python -m proofs.killing`, which holds to five seconds on a quiet machine."""
    rng = random.Random(7)  # noqa: S311 - no secret
    found = kill_and_count(killed, 1, rng, within=WITHIN * PATIENCE)
    assert found.wrong == []


def test_down_in_the_middle_of_a_create_leaves_nothing_half_made(killed: Cloud) -> None:
    # given: more devices than are made in the time that `down` takes to begin
    create(killed, "before-down")
    wait_until_kept(killed)
    with subprocess.Popen(
        [str(COMMAND), "create", "--type", "bulb", "--count", "16"],
        env=dict(killed.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as creating:
        wait_for("the first of them", killed.running)
        # when
        said = killed.playground("down", timeout=UP_LIMIT).stderr
        assert creating.wait(60) != 0
    # then
    assert "`playground up` brings it back" in said
    assert re.search(r"\d+ workflows? (was|were) interrupted, and undone\.", up(killed))
    found = settled(killed)
    assert found.half_made == []
    assert "before-down" in found.there


def test_a_device_keeps_its_identity_over_down_and_up_and_no_task_is_listed_twice(
    killed: Cloud,
) -> None:
    # given
    before = settled(killed)
    # when
    for _ in range(2):
        killed.playground("down", timeout=UP_LIMIT)
        up(killed)
    # then: look() holds the tasks that are listed against the catalog
    after = settled(killed)
    assert (after.half_made, after.certificates) == ([], before.certificates)


def test_two_at_once_bring_one_up(killed: Cloud) -> None:
    # given
    killed.playground("down", timeout=UP_LIMIT)
    # when
    both = [
        subprocess.Popen(
            [str(COMMAND), "up"], env=dict(killed.environment), stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [one.communicate(timeout=UP_LIMIT)[1] for one in both]
    # then
    assert [one.returncode for one in both] == [0, 0]
    assert sum("Waiting for another `playground` command" in text for text in said) == 1
    assert settled(killed).half_made == []


def test_half_a_file_is_said_and_the_generation_before_is_used(killed: Cloud) -> None:
    # given
    killed.playground("down", timeout=UP_LIMIT)
    newest = generations(killed).path(generations(killed).numbers()[0]) / "services.json"
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    # when
    said = up(killed)
    # then
    assert f"The newest state can't be read: {newest} is damaged." in said
    assert "The state before it is used" in said
    found = settled(killed)
    assert found.half_made == []
    assert "before-down" in found.there


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets another process's limits")
def test_a_full_disk_is_said_by_status_and_down(killed: Cloud) -> None:
    # given
    wait_until_kept(killed)
    state = LocalState.load(killed.paths)
    assert state.emulator is not None
    _soft, hard = resource.prlimit(state.emulator.pid, resource.RLIMIT_FSIZE)
    # The state is longer than that; what functions unpack is not.
    resource.prlimit(state.emulator.pid, resource.RLIMIT_FSIZE, (1_500_000, hard))
    # when
    killed.client("sqs").create_queue(QueueName="not-kept")
    # then
    said = wait_for("the fault to be seen", lambda: status(killed)["not_kept"], 60)
    assert "have not been saved since" in said
    done = killed.playground("down", timeout=UP_LIMIT, check=False)
    assert done.returncode == 1
    assert "brings it back" not in done.stderr
    assert "The state could not be saved (File too large): changes after" in done.stderr
    # and what was written before is there
    up(killed)
    found = settled(killed)
    assert found.half_made == []
    assert "before-down" in found.there
    assert "not-kept" not in str(killed.client("sqs").list_queues().get("QueueUrls"))


def signalled(pid: int, what: signal.Signals) -> None:
    """A function's process may have ended by itself since it was listed."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(what)


def test_a_machine_that_slept_comes_back_with_all_devices(killed: Cloud) -> None:
    """For a few seconds here; what three minutes do is tried with a clock in the unit tests."""
    # given
    before = settled(killed)
    everything = victims(killed, "machine")
    # when
    try:
        for pid in everything:
            signalled(pid, signal.SIGSTOP)
        time.sleep(12)  # longer than the agent waits for an answer
    finally:
        for pid in reversed(everything):  # the agent wakes before the emulator
            signalled(pid, signal.SIGCONT)
            time.sleep(0.05)
    # then
    after = settled(killed)
    assert (after.half_made, after.certificates) == ([], before.certificates)
    assert status(killed)["agent"]
