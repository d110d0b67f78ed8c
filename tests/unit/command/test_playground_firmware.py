"""What `playground job create ... --file` makes of an image file."""

import json
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from playground.cli import jobs as cli_jobs
from playground.devices import firmware
from playground.devices.jobs import Jobs
from playground.errors import FirmwareError, JobError, UnknownDeviceError
from playground.home.homes import Home
from playground.home.paths import PROJECT, Paths
from virtual_device.core.capability import Surroundings
from virtual_device.jobs import update_document
from virtual_device.tools import firmware_tool

pytestmark = pytest.mark.processes

SAMPLE = PROJECT / "device/firmware/bulb-1.1.0.json"
ROLE = "arn:aws:iam::123456789012:role/playground-FirmwareDownloadRole"


@pytest.fixture(scope="module")
def image() -> firmware.Image:
    return firmware.checked(Paths(), SAMPLE)


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    """One for all: to read the service's model again takes a second."""
    return boto3.Session(region_name="eu-west-1")


@pytest.fixture
def home(session: boto3.Session, afresh: None) -> Home:
    found = Home("aws", session, "eu-west-1", "123456789012", "playground")
    found.__dict__["outputs"] = {"FirmwareBucketName": "images", "FirmwareDownloadRoleArn": ROLE}
    found.client("s3").create_bucket(
        Bucket="images", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return found


@pytest.mark.processes
def test_an_image_is_described_by_the_device_s_own_code(image: firmware.Image) -> None:
    content = SAMPLE.read_bytes()
    digest = sha256(content).hexdigest()
    assert image == firmware.Image(content, "1.1.0", len(content), digest)
    assert image.key == f"firmware/1.1.0-{digest[:16]}.json"


@pytest.mark.processes
def test_every_mistake_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"version": "1", "model": {"telemetry": {"a": {"walk": {}}}}}))
    with pytest.raises(FirmwareError) as caught:
        firmware.checked(Paths(), file)
    lines = str(caught.value).split("\n")
    assert f"{file}: version: must be a version such as 1.1.0" in lines
    assert any(
        line.startswith(f"{file}: model.telemetry.a.walk.step: is missing") for line in lines
    )


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert firmware_tool.main([str(tmp_path / "none.json")]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "problems": ["can't be read: No such file or directory"]
    }
    assert firmware_tool.main([]) == 2


def test_an_image_is_uploaded_and_the_job_has_a_placeholder_for_its_url(
    home: Home, image: firmware.Image
) -> None:
    # when
    job = firmware.offered(home, image)
    # then
    assert (
        home.client("s3").get_object(Bucket="images", Key=image.key)["Body"].read()
        == SAMPLE.read_bytes()
    )
    place = f"https://s3.eu-west-1.amazonaws.com/images/{image.key}"
    assert job.document["url"] == f"${{aws:iot:s3-presigned-url:{place}}}"
    assert job.presigned_url_config == {"roleArn": ROLE, "expiresInSec": 300}
    # and is what the device takes, once AWS IoT has put the URL in
    given = {key: value for key, value in job.document.items() if key != "operation"}
    parsed = update_document.parse({**given, "url": place}, cast("Surroundings", None))
    assert parsed == {**given, "url": place}


def test_a_job_with_a_placeholder_has_the_role(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    iot = SimpleNamespace(
        describe_thing=lambda thingName: {"thingArn": f"arn:{thingName}"},  # noqa: N803 - AWS's name
        create_job=lambda **given: asked.update(given),
    )
    monkeypatch.setattr(Home, "client", lambda _self, _service: iot)
    Jobs(home).create(
        ["dev-A"], {"operation": "update-firmware"}, 5, {"roleArn": ROLE, "expiresInSec": 300}
    )
    assert asked["presignedUrlConfig"] == {"roleArn": ROLE, "expiresInSec": 300}
    assert asked["timeoutConfig"] == {"inProgressTimeoutInMinutes": 5}
    asked.clear()
    Jobs(home).create(["dev-A"], {"operation": "change-unit"}, None)
    assert "presignedUrlConfig" not in asked


@pytest.mark.parametrize(
    "document", [{"operation": "change-unit"}, {"operation": "update-firmware", "size": 1}]
)
def test_a_file_is_for_an_update_only(home: Home, document: dict[str, Any]) -> None:
    with pytest.raises(JobError, match="--file is for update-firmware"):
        cli_jobs.with_image(Paths(), home, [], document, SAMPLE)
    assert "Contents" not in home.client("s3").list_objects_v2(Bucket="images")


def test_nothing_is_uploaded_for_a_device_that_is_not_there(
    home: Home, image: firmware.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_row(_self: object, name: str) -> None:
        raise UnknownDeviceError(name)

    monkeypatch.setattr("playground.devices.devices.Devices.row", no_row)
    monkeypatch.setattr(firmware, "checked", lambda *_: image)
    with pytest.raises(UnknownDeviceError):
        cli_jobs.with_image(Paths(), home, ["dev-NONE"], {"operation": "update-firmware"}, SAMPLE)
    assert "Contents" not in home.client("s3").list_objects_v2(Bucket="images")
