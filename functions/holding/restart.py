"""The row of a device that a restart holds: every write is conditional on that (holding/)."""

from typing import TYPE_CHECKING

from holding.hold import Hold
from holding.purposes import Purpose

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def restart_of(table: "Table", thing_name: str, restart_arn: str, *, undoing: bool = False) -> Hold:
    """The hold of this restart. `undoing`: for whoever undoes it."""
    return Hold(table, thing_name, restart_arn, (Purpose.RESTART,), undoing)
