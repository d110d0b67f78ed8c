"""Devices that come with a certificate of their owner's own authority, and whoever else has one."""

import json
import shutil
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from playground.devices.authorities import Authorities
from playground.devices.own import make_request
from playground.devices.signer import Signer
from playground.home.state import LocalState
from tests.playground_cloud import Cloud, wait_for
from tests.secrets_found import places_with

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

NAME = "porch"
PENDING = "PENDING_ACTIVATION"
MQTT_CONNECT = 0x10
needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto_pub") is None, reason="mosquitto's clients are not installed"
)


@pytest.fixture
def authorities(cloud: Cloud) -> Authorities:
    return Authorities(cloud.home, cloud.paths)


@pytest.fixture
def signer(cloud: Cloud, authorities: Authorities, nothing_left: None) -> Iterator[Signer]:
    """The stack's authority, which goes with what it has registered."""
    yield authorities.ready()
    authorities.forget_all()
    assert cloud.client("iot").list_ca_certificates()["certificates"] == []


def registered(cloud: Cloud) -> Mapping[str, str]:
    """The status of each certificate, by id."""
    pages = cloud.client("iot").get_paginator("list_certificates").paginate()
    return {one["certificateId"]: one["status"] for page in pages for one in page["certificates"]}


def execution_of(cloud: Cloud, name: str = NAME) -> str:
    return str(cloud.row(name)["execution_arn"])


