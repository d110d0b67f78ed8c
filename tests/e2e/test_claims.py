"""Fleet provisioning: devices that come with a claim certificate, and whoever else has one."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from awscrt import mqtt5
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from playground.devices.serials import Entry, Serials
from tests.bucket_watch import Watch
from tests.claims import (
    LIMIT,
    NOT_AUTHORIZED,
    SHARED_KEY,
    connected,
    exchanged,
    own_claim,
    published,
    shared_claim,
    template_of,
)
from tests.playground_cloud import Cloud, wait_for
from tests.secrets_found import places_with
from virtual_device.state.certify import NotCertifiedError
from virtual_device.state.keys import fits

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

SHARED, OWN_KEY, OWN = METHODS = ("claim", "claim-csr", "trusted-user")
DONE = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT")


def certificates(cloud: Cloud) -> Mapping[str, str]:
    """The status of each, by id."""
    pages = cloud.client("iot").get_paginator("list_certificates").paginate()
    return {
        found["certificateId"]: found["status"] for page in pages for found in page["certificates"]
    }


def bucket_has(cloud: Cloud, prefix: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(
        Bucket=cloud.home.output("ConfigBucketName"), Prefix=prefix
    )
    return [item["Key"] for item in found.get("Contents", [])]


@pytest.fixture
def no_claim_left(cloud: Cloud, nothing_left: None) -> Iterator[None]:
    """What devices share stays for the next one, and what thieves were made stays for an hour."""
    before = certificates(cloud)
    yield
    iot, policy = cloud.client("iot"), f"{cloud.home.stack_name}-claim"
    for arn in iot.list_targets_for_policy(policyName=policy)["targets"]:
        iot.detach_policy(policyName=policy, target=arn)
    for certificate_id, status in certificates(cloud).items():
        if certificate_id not in before:
            assert status in {"PENDING_ACTIVATION", "ACTIVE", "REVOKED"}
            iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
            iot.delete_certificate(certificateId=certificate_id)
    bucket = cloud.home.output("ConfigBucketName")
    for key in bucket_has(cloud, "claims/"):
        cloud.client("s3").delete_object(Bucket=bucket, Key=key)
    serials = Serials(cloud.home)
    serials.remove([Entry(one.serial, one.batch) for one in serials.all()])


def granted(client: mqtt5.Client, topic_filter: str) -> bool:
    wanted = [mqtt5.Subscription(topic_filter, mqtt5.QoS.AT_LEAST_ONCE)]
    suback = client.subscribe(mqtt5.SubscribePacket(wanted)).result(LIMIT)
    return int(suback.reason_codes[0]) < 128


def with_keys(watch: Watch) -> list[bytes]:
    """Every content of any object that had a private key in it."""
    return [one for found in watch.seen.values() for one in found if b"PRIVATE KEY" in one]


def identity_of(cloud: Cloud, thing: str) -> Mapping[str, str]:
    """What the device keeps."""
    process = cloud.device_process(thing)
    assert process
    kept = Path(process.environ()["STATE_DIR"]) / thing
    assert not (kept / "request.json").exists()
    content: Mapping[str, str] = json.loads((kept / "identity.json").read_text())
    return content


def has_rotated(cloud: Cloud, thing: str) -> str:
    iot, job_id = cloud.client("iot"), f"rotate-{thing}"
    arn = iot.describe_thing(thingName=thing)["thingArn"]
    iot.create_job(jobId=job_id, targets=[arn], document='{"operation": "rotate-cert"}')

    def over() -> str | None:
        found = iot.describe_job_execution(jobId=job_id, thingName=thing)["execution"]
        return str(found["status"]) if found["status"] in DONE else None

    ended = wait_for(f"the end of {job_id}", over, 60)
    iot.delete_job(jobId=job_id, force=True)
    return ended


@pytest.mark.usefixtures("no_claim_left")
@pytest.mark.parametrize("method", METHODS)
def test_a_device_comes_with_a_claim_and_is_one_like_any_other(cloud: Cloud, method: str) -> None:
    # given
    planted = set(places_with(cloud, "PRIVATE KEY"))
    # when
    made = cloud.provision({"deviceType": "bulb", "method": method})
    # then: it is online with a certificate of its own, which has the device policy alone
    assert made.status == "SUCCEEDED", made
    thing = made.output["thingName"]
    row, iot = cloud.row(thing), cloud.client("iot")
    assert (row["status"], row["identity"]) == ("ONLINE", method)
    assert row["presence_certificate"] == row["certificate_id"] == made.output["certificateId"]
    assert row["certificate_id"] != row["claim_certificate_id"]
    (arn,) = iot.list_thing_principals(thingName=thing)["principals"]
    assert arn == row["certificate_arn"]
    attached = iot.list_attached_policies(target=arn)["policies"]
    assert [policy["policyName"] for policy in attached] == [f"{cloud.home.stack_name}-device"]
    # and its thing is the one that the workflow has made
    told = iot.describe_thing(thingName=thing)
    assert told["thingTypeName"] == f"{cloud.home.stack_name}-bulb"
    assert told["attributes"].keys() == {"execution"}
    # and the claim that was handed over is gone, and was nowhere else
    assert not row.keys() & {"identity_pending", "task_token", "certificate_requests"}
    assert bucket_has(cloud, f"devices/{thing}/") == [f"devices/{thing}/config.json"]
    new = set(places_with(cloud, "PRIVATE KEY")) - planted
    assert not [place for place in new if SHARED_KEY not in place]
    # and the device keeps no more than any other
    process = cloud.device_process(thing)
    assert process
    kept = Path(process.environ()["STATE_DIR"]) / thing
    assert not (kept / "claimed.json").exists()
    identity = json.loads((kept / "identity.json").read_text())
    assert identity["certificateId"] == row["certificate_id"]
    # and it changes its certificate when it is told to
    cloud.desire(thing, time=3)
    cloud.wait_until_reported(thing, time=3)
    assert has_rotated(cloud, thing) == "SUCCEEDED"
    rotated = cloud.row(thing)["certificate_id"]
    assert rotated != row["certificate_id"]
    # and is confined, and let out
    quarantine = {"thingName": thing, "reason": "a test"}
    assert cloud.execute("QuarantineDeviceStateMachineArn", quarantine).status == "SUCCEEDED"
    released = cloud.execute(
        "ReleaseDeviceStateMachineArn", {"thingName": thing, "force": True}, limit=90
    )
    assert released.status == "SUCCEEDED", released
    # and restarted, with a certificate that the workflow makes
    wait_for("its return", lambda: cloud.row(thing)["status"] == "ONLINE")
    restarted = cloud.execute("RestartDeviceStateMachineArn", {"thingName": thing}, limit=90)
    assert restarted.status == "SUCCEEDED", restarted
    again = cloud.row(thing)
    assert (again["status"], again["identity"]) == ("ONLINE", method)
    assert again["certificate_id"] not in {rotated, row["certificate_id"]}
    assert cloud.deprovision(thing).status == "SUCCEEDED"


@pytest.mark.usefixtures("no_claim_left")
def test_a_device_that_makes_its_own_key_keeps_it(cloud: Cloud) -> None:
    # given
    watch, restarted = Watch(cloud), Watch(cloud)
    # when
    with watch.watching():
        made = cloud.provision({"deviceType": "bulb", "method": OWN_KEY})
    assert made.status == "SUCCEEDED", made
    thing = made.output["thingName"]
    # then: the only key that was in a bucket at any time is the claim's
    claim = shared_claim(cloud)
    keys = {json.loads(found)["privateKey"] for found in with_keys(watch)}
    assert keys == {claim["privateKey"]}
    assert {f"devices/{thing}/identity.json", SHARED_KEY} <= watch.seen.keys()
    # and the device's is its own, on the curve that it makes keys on
    first = identity_of(cloud, thing)
    assert fits(first["privateKey"], first["certificatePem"])
    assert not fits(claim["privateKey"], first["certificatePem"])
    assert isinstance(
        load_pem_private_key(first["privateKey"].encode(), None), ec.EllipticCurvePrivateKey
    )
    # when it is restarted
    with restarted.watching():
        again = cloud.execute("RestartDeviceStateMachineArn", {"thingName": thing}, limit=90)
    assert again.status == "SUCCEEDED", again
    # then it makes another key, and no claim goes to it
    assert f"devices/{thing}/csr.pem" in restarted.seen
    assert {json.loads(found)["privateKey"] for found in with_keys(restarted)} == keys
    assert f"devices/{thing}/identity.json" not in {
        key for key, found in restarted.seen.items() if any(b"PRIVATE KEY" in one for one in found)
    }
    second = identity_of(cloud, thing)
    assert second["privateKey"] != first["privateKey"]
    assert second["certificateId"] == cloud.row(thing)["certificate_id"]
    assert cloud.deprovision(thing).status == "SUCCEEDED"


@pytest.mark.usefixtures("no_claim_left")
def test_a_stolen_claim_gets_nothing(cloud: Cloud, tmp_path: Path) -> None:
    # given: a claim that was used by two devices
    made = [cloud.provision({"deviceType": "bulb", "method": SHARED}) for _ in range(2)]
    names = [found.output["thingName"] for found in made]
    rows = [cloud.row(name) for name in names]
    claim = shared_claim(cloud)
    assert {row["claim_certificate_id"] for row in rows} == {claim["certificateId"]}
    # when its thief names nobody, and devices that are there
    tries = [("nobody", {"ownKey": True}), *((name, {}) for name in ["nobody", *names])]
    for number, (name, more) in enumerate(tries):
        with pytest.raises(NotCertifiedError, match="AccessDenied"):
            exchanged(cloud, claim, name, tmp_path / str(number), **more)
    # then: nothing is in the catalog, or in force, or on a thing
    assert cloud.row("nobody") == {}
    assert [cloud.row(name)["certificate_id"] for name in names] == [
        row["certificate_id"] for row in rows
    ]
    iot = cloud.client("iot")
    in_force = {row["certificate_id"] for row in rows} | {claim["certificateId"]}
    left = {name: status for name, status in certificates(cloud).items() if name not in in_force}
    assert list(left.values()).count("PENDING_ACTIVATION") == 4
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="nobody")
    # and when it is withdrawn it opens nothing, devices go on, and the next one gets another
    iot.update_certificate(certificateId=claim["certificateId"], newStatus="REVOKED")
    with pytest.raises(ConnectionRefusedError), connected(cloud, claim, "claim.thief"):
        pass
    third = cloud.provision({"deviceType": "bulb", "method": SHARED})
    assert third.status == "SUCCEEDED", third
    assert shared_claim(cloud)["certificateId"] != claim["certificateId"]
    assert claim["certificateId"] not in certificates(cloud)
    for name in [*names, third.output["thingName"]]:
        assert cloud.row(name)["status"] == "ONLINE"
        assert cloud.deprovision(name).status == "SUCCEEDED"


@pytest.mark.usefixtures("no_claim_left")
@pytest.mark.parametrize("method", METHODS)
def test_a_claim_opens_no_other_topic(cloud: Cloud, method: str) -> None:
    # given
    made = cloud.provision({"deviceType": "bulb", "method": method})
    thing, template = made.output["thingName"], template_of(cloud)
    claim = own_claim(cloud) if method == OWN else shared_claim(cloud)
    with connected(cloud, claim, "claim.thief") as client:
        # then
        assert granted(client, f"$aws/provisioning-templates/{template}/provision/json/accepted")
        assert granted(client, "$aws/certificates/create/json/accepted")
        assert granted(client, "$aws/certificates/create-from-csr/json/accepted")
        for topic_filter in (
            f"$aws/things/{thing}/shadow/#",
            f"$aws/things/{thing}/shadow/get/accepted",
            f"cmd/playground/{thing}/#",
            "dt/playground/+/telemetry",
            "$aws/provisioning-templates/another/provision/json/accepted",
            "#",
        ):
            assert not granted(client, topic_filter), topic_filter
        for topic in (
            f"$aws/things/{thing}/shadow/update",
            f"cmd/playground/{thing}/req",
            f"dt/playground/{thing}/telemetry",
            f"evt/playground/{thing}/online",
            "$aws/provisioning-templates/another/provision/json",
        ):
            assert published(client, topic) == NOT_AUTHORIZED, topic
    if method != OWN:
        # and it can't take the device's place
        with pytest.raises(ConnectionRefusedError), connected(cloud, claim, thing):
            pass
    assert cloud.row(thing)["status"] == "ONLINE"
    assert cloud.deprovision(thing).status == "SUCCEEDED"


@pytest.mark.usefixtures("no_claim_left")
@pytest.mark.parametrize(
    ("batches", "why"),
    [
        ([], "the list has no serial number lamp"),
        (["spring", "autumn"], "the list has the serial number lamp more than once"),
        (["autumn"], "the list has the serial number lamp for batch autumn, not spring"),
    ],
    ids=["not there", "twice", "of another batch"],
)
def test_a_device_that_is_not_listed_for_its_batch_gets_nothing(
    cloud: Cloud, batches: list[str], why: str
) -> None:
    # given
    resource = cloud.home.resource("dynamodb")
    table = resource.Table(cloud.home.output("SerialsTableName"))
    for batch in batches:
        table.put_item(Item={"serial": "lamp", "batch": batch, "added_at": "2026-01-02T03:04:05Z"})
    # when
    asked = {"thingName": "lamp", "method": OWN_KEY, "batch": "spring"}
    refused = cloud.provision(asked)
    # then: it fails soon and says why
    assert (refused.status, refused.error) == ("FAILED", "SerialRefused")
    assert f"lamp may not join: {why}" in refused.cause
    # and nothing is left but what AWS IoT lets expire, and the claim of the batch
    row, iot = cloud.row("lamp"), cloud.client("iot")
    assert (row["status"], row["batch"], "certificate_id" in row) == ("FAILED", "spring", False)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="lamp")
    assert bucket_has(cloud, "devices/lamp/") == []
    assert bucket_has(cloud, "claims/") == ["claims/batches/spring.json"]
    in_force = [name for name, status in certificates(cloud).items() if status == "ACTIVE"]
    policy = f"{cloud.home.stack_name}-claim"
    (claim,) = iot.list_targets_for_policy(policyName=policy)["targets"]
    assert claim.rpartition("/")[2] in in_force
    assert not any(iot.list_principal_things(principal=claim)["things"])
    # and the question why is answered with what to do
    said = " ".join(cloud.playground("why", "lamp").stdout.split())
    assert f"lamp could not be made: {why}." in said
    assert "playground serials add FILE" in said


@pytest.mark.usefixtures("no_claim_left")
def test_a_device_that_is_listed_joins(cloud: Cloud, tmp_path: Path) -> None:
    # given
    file = tmp_path / "made-in-may.csv"
    file.write_text("serial,batch\nlamp,spring\nspot,spring\nhall,autumn\n")
    added = cloud.playground("serials", "add", str(file), "--output", "json")
    assert json.loads(added.stdout) == {"added": 3, "already": 0}
    # when
    made = cloud.provision({"thingName": "lamp", "method": SHARED, "batch": "spring"})
    other = cloud.playground("create", "hall", "--method", "trusted-user", "--batch", "autumn")
    # then
    assert made.status == "SUCCEEDED", made
    assert other.returncode == 0
    assert [cloud.row(name)["status"] for name in ("lamp", "hall")] == ["ONLINE"] * 2
    assert "serial_refused" not in cloud.row("lamp")
    assert bucket_has(cloud, "claims/") == ["claims/batches/spring.json"]
    # and the list is asked for the first certificate only
    gone = cloud.playground("serials", "remove", "lamp", "nobody", "--output", "json")
    assert json.loads(gone.stdout) == {"removed": 1, "absent": ["nobody"]}
    restarted = cloud.execute("RestartDeviceStateMachineArn", {"thingName": "lamp"}, limit=90)
    assert restarted.status == "SUCCEEDED", restarted
    # and what the list can't take changes nothing
    file.write_text("serial,batch\nporch,spring\nhall,spring\n")
    wrong = cloud.playground("serials", "add", str(file), check=False)
    assert wrong.returncode != 0
    assert "line 3: serial: hall is in the list for batch autumn already" in wrong.stderr
    listed = json.loads(cloud.playground("serials", "list", "--output", "json").stdout)["serials"]
    assert [(one["serial"], one["batch"]) for one in listed] == [
        ("hall", "autumn"),
        ("spot", "spring"),
    ]
    for name in ("lamp", "hall"):
        assert cloud.deprovision(name).status == "SUCCEEDED"


@pytest.mark.usefixtures("no_claim_left")
def test_ten_thousand_serial_numbers_are_listed(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "serials.txt"
    names = [f"lamp-{number:05}" for number in range(10_000)]
    file.write_text("\n".join(names))
    answer = cloud.playground("serials", "add", str(file), "--batch", "big", "--output", "json")
    assert json.loads(answer.stdout) == {"added": 10_000, "already": 0}
    assert [one.serial for one in Serials(cloud.home).all("big")] == names
    gone = cloud.playground("serials", "remove", str(file), "--batch", "big", "--output", "json")
    assert json.loads(gone.stdout) == {"removed": 10_000, "absent": []}


@pytest.mark.usefixtures("no_claim_left")
def test_an_execution_that_is_cut_off_leaves_nothing(cloud: Cloud) -> None:
    # given: it waits for its device, or is about to
    arn = cloud.start("ProvisionDeviceStateMachineArn", {"thingName": "cut", "method": OWN})
    wait_for("the device's certificate", lambda: "certificate_id" in cloud.row("cut"))
    certificate = cloud.row("cut")["certificate_id"]
    # when
    cloud.client("stepfunctions").stop_execution(executionArn=arn)
    # then
    wait_for("the end of it", lambda: cloud.row("cut")["status"] in {"FAILED", "TERMINATED"})
    assert certificate not in certificates(cloud)
    assert bucket_has(cloud, "devices/cut/") == []
    assert "claim_certificate_id" not in cloud.row("cut")
