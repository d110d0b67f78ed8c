"""What stands around a device in quarantine: the group that it is in, and the policy of its
certificates.

Both directions are written once here, for the workflows' states and for what undoes them.
Everything can be repeated, and goes by the row, which is read again after each change: a function
that outlives its execution, and does late what the row had said, sees what it says by then.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.certificates import CERTIFICATE_ARNS
from common.errors import QuarantineLost, TransientError
from common.row import Row
from devices.catalog import Catalog
from devices.confinement import Policies, is_confined
from devices.settling import Settling
from holding.conditions import is_held
from holding.purposes import Purpose
from quarantine.hold import hold_of

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

LOOKS = 6


@dataclass(frozen=True)
class Isolation:
    """Confines devices and lets them out. `undoing`: for whoever undoes the execution."""

    catalog: Catalog
    iot: "IoTClient"
    policies: Policies
    group: str

    def confine(self, row: Row, execution_arn: str, *, undoing: bool = False) -> None:
        """Into the group, and the quarantine policy in place of every other one. The row says so
        already.
        """
        self._settle_group(row["thing_name"])
        self.settle_policies(row, execution_arn, undoing=undoing)

    def readmit(self, row: Row, execution_arn: str, *, undoing: bool = False) -> None:
        """The other way round. The row says that it may."""
        self.settle_policies(row, execution_arn, undoing=undoing)
        self._settle_group(row["thing_name"])

    def settle_policies(self, row: Row, execution_arn: str, *, undoing: bool = False) -> None:
        """Give every certificate of the device what it is to have by its row, and take what it is
        not.

        Raises QuarantineLost when the row is the execution's no more.
        """
        name = row["thing_name"]
        hold = hold_of(self.catalog.table, name, execution_arn, undoing=undoing)

        def write_down(known: Row, taken: AbstractSet[str]) -> bool:
            # Before it is gone: what is taken is given back, to the certificate that there is then.
            if is_confined(known) and not taken <= set(known.get("quarantine_policies", ())):
                add = {"quarantine_policies": set(taken)}
                try:
                    hold.update(add=add)
                except QuarantineLost:
                    return False
            return True

        settling = Settling(
            self.iot, self.policies, lambda: self._there(name), before_taking=write_down
        )
        for arn in sorted(self._certificates(row)):
            settling.settle(arn)
        hold.checked(self.catalog.row(name))

    def _settle_group(self, thing_name: str) -> None:
        for _ in range(LOOKS):
            confined = is_confined(self._there(thing_name))
            change = (
                self.iot.add_thing_to_thing_group
                if confined
                else self.iot.remove_thing_from_thing_group
            )
            change(thingGroupName=self.group, thingName=thing_name)
            if is_confined(self._there(thing_name)) == confined:
                return
        raise TransientError(f"{thing_name} keeps changing; try again")

    def _there(self, thing_name: str) -> Row:
        """The row, whoever holds it. Raises QuarantineLost once the device is being deleted."""
        row = self.catalog.row(thing_name)
        if row is None or is_held(row, Purpose.DEPROVISION):
            raise QuarantineLost(f"{thing_name} is being deleted, or has been")
        return row

    def _certificates(self, row: Row) -> set[str]:
        """Those that the row names, and whatever else the device may connect with."""
        pages = self.iot.get_paginator("list_thing_principals").paginate(
            thingName=row["thing_name"]
        )
        attached = {arn for page in pages for arn in page["principals"] if ":cert/" in arn}
        return attached | {row[name] for name in CERTIFICATE_ARNS if name in row}
