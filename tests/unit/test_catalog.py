"""Catalog: conditional writes on one row per name."""

import re

import pytest
from botocore.exceptions import ClientError

from common.catalog import Catalog, now
from common.errors import OwnershipLost
from tests.unit.doubles import faults
from tests.unit.stack import EXECUTION, OTHER_EXECUTION


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
    catalog.update("lamp", EXECUTION, task_token="token", ip="192.0.2.17", updated_at="2020-01-01T00:00:00.000Z")
    # when
    row = catalog.update("lamp", EXECUTION, remove=("task_token", "ip", "never_there"), status="ONLINE")
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
    with faults.refused(client, "PutItem", "AccessDeniedException", 400), pytest.raises(ClientError):
        catalog.claim("lamp", "bulb", EXECUTION)
    with faults.refused(client, "UpdateItem", "AccessDeniedException", 400), pytest.raises(ClientError):
        catalog.update("lamp", EXECUTION, status="ONLINE")
