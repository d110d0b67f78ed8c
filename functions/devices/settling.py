"""The policies of one certificate, brought to what the device's row says, while others may change
what it says.

Whoever changes what a certificate is to have, a link, a quarantine or a release, writes the row and
then looks at the certificates. Here it is the other way round: the row is read again after every
change, until it asks for no other. So whichever of the two comes last sees what the other one has
done.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.certificates import tolerating
from common.errors import TransientError
from common.row import Row
from devices.confinement import Policies, is_confined

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

LOOKS = 6


def _may(_row: Row, _policies: AbstractSet[str]) -> bool:
    """Nothing to write down."""
    return True


@dataclass(frozen=True)
class Settling:
    """`current` gives the device's row as it is at that moment.

    `before_taking` is told of the policies, not the stack's own, that are about to be taken off,
    and says whether they may be. Nobody stops half-way because the row is somebody else's by now:
    what was done by what it said before is brought to what it says now.
    """

    iot: "IoTClient"
    policies: Policies
    current: Callable[[], Row | None]
    before_taking: Callable[[Row, AbstractSet[str]], bool] = _may

    def settle(self, certificate_arn: str) -> tuple[str, ...]:
        """Give the certificate what it is to have, then take what it is not; gives the former.
        Repeatable.

        In this order it is never without a policy. Until the old one is off, both are in force
        together, which allows what the wider one allows: for the time of one call. Raises
        TransientError when the row does not stand still.
        """
        # Once: what AWS IoT lists may be older than what was done here since.
        attached, gone = self._attached(certificate_arn), frozenset[str]()
        left, taken = set[str](), set[str]()
        for _ in range(LOOKS):
            row = self.current() or {}
            # What was taken by a row that confined it is given back: that row has forgotten it.
            wanted = self.policies.of(row) + (() if is_confined(row) else tuple(sorted(taken)))
            lacking = set(wanted) - attached - gone
            unwanted = [name for name in self.policies.unwanted(row, attached) if name not in left]
            if not lacking and not unwanted:
                return wanted
            gone |= self.policies.attach(self.iot, sorted(lacking), certificate_arn)
            foreign = {name for name in unwanted if not self.policies.is_ours(name)}
            if not self.before_taking(row, foreign):
                left |= foreign
                unwanted = [name for name in unwanted if name not in foreign]
            for policy in unwanted:
                with tolerating("ResourceNotFoundException"):
                    self.iot.detach_policy(policyName=policy, target=certificate_arn)
            taken |= foreign & set(unwanted)
            attached = (attached | lacking) - gone - set(unwanted)
        raise TransientError(f"the policies that {certificate_arn} should have keep changing")

    def _attached(self, certificate_arn: str) -> set[str]:
        found = self.iot.list_attached_policies(target=certificate_arn)["policies"]
        return {policy["policyName"] for policy in found}
