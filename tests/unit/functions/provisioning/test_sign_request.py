"""SignRequest: one certificate from the device's own request, whatever goes wrong, and no key
anywhere.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common.clients import NEVER_REPEAT, S3_CONFIG
from common.errors import (
    OwnershipLost,
    PlaygroundError,
    RequestMissing,
    RequestRefused,
    RestartLost,
    TransientError,
)
from common.moments import now
from devices.catalog import Catalog
from presence import presence
from provisioning import clean_up, create_thing, sign_request, write_config
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot
from tests.unit.stack import BUCKET, EXECUTION, REMOVAL, RESTART
from virtual_device.state.keys import make_request

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REQUEST = "devices/lamp/csr.pem"
IDENTITY = "devices/lamp/identity.json"
CSR = make_request("lamp").csr
OTHER_CSR = make_request("lamp").csr

pytestmark = pytest.mark.usefixtures("shadows", "ecs", "workflows")


@dataclass
class World:
    """A device whose task runs, and which has asked for nothing yet."""

    iot: MemoryIot
    catalog: Catalog
    s3: "S3Client"
    context: Any
    records: Any

    @property
    def row(self) -> dict[str, Any]:
        return dict(self.catalog.row("lamp") or {})

    def ask(self, csr: str = CSR) -> None:
        """What the device does."""
        self.s3.put_object(Bucket=BUCKET, Key=REQUEST, Body=csr.encode().ljust(4096, b"\n"))

    def sign(self, context: Any = None, **more: Any) -> dict[str, Any]:
        """One attempt of the state."""
        event = {"thingName": "lamp", "execution": EXECUTION, "since": now(), **more}
        answer: dict[str, Any] = built(sign_request)(event, context or self.context)
        return answer

    def identity(self) -> dict[str, Any]:
        """What the device can fetch."""
        content: dict[str, Any] = json.loads(
            self.s3.get_object(Bucket=BUCKET, Key=IDENTITY)["Body"].read()
        )
        return content

    def held(self) -> set[str]:
        """What there is in the bucket."""
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def forget_answers(self) -> None:
        for record in self.records.scan()["Items"]:
            self.records.delete_item(Key={"id": record["id"]})


@pytest.fixture
def world(
    iot: MemoryIot,
    catalog: Catalog,
    s3: "S3Client",
    idempotency_records: Any,
    context: Any,
) -> World:
    asked = {"thingName": "lamp", "deviceType": "bulb", "identity": "csr"}
    built(create_thing)({"input": asked, "execution": EXECUTION}, context)
    built(write_config)({"thingName": "lamp", "input": asked}, context)
    return World(iot, catalog, s3, context, idempotency_records)


def connect(world: World, certificate_id: str) -> None:
    """The broker says so."""
    event = {
        "clientId": "lamp",
        "timestamp": 1767268800000,
        "eventType": "connected",
        "sessionIdentifier": "one",
        "principalIdentifier": certificate_id,
        "versionNumber": 1,
    }
    built(presence)(event, world.context)


def test_the_certificate_is_made_from_the_request_and_nothing_is_a_key(
    world: World, printed: Callable[[], str]
) -> None:
    # given
    assert world.sign() == {"signed": False, "certificateId": None, "certificateArn": None}
    assert world.iot.ever_made == 0
    world.ask()
    # when
    answer = world.sign()
    # then
    ((arn, certificate),) = world.iot.certificates.items()
    assert answer == {
        "signed": True,
        "certificateId": arn.rpartition("/")[2],
        "certificateArn": arn,
    }
    assert (certificate.status, certificate.policies) == ("ACTIVE", {"playground-device"})
    assert world.iot.things["lamp"].principals == {arn}
    assert world.identity() == {
        "certificateId": answer["certificateId"],
        "certificatePem": certificate.pem,
    }
    assert world.row["identity"] == "csr"
    assert world.row["certificate_created_at"] <= now()
    for told in (
        json.dumps(answer),
        printed(),
        repr(world.row),
        repr(world.records.scan()["Items"]),
    ):
        assert "PRIVATE KEY" not in told
    # and when it has connected, what it picked up is gone
    connect(world, answer["certificateId"])
    assert IDENTITY not in world.held()
    assert "identity_pending" not in world.row


def test_a_second_call_changes_nothing(world: World) -> None:
    # given
    world.ask()
    first = world.sign()
    world.forget_answers()
    # when
    second = world.sign()
    # then
    assert second == first
    assert world.iot.ever_made == 1


def test_what_was_picked_up_does_not_come_back(world: World) -> None:
    # given: it has connected, and its certificate was taken out of force
    world.ask()
    first = world.sign()
    connect(world, first["certificateId"])
    (certificate,) = world.iot.certificates.values()
    certificate.status = "INACTIVE"
    world.forget_answers()
    # when
    assert world.sign() == first
    # then
    assert IDENTITY not in world.held()
    assert certificate.status == "INACTIVE"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no request",
        CSR.replace("REQUEST", ""),
        CSR[:100] + CSR[104:],
        CSR + CSR,
        CSR.replace("\nMI", "\nÄI"),
        CSR * 9,
    ],
    ids=["empty", "text", "label", "cut", "two", "umlaut", "long"],
)
def test_what_is_no_request_is_refused(world: World, content: str) -> None:
    world.ask(content)
    with pytest.raises(RequestRefused, match="csr: "):
        world.sign()
    assert world.iot.ever_made == 0


def test_a_key_that_aws_iot_does_not_take_is_refused(world: World) -> None:
    world.ask()
    issuing = CLIENTS.client("iot", NEVER_REPEAT)
    refused = faults.refused(issuing, "CreateCertificateFromCsr", "InvalidRequestException", 400)
    with refused, pytest.raises(RequestRefused):
        world.sign()
    assert "certificate_requests" not in world.row


def test_it_is_not_waited_for_for_ever(world: World) -> None:
    long_ago = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    with pytest.raises(RequestMissing, match="lamp"):
        world.sign(since=long_ago)
    # but one that is there is taken however late it is
    world.ask()
    assert world.sign(since=long_ago)["signed"]


def test_nobody_waits_for_a_device_that_is_removed(world: World) -> None:
    world.catalog.take(world.row, REMOVAL)
    with pytest.raises(OwnershipLost):
        world.sign()
    world.ask()
    with pytest.raises(OwnershipLost):
        world.sign()
    assert world.iot.ever_made == 0


def test_a_device_that_is_removed_meanwhile_gets_none(world: World) -> None:
    # given
    world.ask()
    client = CLIENTS.client("iot", NEVER_REPEAT)

    def take(**_: Any) -> None:
        world.catalog.take(world.row, REMOVAL)

    client.meta.events.register_first("before-call.iot.CreateCertificateFromCsr", take)
    # when
    try:
        with pytest.raises(OwnershipLost):
            world.sign()
    finally:
        client.meta.events.unregister("before-call.iot.CreateCertificateFromCsr", take)
    # then
    (certificate,) = world.iot.certificates.values()
    assert (certificate.status, certificate.policies) == ("INACTIVE", set())
    assert len(world.row["certificate_requests"]) == 1, "the sweep knows where to look"


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
def test_whatever_is_interrupted_one_certificate_comes_of_it_or_none_is_left(
    world: World, function_clients: list[Any], how: str
) -> None:
    """Every call in turn: once the workflow tries again, once it gives up."""
    at, operation = 1, "anything"
    while operation:
        for tried_again in (True, False):
            # given
            world.ask()
            known = set(world.iot.certificates)
            # when
            over = replace(world.context, remaining_ms=-1)
            interrupting = faults.interrupted(function_clients, at, how)
            with interrupting as interruption, suppress(PlaygroundError, faults.Killed):
                world.sign(over)
            operation = interruption.operation
            if tried_again:
                arn = world.sign()["certificateArn"]
                assert world.iot.certificates[arn].status == "ACTIVE"
                assert world.identity()["certificateId"] == arn.rpartition("/")[2]
                assert world.row["identity_pending"]
            built(clean_up)({"input": {"thingName": "lamp"}, "execution": EXECUTION}, world.context)
            # then: what nobody can name was never active, and the row tells when it was made
            left = {arn: found for arn, found in world.iot.certificates.items() if arn not in known}
            assert all(
                found.status == "INACTIVE" and not found.policies for found in left.values()
            ), (at, operation)
            assert len(left) <= len(world.row.get("certificate_requests", ())), (at, operation)
            assert not world.held()
            # a new device of that name
            world.forget_answers()
            world.catalog.table.delete_item(Key={"thing_name": "lamp"})
            asked = {"thingName": "lamp", "deviceType": "bulb", "identity": "csr"}
            built(create_thing)({"input": asked, "execution": EXECUTION}, world.context)
            built(write_config)({"thingName": "lamp", "input": asked}, world.context)
        at += 1
    assert at > 12


def test_a_restart_makes_a_successor(world: World) -> None:
    # given: a device that a restart holds
    world.ask()
    old = world.sign()
    connect(world, old["certificateId"])
    asked = {"restart": RESTART, "restarts": 1}
    with pytest.raises(RestartLost):
        world.sign(**asked)
    world.catalog.table.put_item(Item={**world.row, "restarting": RESTART, "status": "OFFLINE"})
    # when
    built(write_config)({"thingName": "lamp", "restart": RESTART}, world.context)
    assert not world.sign(**asked)["signed"], "the request of the task before counts no more"
    world.ask(OTHER_CSR)
    new = world.sign(**asked)
    # then
    assert new["certificateId"] != old["certificateId"]
    assert world.row["next_certificate_arn"] == new["certificateArn"]
    assert world.row["certificate_arn"] == old["certificateArn"]
    assert world.identity()["certificateId"] == new["certificateId"]
    # and the same again
    world.forget_answers()
    assert world.sign(**asked) == new


@pytest.mark.parametrize("linked", [True, False])
def test_a_restarted_switch_keeps_its_links(world: World, linked: bool) -> None:  # noqa: FBT001
    # given: a restart holds the device
    if linked:
        world.iot.create_policy("playground-links-lamp", "{}")
    more: dict[str, Any] = {"links": ["spot"]} if linked else {}
    held = {**world.row, "restarting": RESTART, "status": "OFFLINE", **more}
    world.catalog.table.put_item(Item=held)
    world.ask()
    # when
    made = world.sign(restart=RESTART, restarts=1)
    # then
    policies = world.iot.certificates[made["certificateArn"]].policies
    assert policies == (
        {"playground-device", "playground-links-lamp"} if linked else {"playground-device"}
    )


def test_the_reference_is_for_one_request_of_one_size_for_minutes(world: World) -> None:
    # given
    config = json.loads(
        world.s3.get_object(Bucket=BUCKET, Key="devices/lamp/config.json")["Body"].read()
    )
    # when
    url = urlsplit(config["csrUrl"])
    query = parse_qs(url.query)
    # then
    assert url.path.endswith(f"/{REQUEST}")
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-SignedHeaders"] == ["content-length;host;if-none-match"]
    assert query.keys() <= {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }


def test_a_server_that_fails_is_asked_again(world: World) -> None:
    world.ask()
    with (
        faults.refused(CLIENTS.client("s3", S3_CONFIG), "PutObject"),
        pytest.raises(TransientError),
    ):
        world.sign()
    assert world.sign()["signed"]
    assert world.iot.ever_made == 1
