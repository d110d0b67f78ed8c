"""The successor of a device's certificate: interrupted anywhere, and two who act at once."""

import copy
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.clients import NEVER_REPEAT
from common.errors import TransientError
from tests.unit.built import CLIENTS
from tests.unit.doubles import faults
from tests.unit.functions.next_certificate.rotation import (
    World,
    after_the_certificate_is_made,
    id_of,
)


def test_an_answer_that_is_no_answer_is_remembered(world: World, sdk_never_waits: None) -> None:
    """AWS IoT may have made one all the same."""
    issuing = CLIENTS.client("iot", NEVER_REPEAT)
    with faults.refused(issuing, "CreateCertificateFromCsr"), pytest.raises(TransientError):
        world.create()
    (mark,) = world.row["certificate_requests"]
    assert mark.endswith(f" {world.context.aws_request_id}")


def test_a_certificate_that_can_not_be_written_down_is_deleted(
    world: World, sdk_never_waits: None
) -> None:
    table = CLIENTS.resource("dynamodb").meta.client
    with (
        ExitStack() as faulty,
        after_the_certificate_is_made(
            lambda: faulty.enter_context(faults.refused(table, "UpdateItem"))
        ),
        pytest.raises(TransientError),
    ):
        world.create()
    assert (world.iot.ever_made, len(world.iot.certificates)) == (2, 1)


@pytest.mark.parametrize(
    "change", [{"deprovisioning": "arn"}, {"abandoned_rotation": "job"}, {"certificate_id": "x"}]
)
def test_of_two_who_act_at_once_one_is_refused(world: World, change: dict[str, str]) -> None:
    """What changes in the row while the certificate is being made is not overlooked."""
    # when
    with (
        after_the_certificate_is_made(lambda: world.write(**change)),
        pytest.raises(TransientError),
    ):
        world.create()
    # then
    assert list(world.iot.certificates) == [world.first]
    assert not world.row.keys() & {"next_certificate_id", "certificate_requests"}


def put_back(world: World, before: tuple[Any, Any, Any]) -> None:
    """Certificates, things and the row as they were."""
    world.iot.certificates, world.iot.things, row = copy.deepcopy(before)
    world.table.put_item(Item=row)


def interrupted(
    clients: list[Any], at: int, how: str, act: Callable[[], object]
) -> faults.Interruption:
    """One attempt, which ends at its `at`-th call."""
    with (
        faults.interrupted(clients, at, how) as interruption,
        suppress(ClientError, TransientError, faults.Killed),
    ):
        act()
    return interruption


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
def test_an_issue_interrupted_anywhere_is_completed_by_the_next(
    world: World, sdk_never_waits: None, function_clients: list[Any], how: str
) -> None:
    """A certificate that was made in the one moment before it is written down stays, and is good
    for nothing.
    """
    before = copy.deepcopy((world.iot.certificates, world.iot.things, world.row))
    for at in range(1, 100):
        # given
        put_back(world, before)
        interruption = interrupted(function_clients, at, how, world.create)
        if not interruption.operation:
            assert at > 5
            return
        # when
        verdict, made = world.create()
        # then
        assert verdict == "accepted", interruption
        assert world.valid() == {id_of(world.first), made["certificateId"]}, interruption
        # What nobody knows of is not active, and the row tells when it was asked for.
        unknown = [
            one.status
            for arn, one in world.iot.certificates.items()
            if id_of(arn) not in world.valid()
        ]
        assert unknown in ([], ["INACTIVE"]), interruption
        assert len(unknown) <= len(world.row.get("certificate_requests", ())), interruption


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["answer lost", "killed before"])
@pytest.mark.parametrize("request_", ["confirm", "abandon"])
def test_a_settlement_interrupted_anywhere_is_completed_by_the_next(
    world: World, sdk_never_waits: None, function_clients: list[Any], how: str, request_: str
) -> None:
    new = world.create()[1]["certificateId"]
    before = copy.deepcopy((world.iot.certificates, world.iot.things, world.row))

    def settle() -> tuple[str, dict[str, Any]]:
        return world.confirm(new) if request_ == "confirm" else world.abandon()

    for at in range(1, 100):
        # given
        put_back(world, before)
        interruption = interrupted(function_clients, at, how, settle)
        if not interruption.operation:
            assert at > 5
            return
        # then: the device can connect, with the certificate that it has in hand
        assert (new if request_ == "confirm" else id_of(world.first)) in world.valid()
        # when
        assert settle()[0] == "accepted", interruption
        # then
        kept = new if request_ == "confirm" else id_of(world.first)
        assert {id_of(arn) for arn in world.iot.certificates} == world.valid() == {kept}, (
            interruption
        )
        assert world.row["certificate_id"] == kept
        assert not {name for name in world.row if name.startswith(("next_", "retired_"))}, (
            interruption
        )
