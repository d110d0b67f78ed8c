"""Firmware updates in the local cloud: real jobs, real presigned URLs, real roles, real devices."""

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from playground import exit_codes
from playground.devices import firmware
from playground.home.paths import PROJECT
from playground.messages.watch import watching
from proofs.paste.blocks import blocks
from tests.playground_cloud import Cloud, wait_for
from tests.unit.doubles.image_server import image_server

SAMPLE = PROJECT / "device/firmware/bulb-1.1.0.json"


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """The name of a bulb that is online; removed afterwards."""
    made = cloud.provision({"deviceType": "bulb"})
    assert made.status == "SUCCEEDED", made
    name: str = made.output["thingName"]
    cloud.wait_until_reported(name, time=60)
    yield name
    assert cloud.deprovision(name).status == "SUCCEEDED"


@pytest.fixture
def jobs(cloud: Cloud) -> Iterator[list[str]]:
    """Ids of jobs; deleted afterwards."""
    ids: list[str] = []
    yield ids
    for job_id in ids:
        cloud.client("iot").delete_job(jobId=job_id, force=True)


def image(folder: Path, version: str, **changes: Any) -> Path:
    """A variation of the sample."""
    file = folder / f"{version}.json"
    file.write_text(json.dumps({**json.loads(SAMPLE.read_text()), "version": version, **changes}))
    return file


def execution(cloud: Cloud, job_id: str, thing: str) -> Mapping[str, Any]:
    """Status and statusDetails of a device's execution."""
    found = cloud.client("iot").describe_job_execution(jobId=job_id, thingName=thing)["execution"]
    return {"status": found["status"], **found.get("statusDetails", {}).get("detailsMap", {})}


def ended(cloud: Cloud, job_id: str, thing: str, limit: float = 60) -> Mapping[str, Any]:
    """The same, when it has ended."""

    def over() -> Mapping[str, Any] | None:
        found = execution(cloud, job_id, thing)
        return None if found["status"] in ("QUEUED", "IN_PROGRESS") else found

    return wait_for(f"the end of job {job_id}", over, limit)


def create(cloud: Cloud, jobs: list[str], thing: str, file: Path) -> str:
    """A job that brings the image, by the product's own command; its id."""
    answer = cloud.playground(
        "job", "create", thing, "update-firmware", "--file", str(file), "--output", "json"
    )
    jobs.append(json.loads(answer.stdout)["jobId"])
    return jobs[-1]


def create_by_hand(cloud: Cloud, jobs: list[str], thing: str, document: Any, **given: Any) -> str:
    """A job as a user of AWS makes it; its id."""
    iot = cloud.client("iot")
    jobs.append(f"test-{uuid.uuid4().hex[:12]}")
    target = iot.describe_thing(thingName=thing)["thingArn"]
    iot.create_job(jobId=jobs[-1], targets=[target], document=json.dumps(document), **given)
    return jobs[-1]


def telemetry(cloud: Cloud, thing: str, seconds: int) -> Mapping[str, Any]:
    """What the device sends next, when it is told to send every so many seconds."""
    with watching(cloud.home, thing) as watcher:
        cloud.desire(thing, time=seconds)
        for message in watcher.messages():
            if message.topic == f"dt/playground/{thing}/telemetry":
                content: dict[str, Any] = message.payload
                return content
    raise AssertionError("no telemetry")


def test_an_update(cloud: Cloud, device: str, jobs: list[str]) -> None:
    # Given a bulb with the firmware that it came with
    assert "firmware" not in cloud.shadow(device)["reported"]
    before = telemetry(cloud, device, 50)
    assert not before.keys() & {"power", "signal"}
    # When a job brings the sample, which AWS IoT makes the URL for
    job = create(cloud, jobs, device, SAMPLE)
    # Then the execution tells how it went
    end = ended(cloud, job, device)
    size = str(SAMPLE.stat().st_size)
    details = {
        "step": "done",
        "version": "1.1.0",
        "previous": "factory",
        "bytes": size,
        "percent": "100",
    }
    assert end == {"status": "SUCCEEDED", **details}
    # and what the device says and reports is the new version's
    cloud.wait_until_reported(device, firmware="1.1.0")
    assert telemetry(cloud, device, 40).keys() >= {"power", "signal", "temperature", "status"}
    # and the same once more is no work
    again = ended(cloud, create(cloud, jobs, device, SAMPLE), device)
    assert (again["status"], again["previous"]) == ("SUCCEEDED", "1.1.0")
    assert "percent" not in again


