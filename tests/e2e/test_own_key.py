"""Private keys, from their making on: where each may be seen, by whom, and how often.

Of a device that makes its own key none is ever in the cloud, from its first certificate to the one
after a restart.
"""

import json
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.bucket_watch import Watch
from tests.playground_cloud import Cloud, wait_for
from tests.secrets_found import places_with

pytestmark = pytest.mark.thorough


def state_of(cloud: Cloud, thing: str) -> Path:
    """The device's own directory."""
    process = cloud.device_process(thing)
    assert process
    return Path(process.environ()["STATE_DIR"]) / thing


@pytest.fixture
def made(cloud: Cloud, nothing_left: None) -> Iterator[tuple[Mapping[str, Any], Watch]]:
    """A device with a key of its own, and what lay in the buckets while it was made."""
    watch = Watch(cloud)
    with watch.watching():
        end = cloud.provision({"deviceType": "bulb", "identity": "csr"})
    assert end.status == "SUCCEEDED", end
    yield end.output, watch
    assert cloud.deprovision(end.output["thingName"]).status == "SUCCEEDED"


def test_the_key_is_never_in_the_cloud(cloud: Cloud, made: tuple[Mapping[str, Any], Watch]) -> None:
    # given
    device, watch = made
    thing = device["thingName"]
    # then: its request and its certificate went through the bucket, and nothing there was a key
    assert {f"devices/{thing}/csr.pem", f"devices/{thing}/config.json"} <= watch.seen.keys()
    assert not any(
        b"PRIVATE KEY" in content for contents in watch.seen.values() for content in contents
    )
    row = cloud.row(thing)
    assert (row["identity"], row["status"]) == ("csr", "ONLINE")
    assert not row.keys() & {"identity_pending", "task_token", "certificate_requests"}
    # and the key is with the device, closed to others, and nothing is left of the request
    directory = state_of(cloud, thing)
    assert "PRIVATE KEY" in json.loads((directory / "identity.json").read_text())["privateKey"]
    assert stat.S_IMODE((directory / "identity.json").stat().st_mode) == 0o600
    assert not (directory / "request.json").exists()
    # and the certificate can't be picked up again, nor a second request be put
    bucket, s3 = cloud.home.output("ConfigBucketName"), cloud.client("s3")
    config = json.loads(
        s3.get_object(Bucket=bucket, Key=f"devices/{thing}/config.json")["Body"].read()
    )
    with pytest.raises(HTTPError, match=r"40[34]"):
        urlopen(config["identityUrl"])  # noqa: S310 - of the emulator
    again = Request(config["csrUrl"], b"\n" * 4096, {"If-None-Match": "*"}, method="PUT")  # noqa: S310
    with pytest.raises(HTTPError, match="412"):
        urlopen(again)  # noqa: S310

    # when its task is stopped
    planted = set(
        places_with(cloud, "PRIVATE KEY")
    )  # another test leaves the words in an execution's input
    old, restarted = device["certificateId"], Watch(cloud)
    with restarted.watching():
        cloud.client("ecs").stop_task(
            cluster=row["cluster_arn"], task=row["task_arn"], reason="Spot"
        )

        def back() -> Mapping[str, Any] | None:
            now = cloud.row(thing)
            ready = (
                now["certificate_id"] != old
                and now["status"] == "ONLINE"
                and "restarting" not in now
            )
            return now if ready else None

        new = wait_for(f"{thing} to be back", back, limit=60)
    # then it is back with another key, and that one was never in the cloud either
    contents = {content for found in restarted.seen.values() for content in found}
    assert not any(b"PRIVATE KEY" in content for content in contents)
    assert (
        len(restarted.seen[f"devices/{thing}/csr.pem"] | watch.seen[f"devices/{thing}/csr.pem"])
        == 2
    )
    assert not new.keys() & {"identity_pending", "next_certificate_id", "task_token"}
    principals = cloud.client("iot").list_thing_principals(thingName=thing)["principals"]
    assert [principal.rpartition("/")[2] for principal in principals] == [new["certificate_id"]]
    assert set(places_with(cloud, "PRIVATE KEY")) <= planted


