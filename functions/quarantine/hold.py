"""The row of a device that a quarantine or a release holds: every write is conditional on that."""

from typing import TYPE_CHECKING

from holding.hold import Hold
from holding.purposes import CONFINING

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def hold_of(table: "Table", thing_name: str, execution_arn: str, *, undoing: bool = False) -> Hold:
    """What this execution has the device for, one of the two. `undoing`: for whoever undoes it."""
    return Hold(table, thing_name, execution_arn, CONFINING, undoing)
