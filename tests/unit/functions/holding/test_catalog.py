"""Catalog: conditional writes on one row per name."""

import re

import pytest
from botocore.exceptions import ClientError

from common.errors import OwnershipLost
from common.moments import now
from devices.catalog import Catalog
from tests.unit.doubles import faults
from tests.unit.stack import EXECUTION, OTHER_EXECUTION, OTHER_REMOVAL, REMOVAL


def test_times_are_iso_8601_in_utc_with_milliseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now())


def test_a_name_that_is_not_there_has_no_row(catalog: Catalog) -> None:
    assert catalog.row("lamp") is None


def test_a_claim_holds_against_others_and_not_against_its_owner(catalog: Catalog) -> None:
    assert catalog.claim("lamp", "bulb", EXECUTION)
    assert not catalog.claim("lamp", "switch", OTHER_EXECUTION)
    assert catalog.claim("lamp", "bulb", EXECUTION)
    row = catalog.row("lamp")
    assert row
    assert (row["execution_arn"], row["device_type"]) == (EXECUTION, "bulb")


def test_an_update_sets_removes_and_gives_the_whole_row(catalog: Catalog) -> None:
    # given
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.update(
        "lamp",
        EXECUTION,
        task_token="token",
        ip="192.0.2.17",
        updated_at="2020-01-01T00:00:00.000Z",
    )
    # when
    row = catalog.update(
        "lamp", EXECUTION, remove=("task_token", "ip", "never_there"), status="ONLINE"
    )
    # then
    assert row == catalog.row("lamp")
    assert (row["status"], row["device_type"]) == ("ONLINE", "bulb")
    assert not row.keys() & {"task_token", "ip"}
    assert row["updated_at"] >= row["created_at"]


def test_an_update_never_makes_a_row(catalog: Catalog) -> None:
    # when
    with pytest.raises(OwnershipLost, match="lamp"):
        catalog.update("lamp", EXECUTION, status="ONLINE")
    # then
    assert catalog.table.scan()["Count"] == 0


def test_an_error_of_dynamodb_is_no_lost_race(catalog: Catalog) -> None:
    client = catalog.table.meta.client
    with (
        faults.refused(client, "PutItem", "AccessDeniedException", 400),
        pytest.raises(ClientError),
    ):
        catalog.claim("lamp", "bulb", EXECUTION)
    with (
        faults.refused(client, "UpdateItem", "AccessDeniedException", 400),
        pytest.raises(ClientError),
    ):
        catalog.update("lamp", EXECUTION, status="ONLINE")


def test_a_repeated_claim_keeps_what_was_written_since(catalog: Catalog) -> None:
    # given
    catalog.claim("lamp", "bulb", EXECUTION)
    row = catalog.update("lamp", EXECUTION, certificate_arn="arn")
    # then
    assert catalog.claim("lamp", "bulb", EXECUTION)
    assert catalog.row("lamp") == row


def test_an_execution_that_was_undone_can_not_claim_again(catalog: Catalog) -> None:
    # given
    catalog.claim("lamp", "bulb", EXECUTION)
    catalog.take(catalog.owned("lamp", EXECUTION), EXECUTION)
    # then
    assert not catalog.claim("lamp", "bulb", EXECUTION)
    catalog.release("lamp", EXECUTION, "FAILED")
    assert not catalog.claim("lamp", "bulb", EXECUTION)
    assert catalog.claim("lamp", "bulb", OTHER_EXECUTION)


@pytest.mark.parametrize("by", [OTHER_EXECUTION, EXECUTION])
def test_nothing_is_written_for_a_device_that_is_not_ones_own_or_is_removed(
    catalog: Catalog, by: str
) -> None:
    # given
    catalog.claim("lamp", "bulb", EXECUTION)
    if by == EXECUTION:
        catalog.take(catalog.owned("lamp", EXECUTION), REMOVAL)
    before = catalog.row("lamp")
    # then
    with pytest.raises(OwnershipLost, match="lamp"):
        catalog.update("lamp", by, task_token="token")
    with pytest.raises(OwnershipLost, match="lamp"):
        catalog.owned("lamp", by)
    assert catalog.row("lamp") == before


def test_a_row_is_taken_by_one_at_a_time(catalog: Catalog) -> None:
    # given
    catalog.claim("lamp", "bulb", EXECUTION)
    seen = catalog.owned("lamp", EXECUTION)
    # when
    assert catalog.take(seen, REMOVAL)
    # then: who saw it free comes too late, its taker may repeat it, and who saw the taker may take
    # over
    assert catalog.take(seen, OTHER_REMOVAL) is None
    taken = catalog.take(seen, REMOVAL)
    assert taken
    assert catalog.take(taken, OTHER_REMOVAL)
    assert not catalog.release("lamp", REMOVAL, "TERMINATED")
    assert catalog.release("lamp", OTHER_REMOVAL, "TERMINATED")


def test_sets_grow_and_shrink_member_by_member(catalog: Catalog) -> None:
    # given
    catalog.claim("lamp", "bulb", EXECUTION)
    for text in ("first", "second"):
        row = catalog.update("lamp", EXECUTION, add={"certificate_requests": {text}})
    assert row["certificate_requests"] == {"first", "second"}
    # when
    row = catalog.update(
        "lamp", EXECUTION, take_out={"certificate_requests": {"first"}}, certificate_id="one"
    )
    # then
    assert (row["certificate_requests"], row["certificate_id"]) == ({"second"}, "one")
    catalog.forget_request("lamp", "second")
    assert "certificate_requests" not in catalog.owned("lamp", EXECUTION)
    catalog.forget_request("nobody", "second")
    assert catalog.row("nobody") is None
