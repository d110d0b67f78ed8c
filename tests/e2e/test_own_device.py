"""A device that is not virtual, with clients that nobody here wrote: what the folder's README.md
says is pasted as it is.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from playground.devices.own import make_request
from playground.home.paths import PROJECT
from playground.messages.watch import Message, watching
from tests.playground_cloud import COMMAND, Cloud, wait_for

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

NAME = "gate"
CODE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
PAHO = PROJECT / ".venvs/emulator/bin/python"
SDK = PROJECT / ".venvs/app/bin/python"
needs_mosquitto = pytest.mark.skipif(
    not shutil.which("mosquitto_pub"), reason="needs the clients of mosquitto (mosquitto-clients)"
)


@pytest.fixture
def folder(cloud: Cloud, nothing_left: None, tmp_path: Path) -> Iterator[Path]:
    """The files of a device that waits to be connected; removed afterwards."""
    folder = tmp_path / NAME
    create(cloud, folder, "--no-wait")
    yield folder
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


def create(cloud: Cloud, folder: Path, *more: str) -> dict[str, Any]:
    words = ("create", NAME, "--own", "--out", str(folder), *more, "--output", "json")
    made: dict[str, Any] = json.loads(cloud.playground(*words).stdout)
    return made


def to_paste(folder: Path, language: str, containing: str) -> str:
    (code,) = (
        code
        for found, code in CODE.findall((folder / "README.md").read_text())
        if found == language and containing in code
    )
    return str(code)


def paste(folder: Path, containing: str) -> str:
    """Have a shell run it in the folder; gives what it printed."""
    code = to_paste(folder, "sh", containing)
    command = ["sh", "-e", "-c", code]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def program(folder: Path, python: Path, containing: str) -> Iterator[None]:
    """A Python program of the README, as long as the block lasts."""
    (folder / "program.py").write_text(to_paste(folder, "python", containing))
    with (folder / "program.log").open("wb") as log:
        running = subprocess.Popen(
            [str(python), "program.py"], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
            assert running.poll() is None, (folder / "program.log").read_text()
        finally:
            running.kill()
            running.wait(10)


def wait_until(cloud: Cloud, status: str) -> None:
    wait_for(f"{NAME} {status}", lambda: cloud.row(NAME).get("status") == status)


def execution_of(cloud: Cloud) -> str:
    return str(cloud.row(NAME)["execution_arn"])


@needs_mosquitto
def test_the_workflow_ends_when_it_has_connected(cloud: Cloud, folder: Path) -> None:
    # given
    row, execution = cloud.row(NAME), execution_of(cloud)
    assert (row["status"], row["hosting"]) == ("PROVISIONING", "none")
    assert cloud.running() == [execution]
    # when
    with watching(cloud.home, NAME) as watcher:
        paste(folder, "mosquitto_pub")
        # then
        telemetry = Message(f"dt/playground/{NAME}/telemetry", {"temperature": 21.5})
        assert telemetry in watcher.messages()
    end = cloud.finished(execution)
    assert end.status == "SUCCEEDED", end
    assert (end.output["taskArn"], end.output["clusterArn"]) == ("", "")
    assert "task_arn" not in cloud.row(NAME)
    # and: it is one connection, and the next one goes on with the shadow
    wait_until(cloud, "OFFLINE")
    assert json.loads(paste(folder, "mosquitto_rr"))["state"] == {}


def test_paho_follows_the_shadow_takes_a_job_and_answers_a_command(
    cloud: Cloud, folder: Path
) -> None:
    with program(folder, PAHO, "paho"):
        wait_until(cloud, "ONLINE")
        # when: the shadow
        cloud.desire(NAME, time=7, colour="red")
        cloud.wait_until_reported(NAME, time=7, colour="red")
        # and: a job
        words = (
            "job",
            "create",
            NAME,
            "change-unit",
            "unit=imperial",
            "--wait",
            "--output",
            "json",
        )
        job = json.loads(cloud.playground(*words).stdout)
        assert [one["status"] for one in job["executions"]] == ["SUCCEEDED"]
        cloud.playground("job", "delete", job["jobId"])
        # and: a command
        assert "✓ ping" in cloud.playground("command", NAME, "ping").stdout
    wait_until(cloud, "OFFLINE")


def test_the_sdk_of_aws_hears_a_delta(cloud: Cloud, folder: Path) -> None:
    with program(folder, SDK, "mtls_from_path"):
        wait_until(cloud, "ONLINE")
        log = folder / "program.log"
        wait_for("the program to have subscribed", lambda: "has said" in log.read_text())
        # when
        cloud.desire(NAME, time=7)
        # then
        wait_for("the delta", lambda: '"time":7' in log.read_text().replace(" ", ""))


def test_it_is_locked_up_as_any_other_and_nobody_restarts_it(cloud: Cloud, folder: Path) -> None:
    with program(folder, PAHO, "paho"):
        wait_until(cloud, "ONLINE")
        # when
        refused = cloud.playground("restart", NAME, check=False)
        # then
        assert refused.returncode == 1
        assert f"{NAME} is not virtual: it runs where its owner runs it" in refused.stderr
        # when
        cloud.playground("quarantine", NAME, "--reason", "odd")
        # then
        assert cloud.row(NAME)["status"] == "QUARANTINED"
        said = cloud.playground("why", NAME).stdout
        assert "odd" in said


@pytest.mark.usefixtures("nothing_left")
@needs_mosquitto
def test_the_command_waits_and_a_key_that_stays_with_its_owner_does(
    cloud: Cloud, tmp_path: Path
) -> None:
    # given: a key that the command never sees
    key, csr = make_request(NAME)
    (tmp_path / "gate.csr").write_text(csr)
    folder = tmp_path / "files"
    words = ("create", NAME, "--own", "--out", str(folder), "--csr", str(tmp_path / "gate.csr"))
    with subprocess.Popen(
        [str(COMMAND), *words, "--output", "json"],
        env=cloud.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as waiting:  # fmt: skip
        wait_for("the files", (folder / "README.md").exists, 30)
        assert not (folder / "private.key").exists()
        assert waiting.poll() is None
        # when
        (folder / "private.key").write_text(key)
        paste(folder, "mosquitto_pub")
        # then
        made = json.loads(waiting.communicate(timeout=30)[0])
    assert waiting.returncode == 0
    assert (made["status"], made["folder"]) == ("ONLINE", str(folder))
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


@pytest.mark.usefixtures("nothing_left")
def test_one_that_never_comes_can_be_deleted_meanwhile(cloud: Cloud, tmp_path: Path) -> None:
    # given
    create(cloud, tmp_path / NAME, "--no-wait")
    execution = execution_of(cloud)
    # when
    cloud.playground("delete", NAME)
    # then
    end = cloud.finished(execution)
    assert (end.status, end.error) == ("FAILED", "OwnershipLost")


@pytest.mark.usefixtures("nothing_left")
def test_a_name_that_is_taken_leaves_no_file(cloud: Cloud, tmp_path: Path) -> None:
    # given
    create(cloud, tmp_path / "first", "--no-wait")
    # when
    words = ("create", NAME, "--own", "--out", str(tmp_path / "second"))
    refused = cloud.playground(*words, check=False)
    # then
    assert refused.returncode == 1
    assert f"a thing {NAME} exists already" in refused.stderr
    assert not (tmp_path / "second").exists()
    assert (tmp_path / "first" / "private.key").exists()
    assert cloud.deprovision(NAME).status == "SUCCEEDED"
