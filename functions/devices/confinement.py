"""What a catalog row says of a device's quarantine, and which policies its certificates get.

A device is in quarantine if its row has `quarantined_at`. Its status says so too, unless the device
has failed after repeated restarts.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.certificates import tolerating
from common.links import is_links_policy, links_policy_name
from common.row import Row
from holding.conditions import is_held
from holding.purposes import CONFINING, Purpose

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

QUARANTINED = "QUARANTINED"
SINCE = "quarantined_at"


def in_quarantine(row: Row) -> bool:
    """Whether the device is in quarantine, or about to be."""
    return SINCE in row


def is_confined(row: Row) -> bool:
    """Whether its certificates are to have the quarantine policy and no other."""
    return in_quarantine(row) and not is_held(row, Purpose.READMIT)


def is_nobodys(row: Row) -> bool:
    """Whether the device was left half let out, by an execution that does not hold it any more."""
    return is_held(row, Purpose.READMIT) and not is_held(row, *CONFINING)


def is_connected(row: Row) -> bool:
    """Whether the device is connected, as far as presence events tell."""
    return bool(
        row["status"] == "ONLINE"
        or (row["status"] == QUARANTINED and row.get("presence_connected"))
    )


def resting(row: Row) -> str:
    """The status of a device of this row that is not connected."""
    return QUARANTINED if in_quarantine(row) else "OFFLINE"


@dataclass(frozen=True)
class Policies:
    """The stack's two policies for certificates, by name, and how the names of the policies of
    links begin.
    """

    device: str
    quarantine: str
    links_prefix: str

    def of(self, row: Row | None) -> tuple[str, ...]:
        """Those that a certificate of the device gets now: the one place where that is decided.

        In quarantine one and no other. Otherwise the device policy, that of its links when the row
        has some now, and whatever else was taken for a quarantine.
        """
        known = row or {}
        if is_confined(known):
            return (self.quarantine,)
        links = (
            {links_policy_name(self.links_prefix, known["thing_name"])}
            if known.get("links")
            else set()
        )
        return (self.device, *sorted(links | set(known.get("quarantine_policies", ()))))

    def unwanted(self, row: Row, attached: AbstractSet[str]) -> list[str]:
        """Those of the `attached` that a certificate of the device must not have now.

        In quarantine that is every other one, whoever has attached it; otherwise of the stack's
        own.
        """
        wanted = set(self.of(row))
        return sorted(name for name in attached - wanted if is_confined(row) or self.is_ours(name))

    def is_ours(self, policy: str) -> bool:
        """Whether the row tells who has it, so that nobody need remember."""
        return policy in (self.device, self.quarantine) or is_links_policy(
            self.links_prefix, policy
        )

    def attach(
        self, iot: "IoTClient", names: Iterable[str], certificate_arn: str
    ) -> frozenset[str]:
        """Repeatable. Gives those that are not there: one that was deleted meanwhile, as that of
        links may be, or is about to be made, which then is attached by whoever makes it. The
        stack's two have to be there.
        """
        gone = set(names)
        for name in sorted(gone):
            with tolerating(
                "" if name in (self.device, self.quarantine) else "ResourceNotFoundException"
            ):
                iot.attach_policy(policyName=name, target=certificate_arn)
                gone.discard(name)
        return frozenset(gone)
