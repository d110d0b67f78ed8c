"""From a changed device to running it: push, roll one by one, and back when it does not come up."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from playground.home.paths import PROJECT
from playground.images.images import Images
from tests.playground_cloud import Cloud, wait_for

pytestmark = pytest.mark.thorough

NAMES = ("roll-a", "roll-b")


@pytest.fixture
def devices(cloud: Cloud, nothing_left: None) -> Iterator[Sequence[str]]:
    """Two devices with settings of their own; afterwards they are gone, and new tasks run device/
    as it stands.
    """
    for number, name in enumerate(NAMES):
        assert cloud.provision({"thingName": name, "deviceType": "bulb"}).status == "SUCCEEDED"
        cloud.desire(name, time=30 + number, status="on")
        cloud.wait_until_reported(name, time=30 + number)
    yield NAMES
    for name in NAMES:
        assert cloud.deprovision(name).status == "SUCCEEDED"
    cloud.playground("push")


def changed(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of device/ with something else in one file."""
    copy = folder / "device"
    shutil.copytree(PROJECT / "device", copy, ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / "virtual_device" / file
    assert old in target.read_text()
    target.write_text(target.read_text().replace(old, new))
    return copy


def help_of(cloud: Cloud, name: str) -> str:
    """What the device's own code says, over MQTT."""
    answer = json.loads(cloud.playground("command", name, "help", "--output", "json").stdout)
    text: str = answer["result"]["help"]["description"]
    return text


def is_gone(cloud: Cloud, certificate_id: str) -> bool:
    """Whether AWS IoT knows no such certificate any more."""
    iot = cloud.client("iot")
    try:
        iot.describe_certificate(certificateId=certificate_id)
    except iot.exceptions.ResourceNotFoundException:
        return True
    return False


def test_devices_are_moved_to_what_was_pushed(
    cloud: Cloud, devices: Sequence[str], tmp_path: Path
) -> None:
    # given
    before = {name: cloud.row(name) for name in devices}
    folder = changed(
        tmp_path, "commands/commands.py", "list the commands with", "edition two: the commands with"
    )
    # when
    pushed = json.loads(cloud.playground("push", "--from", str(folder), "--output", "json").stdout)
    # then: what runs goes on as it was, what is new runs the new code
    assert pushed["digest"] == Images(cloud.home).current()
    assert cloud.row("roll-a") == before["roll-a"]
    assert help_of(cloud, "roll-a").startswith("list the commands")
    assert cloud.playground("roll", "--dry-run").stdout.split() == list(devices)
    # when
    told = cloud.playground("roll", timeout=120)
    # then: one after the other
    assert [line.split()[1:] for line in told.stderr.splitlines() if "roll-" in line] == [
        [name, status] for name in devices for status in ("moving", "moved")
    ]
    for number, name in enumerate(devices):
        row = cloud.row(name)
        assert (row["status"], row["image_digest"]) == ("ONLINE", pushed["digest"])
        # the same thing and shadow; another task, another certificate, the old one gone
        assert row["execution_arn"] == before[name]["execution_arn"]
        assert row["task_arn"] != before[name]["task_arn"]
        assert row["certificate_id"] != before[name]["certificate_id"]
        assert is_gone(cloud, before[name]["certificate_id"])
        principals = cloud.client("iot").list_thing_principals(thingName=name)["principals"]
        assert [principal.rpartition("/")[2] for principal in principals] == [row["certificate_id"]]
        assert (
            cloud.shadow(name)["desired"].items() >= {"time": 30 + number, "status": "on"}.items()
        )
        cloud.wait_until_reported(name, time=30 + number, status="on")
        # and it is the new code that answers
        assert help_of(cloud, name).startswith("edition two")
    # and the agent waited for the end of the old process before it started the new one
    log = (cloud.paths.logs / "agent.log").read_text()
    for name in devices:
        old, new = (row["task_arn"].rpartition("/")[2] for row in (before[name], cloud.row(name)))
        assert log.index(f"device of task {old} ended") < log.index(f"start task {new}")
    # and there is nothing more to do
    assert "Every device runs" in cloud.playground("roll").stdout
    listed = json.loads(cloud.playground("images", "--output", "json").stdout)["images"]
    assert [(image["digest"], image["devices"]) for image in listed if image["current"]] == [
        (pushed["digest"], list(devices))
    ]


def test_an_image_that_does_not_come_up_stops_the_roll_at_the_first(
    cloud: Cloud, devices: Sequence[str], tmp_path: Path
) -> None:
    # given: it can be imported, and ends at once
    before, current = {name: cloud.row(name) for name in devices}, Images(cloud.home).current()
    folder = changed(
        tmp_path,
        "__main__.py",
        'if __name__ == "__main__":\n',
        'if __name__ == "__main__":\n    sys.exit(2)\n',
    )
    cloud.playground("push", "--from", str(folder))
    # when
    told = cloud.playground("roll", timeout=120, check=False)
    # then
    assert told.returncode == 1
    assert "roll-a did not come up with" in told.stderr
    assert "exit code 2" in told.stderr
    assert f"It runs {current} again, and so will new tasks." in told.stderr
    # the first is back with the image that it had, and the second was not touched
    row = cloud.row("roll-a")
    assert (row["status"], row["image_digest"]) == ("ONLINE", current)
    assert is_gone(cloud, before["roll-a"]["certificate_id"])
    assert cloud.shadow("roll-a")["desired"]["time"] == 30
    assert help_of(cloud, "roll-a")
    assert cloud.row("roll-b") == before["roll-b"]
    # and a new device comes up
    assert Images(cloud.home).current() == current
    assert cloud.provision({"thingName": "roll-new"}).status == "SUCCEEDED"
    assert cloud.deprovision("roll-new").status == "SUCCEEDED"


def test_what_cannot_be_built_changes_nothing(cloud: Cloud, tmp_path: Path) -> None:
    # given
    current = Images(cloud.home).current()
    folder = changed(tmp_path, "__init__.py", '"""', 'import nothing_of_that_name\n"""')
    # when
    refused = cloud.playground("push", "--from", str(folder), check=False)
    # then
    assert refused.returncode == 1
    assert "No module named 'nothing_of_that_name'" in refused.stderr
    assert Images(cloud.home).current() == current


def test_the_first_device_without_an_image_says_what_to_do(
    cloud: Cloud, nothing_left: None
) -> None:
    # given
    images = Images(cloud.home)
    cloud.client("ecr").batch_delete_image(
        repositoryName=images.repository, imageIds=[{"imageTag": images.tag}]
    )
    try:
        # when
        refused = cloud.playground("create", "--name", "too-early", check=False)
        # then
        assert refused.returncode == 1
        assert "There is no device image yet (tag latest): run `playground push`." in refused.stderr
        assert "Traceback" not in refused.stderr
        assert cloud.row("too-early") == {}
    finally:
        # and what it says to do helps
        pushed = cloud.playground("push")
    assert "New tasks run sha256:" in pushed.stdout
    assert cloud.provision({"thingName": "too-early"}).status == "SUCCEEDED"
    assert cloud.deprovision("too-early").status == "SUCCEEDED"


def test_any_tools_upload_is_built(cloud: Cloud, tmp_path: Path) -> None:
    # given
    source = tmp_path / "source.zip"
    code = "import sys; from pathlib import Path; from playground.images.source import pack; "
    code += (
        f"s = pack(Path({str(PROJECT / 'device')!r})); "
        f"Path({str(source)!r}).write_bytes(s.data); print(s.key)"
    )
    key = cloud.run(".venvs/app/bin/python", "-c", code).stdout.strip()
    images = Images(cloud.home)
    before = images.current()
    tag = key.removeprefix("source/").removesuffix(".zip")
    cloud.client("ecr").batch_delete_image(
        repositoryName=images.repository, imageIds=[{"imageTag": tag}]
    )
    # when
    cloud.run("aws", "s3", "cp", str(source), f"s3://{cloud.home.output('SourceBucketName')}/{key}")
    # then
    assert wait_for("the image", lambda: images.digest(tag)) == images.current() == before