def test_a_device_asks_no_place_but_its_stacks_own(
    cloud: Cloud, device: str, jobs: list[str]
) -> None:
    # Given a service beside the device
    document = {"operation": firmware.OPERATION, "version": "9.0.0", "size": 9, "sha256": "0" * 64}
    with image_server() as beside:
        # When a job has the device fetch from there
        end = ended(
            cloud, create_by_hand(cloud, jobs, device, {**document, "url": beside.url()}), device
        )
        # Then it does not ask, and says why
        assert (end["status"], end["code"]) == ("FAILED", "PLACE_REFUSED")
        assert "not fetched from 127.0.0.1" in end["reason"]
        assert beside.asked == []


@pytest.mark.thorough
def test_an_image_that_does_not_come_up_is_taken_back(
    cloud: Cloud, device: str, jobs: list[str], tmp_path: Path
) -> None:
    # Given a bulb that runs 1.1.0
    assert ended(cloud, create(cloud, jobs, device, SAMPLE), device)["status"] == "SUCCEEDED"
    # When an image comes whose telemetry lacks what its self-test asks for
    broken = image(tmp_path, "2.0.0", selfTest={"battery": {"min": 0, "max": 100}})
    end = ended(cloud, create(cloud, jobs, device, broken), device)
    # Then the device is back at 1.1.0, and the execution says why
    assert (end["status"], end["code"], end["step"]) == ("FAILED", "SELF_TEST_FAILED", "starting")
    assert end["reason"] == "battery is missing in the telemetry"
    assert cloud.shadow(device)["reported"]["firmware"] == "1.1.0"
    assert "power" in telemetry(cloud, device, 40)


@pytest.mark.thorough
def test_an_image_whose_telemetry_is_refused_is_taken_back(
    cloud: Cloud, device: str, jobs: list[str]
) -> None:
    with forbidden(cloud, device, f"dt/playground/{device}/*"):
        end = ended(cloud, create(cloud, jobs, device, SAMPLE), device)
    assert (end["status"], end["code"]) == ("FAILED", "NOT_UP")
    assert "NOT_AUTHORIZED" in end["reason"]
    assert "firmware" not in cloud.shadow(device)["reported"]


@pytest.mark.thorough
def test_a_crash_in_the_middle_of_a_trial(cloud: Cloud, device: str, jobs: list[str]) -> None:
    # Given a device that is on trial, and can't get its shadow
    process = wait_for("the device's process", lambda: cloud.device_process(device))
    with forbidden(cloud, device, f"$aws/things/{device}/shadow/get"):
        job = create(cloud, jobs, device, SAMPLE)
        wait_for("the trial", lambda: execution(cloud, job, device).get("step") == "starting")
        assert execution(cloud, job, device)["status"] == "IN_PROGRESS"
        # When its process dies
        os.kill(process.pid, signal.SIGKILL)
        # Then the next one is back at the firmware before, and tells the job
        end = ended(cloud, job, device)
    assert (end["status"], end["code"]) == ("FAILED", "NOT_CONFIRMED")
    assert "firmware" not in cloud.shadow(device)["reported"]
    assert "power" not in telemetry(cloud, device, 40)
    # and can be updated
    assert ended(cloud, create(cloud, jobs, device, SAMPLE), device)["status"] == "SUCCEEDED"
    cloud.wait_until_reported(device, firmware="1.1.0")


@pytest.mark.thorough
def test_a_version_outlives_a_crash(cloud: Cloud, device: str, jobs: list[str]) -> None:
    assert ended(cloud, create(cloud, jobs, device, SAMPLE), device)["status"] == "SUCCEEDED"
    process = wait_for("the device's process", lambda: cloud.device_process(device))
    os.kill(process.pid, signal.SIGKILL)
    wait_for(
        "a new process", lambda: (new := cloud.device_process(device)) and new.pid != process.pid
    )
    assert "power" in telemetry(cloud, device, 40)
    assert cloud.shadow(device)["reported"]["firmware"] == "1.1.0"


