"""The policies of one certificate, brought to what the device's row says, while others may change what it says.

Whoever changes what a certificate is to have, a link, a quarantine or a release, writes the row and then looks at the
certificates. Here it is the other way round: the row is read again after every change, until it asks for no other. So
whichever of the two comes last sees what the other one has done.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.catalog import Row
from common.certificates import tolerating
from common.errors import TransientError
from common.quarantine import Policies

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

LOOKS = 6


def _nothing(_row: Row, _policies: AbstractSet[str]) -> None:
    """Nothing to write down."""


@dataclass(frozen=True)
class Settling:
    """`current` gives the device's row as it is at that moment.

    `before_taking` is told of the policies, not the stack's own, that are about to be taken off.
    """

    iot: "IoTClient"
    policies: Policies
    current: Callable[[], Row | None]
    before_taking: Callable[[Row, AbstractSet[str]], None] = _nothing

    def settle(self, certificate_arn: str) -> tuple[str, ...]:
        """Give the certificate what it is to have, then take what it is not; gives the former. Repeatable.

        In this order it is never without a policy. Until the old one is off, both are in force together, which allows
        what the wider one allows: for the time of one call. Raises TransientError when the row does not stand still.
        """
        # Once: what AWS IoT lists may be older than what was done here since.
        attached, gone = self._attached(certificate_arn), frozenset[str]()
        for _ in range(LOOKS):
            row = self.current() or {}
            wanted = self.policies.of(row)
            lacking = set(wanted) - attached - gone
            unwanted = self.policies.unwanted(row, attached)
            if not lacking and not unwanted:
                return wanted
            gone |= self.policies.attach(self.iot, sorted(lacking), certificate_arn)
            self.before_taking(row, {name for name in unwanted if not self.policies.is_ours(name)})
            for policy in unwanted:
                with tolerating("ResourceNotFoundException"):
                    self.iot.detach_policy(policyName=policy, target=certificate_arn)
            attached = (attached | lacking) - gone - set(unwanted)
        raise TransientError(f"what {certificate_arn} is to have changes all the time")

    def _attached(self, certificate_arn: str) -> set[str]:
        found = self.iot.list_attached_policies(target=certificate_arn)["policies"]
        return {policy["policyName"] for policy in found}
