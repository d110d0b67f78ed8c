"""Just-in-time registration, the cloud's part: whose certificate is let in, and what is left of one
that is not.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from common.der import read_certificate
from common.errors import InvalidInput, PlaygroundError, RequestMissing, SerialRefused
from common.fleet_wish import FleetWish
from common.moments import now
from devices.catalog import Catalog
from playground.devices.own import make_request
from playground.devices.signer import make_signer
from provisioning import (
    admit_certificate,
    clean_up,
    create_thing,
    settle_claim,
    write_config,
)
from sweeping import sweep
from tests.unit.built import built
from tests.unit.doubles import faults
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.doubles.iot import MemoryIot, RegisteredAuthority, RegisteredCertificate
from tests.unit.stack import BUCKET, EXECUTION
from tests.unit.tables import create_serials

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client

ACCOUNT = "arn:aws:iot:eu-west-1:123456789012"
ASKED = {"thingName": "lamp", "deviceType": "bulb", "method": "jitr"}
OWN = {"thingName": "lamp", "method": "jitr", "hosting": "none"}
SIGNER = make_signer("playground")
POLICIES = {"playground-device"}

pytestmark = pytest.mark.usefixtures("shadows", "ecs", "workflows")


@dataclass
class World:
    """The cloud, and what devices do there."""

    iot: MemoryIot
    catalog: Catalog
    s3: "S3Client"
    context: Any
    serials: "Table"

    def begin(self, asked: dict[str, Any] = ASKED, execution: str = EXECUTION) -> None:
        """The states before the device is there."""
        event = {"input": asked, "execution": execution, "thingName": asked["thingName"]}
        built(create_thing)(event, self.context)
        built(write_config)(event, self.context)

    def connect(self, name: str = "lamp", *, pem: str = "", authority: str = SIGNER.id) -> str:
        """A device connects with a certificate of its own that nobody knows: AWS IoT registers it.
        Gives its ARN.
        """
        pem = pem or SIGNER.sign(make_request(name)[1], name)[1]
        first = x509.load_pem_x509_certificate(pem.encode())
        arn = f"{ACCOUNT}:cert/{first.fingerprint(hashes.SHA256()).hex()}"
        self.iot.certificates[arn] = RegisteredCertificate(
            "", "PENDING_ACTIVATION", pem=pem, authority=authority
        )
        return arn

    def tell(self, arn: str, authority: str = SIGNER.id) -> str:
        """AWS IoT tells of it; what was done."""
        event = {"certificateId": arn.rpartition("/")[2], "caCertificateId": authority}
        answer = built(admit_certificate)(event, self.context)
        assert answer["certificateId"] == event["certificateId"]
        return str(answer["result"])

    def settle(self, since: str = "") -> dict[str, Any]:
        event = {"thingName": "lamp", "execution": EXECUTION, "since": since or now()}
        answer: dict[str, Any] = built(settle_claim)(event, self.context)
        return answer

    def undo(self, asked: dict[str, Any] = ASKED) -> None:
        built(clean_up)({"input": asked, "execution": EXECUTION}, self.context)

    def list(self, serial: str, *batches: str) -> None:
        """The list has it for these batches."""
        for batch in batches:
            item = {"serial": serial, "batch": batch, "added_at": now()}
            self.serials.put_item(Item=item)

    def row(self, name: str = "lamp") -> dict[str, Any]:
        return dict(self.catalog.row(name) or {})

    def config(self) -> dict[str, Any]:
        found = self.s3.get_object(Bucket=BUCKET, Key="devices/lamp/config.json")["Body"].read()
        content: dict[str, Any] = json.loads(found)
        return content


@pytest.fixture
def world(iot: MemoryIot, catalog: Catalog, s3: "S3Client", context: Any) -> World:
    iot.authorities[SIGNER.id] = RegisteredAuthority("playground")
    return World(iot, catalog, s3, context, create_serials())


def test_the_device_is_told_to_make_its_key(world: World) -> None:
    world.begin()
    config = world.config()
    assert {"csrUrl", "identityUrl"} < config.keys()
    assert "provisioningTemplate" not in config
    assert world.row()["identity"] == "jitr"


def test_one_that_is_not_virtual_is_given_nothing_and_gives_no_request(world: World) -> None:
    # when
    world.begin(OWN)
    # then
    assert not {"csrUrl", "identityUrl"} & world.config().keys()
    listed = world.s3.list_objects_v2(Bucket=BUCKET, Prefix="devices/lamp/")["Contents"]
    assert [item["Key"] for item in listed] == ["devices/lamp/config.json"]


@pytest.mark.parametrize("asked", [ASKED, OWN])
def test_a_device_that_is_waited_for_is_let_in(world: World, asked: dict[str, Any]) -> None:
    # given
    world.begin(asked)
    assert world.settle() == {"signed": False, "certificateId": None, "certificateArn": None}
    arn = world.connect()
    # when
    assert world.tell(arn) == "ADMITTED"
    # then
    row, certificate = world.row(), world.iot.certificates[arn]
    assert (row["certificate_arn"], row["certificate_id"]) == (arn, arn.rpartition("/")[2])
    assert row["identity_pending"]
    assert (certificate.status, certificate.policies) == ("ACTIVE", POLICIES)
    assert world.iot.things["lamp"].principals == {arn}
    assert world.settle() == {
        "signed": True,
        "certificateId": row["certificate_id"],
        "certificateArn": arn,
    }


def test_an_event_that_comes_again_changes_nothing(world: World) -> None:
    # given
    world.begin()
    arn = world.connect()
    world.tell(arn)
    before = world.row()
    # when
    again = world.tell(arn)
    # then
    assert again == "IGNORED"
    assert (world.row(), world.iot.certificates[arn].status) == (before, "ACTIVE")


def test_two_events_at_once_end_as_one(world: World) -> None:
    # given: another event has been faster, and the device is online
    world.begin()
    arn = world.connect()
    world.tell(arn)
    world.catalog.update("lamp", EXECUTION, status="ONLINE")
    world.iot.certificates[arn].status = "PENDING_ACTIVATION"  # as this one has seen it
    # when
    assert world.tell(arn) == "IGNORED"
    # then
    assert arn in world.iot.certificates


def test_a_second_certificate_is_refused(world: World) -> None:
    # given
    world.begin()
    first, second = world.connect(), world.connect()
    assert first != second
    # when
    assert (world.tell(second), world.tell(first)) == ("ADMITTED", "REFUSED")
    # then
    assert set(world.iot.certificates) == {second}
    assert world.row()["certificate_arn"] == second


def of_another_method(world: World) -> str:
    world.begin({**ASKED, "method": "csr"})
    return world.connect()


def of_a_device_that_is_there(world: World) -> str:
    world.begin()
    world.catalog.update("lamp", EXECUTION, status="ONLINE")
    return world.connect()


def of_one_that_is_gone(world: World) -> str:
    world.begin()
    world.undo()
    return world.connect()


def of_a_stranger(world: World) -> str:
    world.begin()
    return world.connect("spot")


def of_an_authority_that_is_withdrawn(world: World) -> str:
    world.begin()
    world.iot.authorities[SIGNER.id].status = "INACTIVE"
    return world.connect()


def named(*names: x509.NameAttribute[str]) -> str:
    """A certificate with this subject."""
    key, moment = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(SIGNER.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment)
        .not_valid_after(moment + timedelta(days=1))
        .sign(SIGNER.key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def common(name: str, **more: Any) -> x509.NameAttribute[str]:
    return x509.NameAttribute(x509.NameOID.COMMON_NAME, name, **more)


def without_a_name(world: World) -> str:
    world.begin()
    return world.connect(pem=named(x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "lamp")))


def with_two_names(world: World) -> str:
    world.begin()
    return world.connect(pem=named(common("lamp"), common("lamp")))


def with_what_names_no_thing(world: World) -> str:
    world.begin()
    return world.connect(pem=named(common("lamp/../spot")))


def in_another_script(world: World) -> str:
    world.begin()
    return world.connect(pem=named(common("lamp", _type=x509.name._ASN1Type.BMPString)))


@pytest.mark.parametrize(
    ("come", "reason"),
    [
        (of_another_method, "no workflow waits for lamp with method jitr"),
        (of_a_device_that_is_there, "no workflow waits for lamp with method jitr"),
        (of_one_that_is_gone, "no workflow waits for lamp"),
        (of_a_stranger, "no device has its name"),
        (of_an_authority_that_is_withdrawn, "its authority is withdrawn"),
        (without_a_name, "has no common name"),
        (with_two_names, "or more than one"),
        (with_what_names_no_thing, "that can name a thing"),
        (in_another_script, "that can name a thing"),
    ],
)
def test_of_whoever_is_refused_nothing_is_left(
    world: World, come: Callable[[World], str], reason: str, printed: Callable[[], str]
) -> None:
    # given
    arn = come(world)
    before = world.row()
    # when
    assert world.tell(arn) == "REFUSED"
    # then
    assert arn not in world.iot.certificates
    assert world.row() == before
    assert reason in printed()
    # and: when it is told of again
    assert world.tell(arn) == "IGNORED"


OF_A_BATCH = {**ASKED, "batch": "spring"}


@pytest.mark.parametrize(
    ("batches", "reason"),
    [
        ([], "the list has no serial number lamp"),
        (["autumn"], "the list has the serial number lamp for batch autumn, not spring"),
        (["autumn", "spring"], "the list has the serial number lamp more than once"),
    ],
)
def test_one_that_is_not_listed_once_and_for_its_batch_gets_nothing(
    world: World, batches: list[str], reason: str, printed: Callable[[], str]
) -> None:
    # given
    world.list("lamp", *batches)
    world.begin(OF_A_BATCH)
    arn = world.connect()
    # when
    assert world.tell(arn) == "REFUSED"
    # then
    assert arn not in world.iot.certificates
    assert world.row()["serial_refused"] == reason
    assert reason in printed()
    with pytest.raises(SerialRefused, match=reason):
        world.settle()


def test_one_that_is_listed_is_let_in_also_after_it_was_refused(world: World) -> None:
    # given
    world.begin(OF_A_BATCH)
    assert world.tell(world.connect()) == "REFUSED"
    world.list("lamp", "spring")
    arn = world.connect()
    # when
    assert world.tell(arn) == "ADMITTED"
    # then
    assert "serial_refused" not in world.row()
    assert world.settle()["certificateArn"] == arn


def test_a_stranger_leaves_no_word_about_the_list_in_the_row_of_a_device_that_is_there(
    world: World,
) -> None:
    # given
    world.begin(OF_A_BATCH)
    world.catalog.update("lamp", EXECUTION, status="ONLINE")
    # when
    assert world.tell(world.connect()) == "REFUSED"
    # then
    assert "serial_refused" not in world.row()


@pytest.mark.parametrize("stack", ["", "another"])
def test_certificates_of_other_authorities_are_left_alone(world: World, stack: str) -> None:
    # given: one in the account that is none of ours
    world.begin()
    world.iot.authorities[SIGNER.id].stack = stack
    arn = world.connect()
    # when
    assert world.tell(arn) == "IGNORED"
    # then
    assert world.iot.certificates[arn].status == "PENDING_ACTIVATION"
    assert "certificate_id" not in world.row()


@pytest.mark.parametrize("authority", ["", "f" * 64])
def test_a_certificate_that_the_authority_has_not_signed_is_left_alone(
    world: World, authority: str
) -> None:
    world.begin()
    arn = world.connect(authority=authority)
    assert world.tell(arn) == "IGNORED"
    assert world.iot.certificates[arn].status == "PENDING_ACTIVATION"


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE", "REVOKED"])
def test_one_that_somebody_has_decided_on_is_left_alone(world: World, status: str) -> None:
    world.begin()
    arn = world.connect()
    world.iot.certificates[arn].status = status
    assert world.tell(arn) == "IGNORED"
    assert (world.iot.certificates[arn].status, "certificate_id" in world.row()) == (status, False)


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", range(1, 12))
def test_it_goes_on_where_it_was_cut_off(
    world: World, function_clients: Any, at: int, how: str
) -> None:
    # given
    world.begin()
    arn = world.connect()
    interrupting = faults.interrupted(function_clients, at, how)
    with interrupting as interruption, suppress(PlaygroundError, faults.Killed):
        world.tell(arn)
    certificate = world.iot.certificates[arn]
    in_force = certificate.status == "ACTIVE"
    assert not in_force or world.row()["certificate_arn"] == arn
    # when: the device connects again
    world.tell(arn)
    # then
    assert (certificate.status, certificate.policies) == ("ACTIVE", POLICIES)
    assert world.iot.things["lamp"].principals == {arn}
    assert interruption.calls


def test_what_nobody_was_told_of_is_told_again_by_the_sweep(
    world: World, functions: MemoryFunctions
) -> None:
    # given: events that were lost, and a certificate of an authority that is none of ours
    world.begin()
    mine, stranger = world.connect(), world.connect("spot")
    world.iot.authorities["f" * 64] = RegisteredAuthority("another")
    other = world.connect("spot", authority="f" * 64)
    functions.handlers = {
        **functions.handlers, "admit-certificate": lambda event: built(admit_certificate)(
            event, world.context
        ),
    }  # fmt: skip
    # when
    young = built(sweep)({"olderThanSeconds": 60}, world.context)["findings"]
    found = built(sweep)({"olderThanSeconds": 0}, world.context)["findings"]
    # then
    assert [one for one in young if one["kind"] == "certificate"] == []
    outcomes = {one["name"]: one["outcome"] for one in found if one["kind"] == "certificate"}
    assert outcomes == {
        mine.rpartition("/")[2]: "gone",
        stranger.rpartition("/")[2]: "removed",
    }
    assert set(world.iot.certificates) == {mine, other}
    assert world.row()["certificate_arn"] == mine


def test_what_was_admitted_goes_with_the_device(world: World) -> None:
    # given
    world.begin()
    arn = world.connect()
    world.tell(arn)
    # when
    world.undo()
    # then
    assert not world.iot.certificates
    assert "lamp" not in world.iot.things


def test_a_device_that_nobody_signs_for_is_given_up(world: World) -> None:
    world.begin()
    with pytest.raises(RequestMissing, match="`playground authority sign lamp` signs its request"):
        world.settle("2000-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("asked", "field", "rule"),
    [
        ({"thingName": "x" * 65}, "thingName", "at most 64 characters with method jitr"),
        ({"hosting": "shared"}, "method", "must be csr with hosting shared"),
        ({"hosting": "none", "csr": "x"}, "csr", "with jitr your own authority signs it"),
        ({"csr": "x"}, "csr", "is for hosting none"),
    ],
)
def test_what_does_not_go_with_it(
    world: World, asked: dict[str, Any], field: str, rule: str
) -> None:
    with pytest.raises(InvalidInput, match=rule) as refused:
        world.begin({**ASKED, **asked})
    assert refused.value.field == field
    assert not world.iot.things


def test_a_fleet_has_nobody_who_signs() -> None:
    group = {"name": "lamps", "count": 1, "method": "jitr"}
    with pytest.raises(InvalidInput, match=r"groups\[0\]\.method: can't be jitr"):
        FleetWish.of({"name": "office", "groups": [group]})


def test_the_name_is_read_as_others_read_it() -> None:
    for name in ("lamp", "a:b_c-D", "x" * 64):
        pem = SIGNER.sign(make_request("other")[1], name)[1]
        assert read_certificate(pem).common_names == (name,)
        names = x509.load_pem_x509_certificate(pem.encode()).subject
        assert [found.value for found in names] == [name]
