"""What stands around a device in quarantine: the group that it is in, and the policy of its certificates.

Both directions are written once here, for the workflows' states and for what undoes them. Everything can be repeated.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.catalog import Catalog, Row
from common.certificates import CERTIFICATE_ARNS
from common.quarantine import Policies, is_confined
from common.settling import Settling
from quarantine.holding import held, update_held

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class Isolation:
    """Confines devices and lets them out."""

    catalog: Catalog
    iot: "IoTClient"
    policies: Policies
    group: str

    def confine(self, row: Row, execution_arn: str) -> None:
        """Into the group, and the quarantine policy in place of every other one. The row says so already."""
        self.iot.add_thing_to_thing_group(thingGroupName=self.group, thingName=row["thing_name"])
        self.settle_policies(row, execution_arn)

    def readmit(self, row: Row, execution_arn: str) -> None:
        """The other way round. The row says that it may."""
        self.settle_policies(row, execution_arn)
        self.iot.remove_thing_from_thing_group(thingGroupName=self.group, thingName=row["thing_name"])

    def settle_policies(self, row: Row, execution_arn: str) -> None:
        """Give every certificate of the device what it is to have by its row, and take what it is not.

        Raises QuarantineLost when the row is the execution's no more.
        """
        name = row["thing_name"]

        def write_down(known: Row, taken: AbstractSet[str]) -> None:
            # Before it is gone: what is taken is given back, to the certificate that there is then.
            if taken and is_confined(known):
                update_held(self.catalog.table, name, execution_arn, add={"quarantine_policies": set(taken)})

        settling = Settling(
            self.iot, self.policies, lambda: held(self.catalog.row(name), execution_arn), before_taking=write_down
        )
        for arn in sorted(self._certificates(row)):
            settling.settle(arn)

    def _certificates(self, row: Row) -> set[str]:
        """Those that the row names, and whatever else the device may connect with."""
        pages = self.iot.get_paginator("list_thing_principals").paginate(thingName=row["thing_name"])
        attached = {arn for page in pages for arn in page["principals"] if ":cert/" in arn}
        return attached | {row[name] for name in CERTIFICATE_ARNS if name in row}