@pytest.fixture
def no_jobs_left(cloud: Cloud) -> Iterator[None]:
    """Jobs of this test go with it."""
    iot = cloud.client("iot")
    before = {job["jobId"] for job in iot.list_jobs()["jobs"]}
    yield
    for job_id in {job["jobId"] for job in iot.list_jobs()["jobs"]} - before:
        iot.delete_job(jobId=job_id, force=True)


def certificates(cloud: Cloud, *options: str) -> list[dict[str, Any]]:
    """What the command tells of them."""
    told = cloud.playground("certificates", *options, "--output", "json").stdout
    found: list[dict[str, Any]] = json.loads(told)["certificates"]
    return found


def test_a_certificate_is_replaced_before_its_lifetime_ends(
    cloud: Cloud, made: tuple[Mapping[str, Any], Watch], no_jobs_left: None
) -> None:
    # given: 300 of 365 days are over
    thing, old = made[0]["thingName"], made[0]["certificateId"]
    table = cloud.home.output("DeviceCatalogTableName")
    assert thing not in {found["thing_name"] for found in certificates(cloud, "--due")}
    long_ago = (
        (datetime.now(UTC) - timedelta(days=300))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
    cloud.client("dynamodb").update_item(
        TableName=table,
        Key={"thing_name": {"S": thing}},
        UpdateExpression="SET certificate_created_at = :then",
        ExpressionAttributeValues={":then": {"S": long_ago}},
    )
    (seen,) = certificates(cloud, "--due")
    assert (seen["thing_name"], seen["outcome"], seen["expired"]) == (thing, "due", False)
    assert cloud.row(thing)["certificate_id"] == old
    # when the day's run comes
    (started,) = certificates(cloud, "--rotate")
    assert started["outcome"] == "started"

    # then
    def rotated() -> Mapping[str, Any] | None:
        row = cloud.row(thing)
        done = row["certificate_id"] != old and not row.keys() & {
            "retired_certificate_arn",
            "next_certificate_id",
        }
        return row if done else None

    row = wait_for(f"another certificate of {thing}", rotated, limit=60)
    assert row["certificate_created_at"] > long_ago
    assert certificates(cloud, "--due") == []
    shown = [found for found in certificates(cloud) if found["thing_name"] == thing]
    assert [(found["certificate_id"], found["outcome"]) for found in shown] == [
        (row["certificate_id"], "")
    ]
    iot = cloud.client("iot")
    (job_id,) = [
        item["jobId"]
        for item in iot.list_job_executions_for_thing(thingName=thing)["executionSummaries"]
    ]

    def status() -> str:
        found: str = iot.describe_job_execution(jobId=job_id, thingName=thing)["execution"][
            "status"
        ]
        return found

    wait_for("the end of the job", lambda: status() == "SUCCEEDED")


@pytest.mark.usefixtures("nothing_left")
def test_a_key_that_aws_iot_makes_is_seen_once_encrypted_and_in_one_place(cloud: Cloud) -> None:
    # when
    watch = Watch(cloud)
    with watch.watching():
        made = cloud.provision({"deviceType": "bulb", "identity": "keys"})
    # then
    assert made.status == "SUCCEEDED", made
    thing = made.output["thingName"]
    held = {
        key
        for key, contents in watch.seen.items()
        if any(b"PRIVATE KEY" in content for content in contents)
    }
    assert held == {f"devices/{thing}/identity.json"}
    assert len(watch.seen[f"devices/{thing}/identity.json"]) == 1
    assert watch.encryption[f"devices/{thing}/identity.json"] == "AES256"
    # and it can't be picked up again
    bucket, s3 = cloud.home.output("ConfigBucketName"), cloud.client("s3")
    config = json.loads(
        s3.get_object(Bucket=bucket, Key=f"devices/{thing}/config.json")["Body"].read()
    )
    with pytest.raises(HTTPError, match=r"40[34]"):
        urlopen(config["identityUrl"])  # noqa: S310 - of the emulator
    assert cloud.deprovision(thing).status == "SUCCEEDED"
