"""What stands around a device in quarantine: the group that it is in, and the policy of its certificates.

Both directions are written once here, for the workflows' states and for what undoes them. Everything can be repeated.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.catalog import Catalog, Row
from common.certificates import CERTIFICATE_ARNS, tolerating
from common.quarantine import Policies, is_confined
from quarantine.holding import update_held

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

        In this order a certificate is never without a policy. Until the old one is off, both are in force together,
        which allows what the wider one allows: for the time of one call.
        """
        for arn in sorted(self._certificates(row)):
            attached = self._attached(arn)
            unwanted = self.policies.unwanted(row, attached)
            extra = {policy for policy in unwanted if not self.policies.is_ours(policy)}
            if extra and is_confined(row):
                # Written down before it is gone: what is taken is given back, to the certificate that there is then.
                row = update_held(
                    self.catalog.table, row["thing_name"], execution_arn, add={"quarantine_policies": extra}
                )
            self.policies.attach(self.iot, sorted(set(self.policies.of(row)) - attached), arn)
            for policy in unwanted:
                with tolerating("ResourceNotFoundException"):
                    self.iot.detach_policy(policyName=policy, target=arn)

    def _attached(self, arn: str) -> set[str]:
        return {policy["policyName"] for policy in self.iot.list_attached_policies(target=arn)["policies"]}

    def _certificates(self, row: Row) -> set[str]:
        """Those that the row names, and whatever else the device may connect with."""
        pages = self.iot.get_paginator("list_thing_principals").paginate(thingName=row["thing_name"])
        attached = {arn for page in pages for arn in page["principals"] if ":cert/" in arn}
        return attached | {row[name] for name in CERTIFICATE_ARNS if name in row}
