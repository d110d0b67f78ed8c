"""CreateCertificate: one certificate, and a private key that nobody sees but the bucket."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from botocore.exceptions import ClientError

from common.clients import NEVER_REPEAT, S3_CONFIG
from common.errors import AccessRefused, OwnershipLost, TransientError
from devices.catalog import Catalog
from provisioning import create_certificate
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot
from tests.unit.stack import EXECUTION

KEY = "devices/lamp/identity.json"
Objects = Callable[[], dict[str, Any]]
Create = Callable[[], dict[str, str]]
EVENT = {"thingName": "lamp", "execution": EXECUTION}


@pytest.fixture
def create(
    iot: MemoryIot, catalog: Catalog, idempotency_records: Any, objects: Objects, context: Any
) -> Create:
    """One attempt of the state, for a thing that an execution has claimed."""
    catalog.claim("lamp", "bulb", EXECUTION)
    return lambda: built(create_certificate)(EVENT, context)


def test_the_identity_waits_in_the_bucket(
    create: Create, iot: MemoryIot, catalog: Catalog, objects: Objects
) -> None:
    # when
    answer = create()
    # then
    ((arn, certificate),) = iot.certificates.items()
    assert answer == {"certificateId": arn.rpartition("/")[2], "certificateArn": arn}
    assert certificate.status == "ACTIVE"
    assert objects() == {
        KEY: {
            "certificateId": answer["certificateId"],
            "certificatePem": "-----BEGIN CERTIFICATE-----\n1\n-----END CERTIFICATE-----\n",
            "privateKey": certificate.private_key,
        }
    }
    row = catalog.row("lamp")
    assert row
    assert (row["certificate_id"], row["certificate_arn"]) == (answer["certificateId"], arn)
    assert row["identity_pending"] is True


def test_the_key_is_only_in_the_bucket(
    create: Create, iot: MemoryIot, catalog: Catalog, printed: Callable[[], str]
) -> None:
    # when
    answer = create()
    # then
    (certificate,) = iot.certificates.values()
    output = printed()
    assert "certificate created" in output
    for told in (json.dumps(answer), output, repr(catalog.row("lamp"))):
        assert "secret-" not in told
        assert "PRIVATE KEY" not in told
    assert "secret-" in certificate.private_key


def test_the_key_is_not_told_when_something_fails(
    create: Create, printed: Callable[[], str]
) -> None:
    # when
    with (
        faults.refused(CLIENTS.client("s3", S3_CONFIG), "PutObject"),
        pytest.raises(TransientError) as error,
    ):
        create()
    # then
    assert "secret-" not in str(error.value) + printed()


def test_a_retry_after_success_finds_the_same_certificate(
    create: Create, iot: MemoryIot, objects: Objects
) -> None:
    # given
    first = create()
    before = objects()
    # when
    second = create()
    # then
    assert second == first
    assert objects() == before
    assert iot.ever_made == 1


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("SlowDown", 503, TransientError), ("AccessDenied", 403, AccessRefused)],
)
def test_a_certificate_whose_key_was_not_kept_is_deleted_at_once(
    create: Create, iot: MemoryIot, objects: Objects, code: str, status: int, error: type[Exception]
) -> None:
    # when
    with (
        faults.refused(CLIENTS.client("s3", S3_CONFIG), "PutObject", code, status),
        pytest.raises(error),
    ):
        create()
    # then
    assert iot.ever_made == 1
    assert iot.certificates == {}
    assert objects() == {}


def test_a_retry_after_a_deleted_certificate_makes_a_new_one(
    create: Create, iot: MemoryIot, objects: Objects
) -> None:
    # given
    with (
        faults.refused(CLIENTS.client("s3", S3_CONFIG), "PutObject", "SlowDown", 503),
        pytest.raises(TransientError),
    ):
        create()
    # when
    answer = create()
    # then
    assert list(iot.certificates) == [answer["certificateArn"]]
    assert objects()[KEY]["certificateId"] == answer["certificateId"]


def test_a_device_that_nobody_claimed_gets_no_certificate(
    create: Create, catalog: Catalog, iot: MemoryIot, objects: Objects
) -> None:
    # given
    catalog.table.delete_item(Key={"thing_name": "lamp"})
    # when
    with pytest.raises(OwnershipLost, match="lamp"):
        create()
    # then
    assert iot.certificates == {}
    assert objects() == {}
    assert catalog.row("lamp") is None


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", range(1, 10))
def test_an_attempt_after_any_interruption_leaves_one_certificate_with_its_key(
    create: Create,
    iot: MemoryIot,
    catalog: Catalog,
    objects: Objects,
    function_clients: list[Any],
    context: Any,
    at: int,
    how: str,
) -> None:
    """PutItem (idempotency), GetItem, UpdateItem (intent), CreateKeysAndCertificate, UpdateItem,
    PutObject, UpdateItem, UpdateCertificate, UpdateItem (idempotency): each may be the last that
    happens.
    """
    # given
    killed = replace(context, remaining_ms=-1000)
    with (
        faults.interrupted(function_clients, at, how),
        pytest.raises((TransientError, faults.Killed)),
    ):
        built(create_certificate)(EVENT, killed)
    lost = {
        4: ("answer lost", "killed after"),
        5: ("killed before",),
    }  # made, and the row does not name it
    orphans = set(iot.certificates) if how in lost.get(at, ()) else set()
    assert len(orphans) == (how in lost.get(at, ()))
    # when
    answer = create()
    # then
    assert set(iot.certificates) - orphans == {answer["certificateArn"]}
    kept = objects()[KEY]
    assert kept["certificateId"] == answer["certificateId"]
    assert kept["privateKey"] == iot.certificates[answer["certificateArn"]].private_key
    row = catalog.row("lamp")
    assert row
    assert row["certificate_arn"] == answer["certificateArn"]
    assert iot.certificates[answer["certificateArn"]].status == "ACTIVE"
    for orphan in orphans:
        # Of no use to anybody, and the row says when to look for it.
        assert iot.certificates[orphan].status == "INACTIVE"
        assert len(row["certificate_requests"]) == 1


def test_creating_keys_is_never_repeated_by_the_client(
    refusing_network: Callable[[Any], list[str]],
) -> None:
    """A repeated CreateKeysAndCertificate makes a second certificate that nobody knows of."""
    # given
    client = CLIENTS.client("iot", NEVER_REPEAT)
    sent = refusing_network(client)
    # when
    with pytest.raises(ClientError):
        client.create_keys_and_certificate(setAsActive=True)
    # then
    assert len(sent) == 1


def test_it_is_asked_for_in_writing_before_it_is_made(
    create: Create, catalog: Catalog, iot: MemoryIot
) -> None:
    # given
    seen: list[Any] = []
    client = CLIENTS.client("iot", NEVER_REPEAT)
    name = "before-call.iot.CreateKeysAndCertificate"

    def look(**_: Any) -> None:
        seen.append(catalog.row("lamp"))

    client.meta.events.register_first(name, look)
    # when
    try:
        create()
    finally:
        client.meta.events.unregister(name, look)
    # then
    ((request,),) = [row["certificate_requests"] for row in seen]
    assert request.endswith(" 00000000-0000-4000-8000-000000000000")
    assert "certificate_requests" not in catalog.owned("lamp", EXECUTION)


def test_what_aws_refuses_to_make_is_not_looked_for(create: Create, catalog: Catalog) -> None:
    # when
    refusal = faults.refused(
        CLIENTS.client("iot", NEVER_REPEAT), "CreateKeysAndCertificate", "ThrottlingException", 429
    )
    with refusal, pytest.raises(TransientError):
        create()
    # then
    assert "certificate_requests" not in catalog.owned("lamp", EXECUTION)


def test_a_call_while_another_is_under_way_is_refused(
    create: Create, iot: MemoryIot, context: Any
) -> None:
    # given
    inner: list[Exception] = []
    client = CLIENTS.client("iot", NEVER_REPEAT)
    name = "before-call.iot.CreateKeysAndCertificate"

    def call_again(**_: Any) -> None:
        client.meta.events.unregister(name, call_again)
        with pytest.raises(IdempotencyAlreadyInProgressError) as refusal:
            create()
        inner.append(refusal.value)

    client.meta.events.register_first(name, call_again)
    # when
    create()
    # then
    assert len(inner) == 1
    assert iot.ever_made == 1


def test_a_call_when_nothing_is_remembered_any_more_changes_nothing(
    create: Create, catalog: Catalog, iot: MemoryIot, idempotency_records: Any
) -> None:
    # given: the device has connected, its key is picked up, its certificate has been taken out of
    # force
    first = create()
    catalog.update("lamp", EXECUTION, remove=("identity_pending",), status="QUARANTINED")
    ((arn, certificate),) = iot.certificates.items()
    certificate.status = "INACTIVE"
    (record,) = idempotency_records.scan()["Items"]
    idempotency_records.delete_item(Key={"id": record["id"]})
    # when
    second = create()
    # then
    assert second == first
    assert set(iot.certificates) == {arn}
    assert certificate.status == "INACTIVE"


def test_what_is_remembered_holds_no_key(create: Create, idempotency_records: Any) -> None:
    # when
    answer = create()
    # then
    (record,) = idempotency_records.scan()["Items"]
    assert json.loads(record["data"]) == answer
    assert "secret-" not in repr(record)