def connect(cloud: Cloud, folder: Path, chain: str, key: str, name: str = NAME) -> bool:
    """Come with this certificate, once; whether the server has said yes."""
    folder.mkdir(exist_ok=True)
    (folder / "chain.pem").write_text(chain)
    (folder / "key.pem").write_text(key)
    context = ssl.create_default_context(cafile=str(cloud.paths.ca))
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    packet = bytes([0, 4, *b"MQTT", 4, 2, 0, 60, 0, len(name), *name.encode()])
    port = LocalState.load(cloud.paths).mqtt_port
    with (
        socket.create_connection(("localhost", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(bytes([MQTT_CONNECT, len(packet)]) + packet)
        try:
            answer = connection.recv(4)
        except OSError:
            return False
    return answer[3:] == b"\0"


def signed(signer: Signer, name: str) -> tuple[str, str, str]:
    """Id, chain and key of a certificate for this name."""
    key, csr = make_request(name)
    return *signer.sign(csr, name), key


def test_a_virtual_device_makes_its_key_and_is_signed_for_here(
    cloud: Cloud, authorities: Authorities, signer: Signer
) -> None:
    # when
    words = ("create", NAME, "--type", "bulb", "--method", "jitr", "--output", "json")
    made = json.loads(cloud.playground(*words).stdout)
    # then
    assert made["status"] == "ONLINE"
    described = cloud.client("iot").describe_certificate(certificateId=made["certificateId"])
    assert described["certificateDescription"]["caCertificateId"] == signer.id
    (found,) = authorities.all()
    assert (found.id, found.status, found.certificates, found.waiting) == (
        *(signer.id, "ACTIVE"), 1, 0,
    )  # fmt: skip
    # and: what it has picked up is gone, and the authority's key is in one place
    bucket = cloud.home.output("ConfigBucketName")

    def left() -> list[str]:
        listed = cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"devices/{NAME}/")
        return [item["Key"].rpartition("/")[2] for item in listed.get("Contents", [])]

    wait_for("the certificate to be gone from the bucket", lambda: "identity.json" not in left())
    assert stat.S_IMODE(authorities.file.stat().st_mode) == 0o600
    # and: it is one like any other
    refused = cloud.playground("authority", "remove", "--yes", check=False)
    assert (refused.returncode, NAME in refused.stderr) == (1, True)
    cloud.playground("restart", NAME)
    again = cloud.row(NAME)["certificate_id"]
    assert again != made["certificateId"]
    assert cloud.deprovision(NAME).status == "SUCCEEDED"
    cloud.playground("authority", "remove", "--yes")
    assert (authorities.all(), authorities.file.exists()) == ([], False)


def test_who_starts_the_workflow_alone_signs_beside_it(cloud: Cloud, signer: Signer) -> None:
    # given
    begun = cloud.client("stepfunctions").start_execution(
        stateMachineArn=cloud.home.output("ProvisionDeviceStateMachineArn"),
        input=json.dumps({"thingName": NAME, "method": "jitr"}),
    )
    wait_for("the row", lambda: cloud.row(NAME))
    # when
    cloud.playground("authority", "sign", NAME)
    # then
    end = cloud.finished(begun["executionArn"])
    assert (end.status, end.output["certificateId"]) == (
        "SUCCEEDED", cloud.row(NAME)["certificate_id"],
    )  # fmt: skip
    refused = cloud.playground("authority", "sign", NAME, check=False)
    assert "waits for no certificate" in refused.stderr
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


@needs_mosquitto
def test_a_device_of_one_s_own_brings_the_whole_chain(
    cloud: Cloud, signer: Signer, tmp_path: Path
) -> None:
    # given
    folder = tmp_path / NAME
    words = ("create", NAME, "--own", "--method", "jitr", "--no-wait", "--out", str(folder))
    cloud.playground(*words)
    chain = (folder / "certificate.pem").read_text()
    assert chain.count("BEGIN CERTIFICATE") == 2
    assert chain.endswith(signer.pem)
    assert "certificate_id" not in cloud.row(NAME)

    # when: AWS IoT closes its first connection
    def say() -> bool:
        config = json.loads((folder / "config.json").read_text())
        told = subprocess.run(
            [
                "mosquitto_pub", "--cafile", "ca.pem", "--cert", "certificate.pem", "--key",
                "private.key", "-h", config["endpoint"], "-p", str(config["port"]), "-i", NAME,
                "-q", "1", "-t", config["topics"]["telemetry"], "-m", "{}",
            ],
            cwd=folder, check=False, timeout=30, capture_output=True,
        )  # fmt: skip
        return told.returncode == 0

    assert not say()
    # then
    wait_for("it to be let in", say)
    end = cloud.finished(execution_of(cloud))
    assert end.status == "SUCCEEDED", end
    assert end.output["certificateId"] == cloud.row(NAME)["certificate_id"]
    assert (end.output["taskArn"], end.output["status"]) == ("", "ONLINE")
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


def test_a_request_is_signed_and_its_certificate_printed(
    cloud: Cloud, signer: Signer, tmp_path: Path
) -> None:
    # given: the plain way, and a key that the command never sees
    key, csr = make_request(NAME)
    (tmp_path / "porch.csr").write_text(csr)
    begun = cloud.client("stepfunctions").start_execution(
        stateMachineArn=cloud.home.output("ProvisionDeviceStateMachineArn"),
        input=json.dumps({"thingName": NAME, "method": "jitr", "hosting": "none"}),
    )
    # when
    words = ("authority", "sign", NAME, "--csr", str(tmp_path / "porch.csr"))
    chain = cloud.playground(*words).stdout
    wait_for("it to be let in", lambda: connect(cloud, tmp_path / "files", chain, key))
    # then
    assert cloud.finished(begun["executionArn"]).status == "SUCCEEDED"
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


@pytest.mark.parametrize("name", ["nobody", "there"])
def test_a_certificate_for_a_device_that_nobody_waits_for_gets_nothing(
    cloud: Cloud, signer: Signer, tmp_path: Path, name: str
) -> None:
    # given
    cloud.playground("create", "there", "--method", "csr")
    before = cloud.row("there")["certificate_id"]
    certificate_id, chain, key = signed(signer, name)
    # when
    for attempt in range(3):
        assert not connect(cloud, tmp_path / str(attempt), chain, key, name)
    # then
    wait_for("nothing of it", lambda: certificate_id not in registered(cloud))
    assert cloud.row("there")["certificate_id"] == before
    assert not cloud.row("nobody")
    assert cloud.deprovision("there").status == "SUCCEEDED"


def test_of_two_with_one_name_one_is_let_in(cloud: Cloud, signer: Signer, tmp_path: Path) -> None:
    # given
    words = ("create", NAME, "--own", "--method", "jitr", "--no-wait", "--out")
    cloud.playground(*words, str(tmp_path / "own"))
    thiefs, chain, key = signed(signer, NAME)
    # when: a thief of the authority's key comes first
    wait_for("the thief", lambda: connect(cloud, tmp_path / "thief", chain, key))
    own = [(tmp_path / "own" / file).read_text() for file in ("certificate.pem", "private.key")]
    for attempt in range(2):
        assert not connect(cloud, tmp_path / f"own {attempt}", own[0], own[1])
    # then
    assert cloud.row(NAME)["certificate_id"] == thiefs
    wait_for("the other one to be gone", lambda: PENDING not in registered(cloud).values())
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


def test_what_it_has_registered_goes_with_it(
    cloud: Cloud, authorities: Authorities, signer: Signer
) -> None:
    # given: of a device that never came again, and whose event was lost, and of one by hand
    iot, made = cloud.client("iot"), list[str]()
    for name, status in (("one", "PENDING_ACTIVATION"), ("two", "ACTIVE")):
        certificate_id, chain, _ = signed(signer, name)
        iot.register_certificate(
            certificatePem=chain.removesuffix(signer.pem),
            caCertificatePem=signer.pem,
            status="INACTIVE",
        )
        iot.update_certificate(certificateId=certificate_id, newStatus=status)
        made.append(certificate_id)
    policy = f"{cloud.home.stack_name}-device"
    arn = iot.describe_certificate(certificateId=made[1])["certificateDescription"]
    iot.attach_policy(policyName=policy, target=arn["certificateArn"])
    (found,) = authorities.all()
    assert (found.certificates, found.waiting) == (2, 1)
    # when
    refused = cloud.playground("authority", "remove", "0" * 64, "--yes", check=False)
    assert (refused.returncode, "no such authority" in refused.stderr) == (2, True)
    swept = cloud.playground("sweep", "--older-than", "0").stdout
    assert made[0] in swept.replace("\n", "")
    assert made[0] not in registered(cloud)
    cloud.playground("authority", "remove", signer.id[:12], "--yes")
    # then
    assert made[1] not in registered(cloud)
    assert not authorities.file.exists()


def test_an_authority_that_was_withdrawn_lets_nobody_in(
    cloud: Cloud, authorities: Authorities, signer: Signer, tmp_path: Path
) -> None:
    # given
    words = ("create", NAME, "--own", "--method", "jitr", "--no-wait", "--out")
    cloud.playground(*words, str(tmp_path / "own"))
    cloud.client("iot").update_ca_certificate(certificateId=signer.id, newStatus="INACTIVE")
    before = registered(cloud)
    # when
    own = [(tmp_path / "own" / file).read_text() for file in ("certificate.pem", "private.key")]
    assert not connect(cloud, tmp_path / "files", own[0], own[1])
    refused = cloud.playground("create", "withdrawn-1", "--method", "jitr", check=False)
    # then
    assert registered(cloud) == before
    assert refused.returncode == 1
    assert f"Your authority {signer.id} is withdrawn (INACTIVE" in refused.stderr
    assert not cloud.row("withdrawn-1")
    assert cloud.deprovision(NAME).status == "SUCCEEDED"


def test_the_authority_s_key_is_nowhere_in_the_cloud(
    cloud: Cloud, authorities: Authorities, signer: Signer
) -> None:
    cloud.playground("create", NAME, "--method", "jitr")
    secret = authorities.file.read_text().splitlines()[1]
    assert places_with(cloud, secret) == []
    assert cloud.deprovision(NAME).status == "SUCCEEDED"