@pytest.mark.thorough
def test_an_ordinary_url_will_do(cloud: Cloud, device: str, jobs: list[str]) -> None:
    # Given an image behind a URL that somebody else has made
    found = firmware.checked(cloud.paths, SAMPLE)
    firmware.offered(cloud.home, found)
    bucket = cloud.home.output("FirmwareBucketName")
    # Of the two versions of signatures that boto3 can make, AWS takes the fourth for buckets of our
    # days.
    s3 = cloud.home.client("s3", Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": found.key})
    # When a job names it
    end = ended(cloud, create_by_hand(cloud, jobs, device, found.job_document(url)), device)
    # Then the device takes it
    assert (end["status"], end["version"]) == ("SUCCEEDED", "1.1.0")


@pytest.mark.thorough
def test_the_role_of_the_jobs_reads_images_and_nothing_else(
    cloud: Cloud, device: str, jobs: list[str]
) -> None:
    # Given jobs that would have a device fetch what is not an image
    found = firmware.checked(cloud.paths, SAMPLE)
    role = {"roleArn": cloud.home.output("FirmwareDownloadRoleArn"), "expiresInSec": 60}
    config, images = (
        cloud.home.output(name) for name in ("ConfigBucketName", "FirmwareBucketName")
    )
    s3 = cloud.client("s3")
    for bucket, key in ((config, f"devices/{device}/config.json"), (images, "elsewhere.json")):
        s3.put_object(Bucket=bucket, Key=key, Body=SAMPLE.read_bytes())
        url = f"${{aws:iot:s3-presigned-url:https://s3.{cloud.home.region}.amazonaws.com/{bucket}/{key}}}"
        job = create_by_hand(cloud, jobs, device, found.job_document(url), presignedUrlConfig=role)
        # Then the URL that AWS IoT makes is refused, though what is behind it would pass every
        # check
        end = ended(cloud, job, device)
        assert (end["status"], end["code"]) == ("FAILED", "URL_REFUSED"), (bucket, key)
        assert "HTTP 403" in end["reason"]
        s3.delete_object(Bucket=bucket, Key=key)


@pytest.mark.thorough
def test_an_image_is_checked_before_it_is_uploaded(cloud: Cloud, tmp_path: Path) -> None:
    # Given an image that breaks rules
    bad = image(
        tmp_path, "one", model={"telemetry": {"a": {"sine": {"amplitude": 1, "period": 0}}}}
    )
    bucket = cloud.home.output("FirmwareBucketName")

    def keys() -> set[str]:
        return {
            item["Key"]
            for item in cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        }

    before = keys()
    # When it is to be sent, or a good one to nobody
    refused = cloud.playground(
        "job", "create", "--all", "update-firmware", "--file", str(bad), check=False
    )
    nobody = cloud.playground(
        "job", "create", "dev-NONE", "update-firmware", "--file", str(SAMPLE), check=False
    )
    # Then every mistake is named, and nothing was uploaded
    assert (refused.returncode, nobody.returncode) == (exit_codes.FAILED, exit_codes.NOT_FOUND)
    assert f"{bad}: version: must be a version such as 1.1.0" in refused.stderr
    assert f"{bad}: model.telemetry.a.sine.period: must be" in refused.stderr
    assert "There is no device dev-NONE" in nobody.stderr
    assert "Traceback" not in refused.stderr + nobody.stderr
    assert keys() == before


@pytest.mark.thorough
def test_the_documented_way_of_aws(cloud: Cloud, device: str, jobs: list[str]) -> None:
    # Given the commands of docs/firmware.md
    commands = next(
        "\n".join(block.lines)
        for block in blocks(PROJECT / "docs" / "firmware.md")
        if block.lines[0].startswith("stack()")
    )
    # When a user runs them
    jobs.append("bulbs-1-1-0")
    cloud.run("bash", "-euo", "pipefail", "-c", commands.replace("lamp", device))
    # Then the device is updated
    assert ended(cloud, "bulbs-1-1-0", device)["status"] == "SUCCEEDED"


@contextmanager
def forbidden(cloud: Cloud, thing: str, topic: str) -> Iterator[None]:
    """Within the block the device may not publish there."""
    iot, name = cloud.client("iot"), f"test-{uuid.uuid4().hex[:12]}"
    (certificate,) = iot.list_thing_principals(thingName=thing)["principals"]
    resource = f"arn:aws:iot:{cloud.home.region}:{cloud.home.account}:topic/{topic}"
    statement = {"Effect": "Deny", "Action": "iot:Publish", "Resource": resource}
    iot.create_policy(
        policyName=name,
        policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    iot.attach_policy(policyName=name, target=certificate)
    try:
        yield
    finally:
        iot.detach_policy(policyName=name, target=certificate)
        iot.delete_policy(policyName=name)
