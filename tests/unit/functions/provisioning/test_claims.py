"""Fleet provisioning, the cloud's part: who is given which claim, who is let in with it, and what
is left when something goes wrong.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from common.clients import NEVER_REPEAT
from common.errors import OwnershipLost, PlaygroundError, RequestMissing, SerialRefused
from common.moments import now
from devices.catalog import Catalog
from provisioning import (
    admit_device,
    clean_up,
    create_claim,
    create_thing,
    settle_claim,
    write_config,
)
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot, RegisteredCertificate
from tests.unit.stack import BUCKET, EXECUTION, OTHER_EXECUTION, REMOVAL, TEMPLATE
from tests.unit.tables import create_serials

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client

SHARED, OWN_KEY, OWN = METHODS = ("claim", "claim-csr", "trusted-user")
SHARED_KEY = "claims/claim.json"
ACCOUNT = "arn:aws:iot:eu-west-1:123456789012"

pytestmark = pytest.mark.usefixtures("shadows", "ecs", "workflows")


@dataclass
class World:
    """The cloud, and what devices do there."""

    iot: MemoryIot
    catalog: Catalog
    s3: "S3Client"
    context: Any
    serials: "Table"

    def begin(
        self, method: str, name: str = "lamp", execution: str = EXECUTION, **more: str
    ) -> None:
        """The states before the claim."""
        asked = {"thingName": name, "deviceType": "bulb", "method": method, **more}
        built(create_thing)({"input": asked, "execution": execution}, self.context)
        built(write_config)({"thingName": name, "input": asked}, self.context)

    def claim(self, name: str = "lamp", execution: str = EXECUTION, context: Any = None) -> str:
        """CreateClaim; gives the id of the claim certificate."""
        event = {"thingName": name, "execution": execution}
        answer = built(create_claim)(event, context or self.context)
        assert answer.keys() == {"claimCertificateId"}
        return str(answer["claimCertificateId"])

    def come(self, name: Any, claim: str, number: int = 1) -> tuple[bool, str]:
        """A device gets its certificate (`number`) with this claim; whether it was let in, and the
        ARN. What AWS IoT does is done here, in its order.
        """
        certificate = hashlib.sha256(f"device {number}".encode()).hexdigest()
        arn = f"{ACCOUNT}:cert/{certificate}"
        self.iot.certificates.setdefault(arn, RegisteredCertificate("", "PENDING_ACTIVATION"))
        event = {
            "claimCertificateId": claim,
            "certificateId": certificate,
            "certificatePem": "...",
            "templateArn": f"{ACCOUNT}:provisioningtemplate/{TEMPLATE}",
            "clientId": "claim.one",
            "parameters": {"SerialNumber": name},
        }
        answer = built(admit_device)(event, self.context)
        if answer["allowProvisioning"]:
            self.iot.certificates[arn].status = "ACTIVE"
            self.iot.certificates[arn].policies.add("playground-device")
            self.iot.things[name].principals.add(arn)
        return answer["allowProvisioning"], arn

    def settle(self, **more: Any) -> dict[str, Any]:
        event = {"thingName": "lamp", "execution": EXECUTION, "since": now(), **more}
        answer: dict[str, Any] = built(settle_claim)(event, self.context)
        return answer

    def undo(self) -> None:
        event = {"input": {"thingName": "lamp"}, "execution": EXECUTION}
        built(clean_up)(event, self.context)

    def row(self, name: str = "lamp") -> dict[str, Any]:
        return dict(self.catalog.row(name) or {})

    def document(self, key: str) -> dict[str, Any]:
        found = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        content: dict[str, Any] = json.loads(found)
        return content

    def list(self, serial: str, *batches: str) -> None:
        """The list has it for these batches."""
        for batch in batches:
            item = {"serial": serial, "batch": batch, "added_at": now()}
            self.serials.put_item(Item=item)

    def held(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


@pytest.fixture
def world(iot: MemoryIot, catalog: Catalog, s3: "S3Client", context: Any) -> World:
    iot.create_policy("playground-claim", "{}")
    return World(iot, catalog, s3, context, create_serials())


@pytest.mark.parametrize("method", METHODS)
def test_a_claim_goes_to_the_device_and_nowhere_else(
    world: World, method: str, printed: Callable[[], str]
) -> None:
    # when
    world.begin(method)
    claim = world.claim()
    # then: it lies where a key of the device's own would, and the config says what it is
    given = world.document("devices/lamp/identity.json")
    assert (given["certificateId"], "PRIVATE KEY" in given["privateKey"]) == (claim, True)
    config = world.document("devices/lamp/config.json")
    assert config["provisioningTemplate"] == TEMPLATE
    assert config.get("ownKey") is (True if method == OWN_KEY else None)
    assert "csrUrl" not in config
    row = world.row()
    assert (row["identity"], row["claim_certificate_id"]) == (method, claim)
    assert row["identity_pending"]
    assert "certificate_requests" not in row
    assert (SHARED_KEY in world.held()) is (method != OWN)
    for told in (printed(), repr(row)):
        assert "PRIVATE KEY" not in told


def test_the_claim_that_devices_share_is_made_once(world: World) -> None:
    # when
    world.begin(SHARED)
    world.begin(OWN_KEY, "spot", OTHER_EXECUTION)
    first, second = world.claim(), world.claim("spot", OTHER_EXECUTION)
    # then
    assert first == second
    ((arn, certificate),) = world.iot.certificates.items()
    assert arn.rpartition("/")[2] == first
    assert (certificate.status, certificate.policies) == ("ACTIVE", {"playground-claim"})
    assert not any(thing.principals for thing in world.iot.things.values())


def test_a_claim_of_its_own_is_good_for_one_device(world: World) -> None:
    world.begin(OWN)
    world.begin(OWN, "spot", OTHER_EXECUTION)
    mine, theirs = world.claim(), world.claim("spot", OTHER_EXECUTION)
    assert mine != theirs
    assert not world.come("lamp", theirs)[0]
    assert world.come("lamp", mine)[0]
    assert world.iot.ever_made == 0, "nothing was made in the registry"


@pytest.mark.parametrize("how", ["revoked", "deleted"])
def test_a_shared_claim_that_was_withdrawn_is_replaced(world: World, how: str) -> None:
    # given
    world.begin(SHARED)
    old = world.claim()
    (arn,) = world.iot.certificates
    world.iot.certificates[arn].status = "REVOKED"
    if how == "deleted":
        del world.iot.certificates[arn]
    # when
    new = world.claim()
    # then: nothing is left of it, and it opens nothing any more
    assert new != old
    assert world.document(SHARED_KEY)["certificateId"] == new
    assert {found.rpartition("/")[2] for found in world.iot.certificates} == {new}
    assert not world.come("lamp", old)[0]
    assert world.come("lamp", new)[0]


def test_of_two_that_make_the_shared_claim_at_once_one_wins(world: World) -> None:
    # given: another function is faster, between the look and the writing
    world.begin(SHARED)
    world.begin(SHARED, "spot", OTHER_EXECUTION)
    client, faster = CLIENTS.client("iot", NEVER_REPEAT), list[str]()

    def overtake(**_: Any) -> None:
        if not faster:
            faster.append("")
            faster.append(world.claim("spot", OTHER_EXECUTION))

    client.meta.events.register_first("before-call.iot.CreateKeysAndCertificate", overtake)
    # when
    try:
        claim = world.claim()
    finally:
        client.meta.events.unregister("before-call.iot.CreateKeysAndCertificate", overtake)
    # then
    assert faster[1] == claim
    assert {arn.rpartition("/")[2] for arn in world.iot.certificates} == {claim}
    assert "certificate_requests" not in world.row()


@pytest.mark.parametrize("method", METHODS)
def test_a_device_is_let_in_once_with_one_certificate(world: World, method: str) -> None:
    # given
    world.begin(method)
    claim = world.claim()
    assert world.settle() == {"signed": False, "certificateId": None, "certificateArn": None}
    # when
    admitted, arn = world.come("lamp", claim)
    # then
    assert admitted
    row = world.row()
    assert (row["certificate_arn"], row["certificate_id"]) == (arn, arn.rpartition("/")[2])
    assert world.settle() == {
        "signed": True,
        "certificateId": row["certificate_id"],
        "certificateArn": arn,
    }
    assert world.iot.certificates[arn].policies == {"playground-device"}
    # and it may ask the same again, but for no other certificate
    assert world.come("lamp", claim) == (True, arn)
    again, other = world.come("lamp", claim, 2)
    assert not again
    assert world.iot.certificates[other].status == "PENDING_ACTIVATION"
    assert world.row()["certificate_arn"] == arn


@pytest.mark.parametrize(
    "name", ["", "nobody", 7, None, ["lamp"], "*", "x" * 3000], ids=lambda name: str(name)[:8]
)
def test_a_stolen_claim_gets_nothing_with_a_name_that_nobody_waits_for(
    world: World, name: Any
) -> None:
    # given
    world.begin(SHARED)
    claim, before = world.claim(), world.row()
    # when
    assert not world.come(name, claim)[0]
    # then
    assert world.row() == before
    assert len(world.catalog.table.scan()["Items"]) == 1


@pytest.mark.parametrize("method", ["keys", "csr"])
def test_a_device_by_another_method_is_not_let_in(world: World, method: str) -> None:
    # given: a claim that is good for others
    world.begin(SHARED, "spot", OTHER_EXECUTION)
    claim = world.claim("spot", OTHER_EXECUTION)
    world.begin(method)
    # then
    assert not world.come("lamp", claim)[0]
    assert not world.come("lamp", "")[0]


@pytest.mark.parametrize("status", ["ONLINE", "OFFLINE", "QUARANTINED", "FAILED", "TERMINATED"])
def test_a_claim_is_worth_nothing_once_the_device_is_there_or_gone(
    world: World, status: str
) -> None:
    world.begin(SHARED)
    claim = world.claim()
    world.catalog.table.put_item(Item={**world.row(), "status": status})
    assert not world.come("lamp", claim)[0]
    assert "certificate_id" not in world.row()


def test_a_device_that_is_being_removed_is_not_let_in(world: World) -> None:
    world.begin(SHARED)
    claim = world.claim()
    world.catalog.take(world.row(), REMOVAL)
    assert not world.come("lamp", claim)[0]
    with pytest.raises(OwnershipLost):
        world.settle()
    with pytest.raises(OwnershipLost):
        world.claim()


def test_it_is_not_waited_for_for_ever(world: World) -> None:
    world.begin(OWN)
    claim = world.claim()
    long_ago = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    with pytest.raises(RequestMissing, match="lamp"):
        world.settle(since=long_ago)
    world.come("lamp", claim)
    assert world.settle(since=long_ago)["signed"]


def test_a_certificate_that_was_named_and_not_put_into_force_is_waited_for(world: World) -> None:
    world.begin(OWN)
    _, arn = world.come("lamp", world.claim())
    world.iot.certificates[arn].status = "PENDING_ACTIVATION"
    assert not world.settle()["signed"]


def test_one_that_was_put_into_quarantine_meanwhile_stays_there(world: World) -> None:
    # given: it has connected at once, and was found to misbehave
    world.begin(OWN)
    _, arn = world.come("lamp", world.claim())
    confined = {"status": "QUARANTINED", "quarantined_at": now(), "quarantined_by": "somebody"}
    world.catalog.table.put_item(Item={**world.row(), **confined})
    world.iot.certificates[arn].policies = {"playground-quarantine"}
    # when
    assert world.settle()["signed"]
    # then
    assert world.iot.certificates[arn].policies == {"playground-quarantine"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", ["PENDING_ACTIVATION", "ACTIVE"])
def test_what_an_execution_that_was_cut_off_has_made_is_removed(
    world: World, method: str, status: str
) -> None:
    # given
    world.begin(method)
    _, arn = world.come("lamp", world.claim())
    world.iot.certificates[arn].status = status
    # when
    world.undo()
    # then: the claim that others use stays
    assert arn not in world.iot.certificates
    assert world.held() == ({SHARED_KEY} if method != OWN else set())
    assert world.iot.things == {}
    row = world.row()
    assert row["status"] == "FAILED"
    assert "claim_certificate_id" not in row


@pytest.mark.parametrize("method", METHODS)
def test_a_device_of_a_batch_that_is_listed_is_let_in(world: World, method: str) -> None:
    # given
    world.list("lamp", "spring")
    world.list("spot", "autumn")
    world.begin(method, batch="spring")
    # when
    admitted, arn = world.come("lamp", world.claim())
    # then
    assert admitted
    row = world.row()
    assert (row["batch"], row["certificate_arn"]) == ("spring", arn)
    assert "serial_refused" not in row
    assert world.settle()["signed"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("batches", "why"),
    [
        ([], "the list has no serial number lamp"),
        (["spring", "autumn"], "the list has the serial number lamp more than once"),
        (["autumn", "winter"], "the list has the serial number lamp more than once"),
        (["autumn"], "the list has the serial number lamp for batch autumn, not spring"),
        (["Spring"], "the list has the serial number lamp for batch Spring, not spring"),
    ],
    ids=" ".join,
)
def test_one_that_is_not_listed_once_and_for_its_batch_gets_nothing(
    world: World, method: str, batches: list[str], why: str, printed: Callable[[], str]
) -> None:
    # given: others are listed
    world.list("lamp2", "spring")
    world.list("lam", "spring")
    world.list("lamp", *batches)
    world.begin(method, batch="spring")
    claim = world.claim()
    # when
    admitted, arn = world.come("lamp", claim)
    # then: nothing is made, the log and the row say why, and the workflow ends with that
    assert not admitted
    assert world.iot.certificates[arn].status == "PENDING_ACTIVATION"
    assert not world.iot.things["lamp"].principals
    row = world.row()
    assert "certificate_id" not in row
    assert row["serial_refused"] == why
    assert why in printed()
    with pytest.raises(SerialRefused, match=f"lamp may not join: {why}"):
        world.settle()
    # and it still says so when all was undone
    world.undo()
    assert (world.row()["status"], world.row()["serial_refused"]) == ("FAILED", why)


def test_one_that_is_listed_meanwhile_is_let_in(world: World) -> None:
    # given
    world.begin(SHARED, batch="spring")
    claim = world.claim()
    assert not world.come("lamp", claim)[0]
    # when
    world.list("lamp", "spring")
    # then
    assert world.come("lamp", claim)[0]
    assert "serial_refused" not in world.row()
    assert world.settle()["signed"]


def test_a_thief_refuses_nobody(world: World) -> None:
    """Who comes with another claim, or after the device, writes nothing into its row."""
    # given
    world.begin(SHARED, batch="spring")
    world.begin(SHARED, "spot", OTHER_EXECUTION)
    other, claim = world.claim("spot", OTHER_EXECUTION), world.claim()
    before = world.row()
    # when it is not listed
    assert not world.come("lamp", other)[0]
    # then
    assert world.row() == before
    # and when it was, is there, and is taken from the list
    world.list("lamp", "spring")
    assert world.come("lamp", claim)[0]
    there = world.row()
    world.serials.delete_item(Key={"serial": "lamp", "batch": "spring"})
    assert not world.come("lamp", claim, 2)[0]
    assert world.row() == there


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("listed", [True, False])
def test_a_hook_that_is_interrupted_says_neither_yes_nor_what_is_not_so(
    world: World, function_clients: list[Any], how: str, *, listed: bool
) -> None:
    """Every call in turn: AWS IoT tells the device that the hook has failed, and it asks again."""
    # given
    if listed:
        world.list("lamp", "spring")
    world.begin(SHARED, batch="spring")
    claim, before = world.claim(), world.row()
    at, operation = 1, "anything"
    while operation:
        interrupting = faults.interrupted(function_clients, at, how)
        with interrupting as interruption, suppress(PlaygroundError, faults.Killed):
            world.come("lamp", claim)
        operation = interruption.operation
        # then: what it writes is what it would say
        assert "certificate_id" not in world.row() or listed
        assert "serial_refused" not in world.row() or not listed
        # and the same again has the same end
        assert world.come("lamp", claim)[0] is listed
        assert ("serial_refused" in world.row()) is not listed
        world.catalog.table.put_item(Item=before)
        for found in world.iot.things.values():
            found.principals.clear()
        at += 1
    assert at == 5, "row, list, row"


@pytest.mark.parametrize("method", METHODS)
def test_a_device_of_no_batch_is_not_looked_up(world: World, method: str) -> None:
    world.list("lamp", "spring", "autumn")
    world.begin(method)
    assert world.come("lamp", world.claim())[0]
    assert "batch" not in world.row()


def test_devices_of_a_batch_share_a_claim_of_their_own(world: World) -> None:
    # given
    for number, batch in enumerate(["claim", "claim", "autumn"]):
        world.list(f"lamp{number}", batch)
        world.begin(SHARED, f"lamp{number}", f"{EXECUTION}{number}", batch=batch)
    world.begin(SHARED)
    # when
    first, second, third = (world.claim(f"lamp{at}", f"{EXECUTION}{at}") for at in range(3))
    without = world.claim()
    # then
    assert first == second
    assert len({first, third, without}) == 3
    shared = {key for key in world.held() if key.startswith("claims/")}
    assert shared == {SHARED_KEY, "claims/batches/claim.json", "claims/batches/autumn.json"}
    assert world.document("claims/batches/claim.json")["certificateId"] == first
    # and another batch's opens nothing
    assert not world.come("lamp0", third)[0]
    assert not world.come("lamp0", without)[0]
    assert world.come("lamp0", first)[0]
    # and one that was withdrawn is replaced alone
    world.iot.certificates[f"{ACCOUNT}:cert/{first}"].status = "REVOKED"
    assert world.claim("lamp1", f"{EXECUTION}1") not in {first, third, without}
    assert world.claim() == without


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("method", METHODS)
def test_whatever_is_interrupted_a_claim_works_in_the_end(
    world: World, function_clients: list[Any], method: str, how: str
) -> None:
    """Every call in turn: then the workflow tries again."""
    at, operation = 1, "anything"
    while operation:
        # given
        world.begin(method)
        over = replace(world.context, remaining_ms=-1)
        # when
        interrupting = faults.interrupted(function_clients, at, how)
        with interrupting as interruption, suppress(PlaygroundError, faults.Killed):
            world.claim(context=over)
        operation = interruption.operation
        # then
        claim = world.claim()
        assert world.document("devices/lamp/identity.json")["certificateId"] == claim
        if method != OWN:
            shared = f"{ACCOUNT}:cert/{claim}"
            assert world.document(SHARED_KEY)["certificateId"] == claim
            assert world.iot.certificates[shared].status == "ACTIVE"
            # Others were never active, and the row tells when they were made.
            left = {arn: found for arn, found in world.iot.certificates.items() if arn != shared}
            assert all(found.status == "INACTIVE" for found in left.values()), (at, operation)
            marks = world.row().get("certificate_requests", ())
            assert len(left) <= len(marks), (at, operation)
        assert world.come("lamp", claim)[0]
        world.undo()
        world.iot.certificates.clear()
        world.s3.delete_object(Bucket=BUCKET, Key=SHARED_KEY)
        world.catalog.table.delete_item(Key={"thing_name": "lamp"})
        at += 1
    assert at > 4
