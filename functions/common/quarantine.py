"""What a catalog row says of a device's quarantine, and which policies its certificates get.

In quarantine is a device whose row has `quarantined_at`. Its status says so too, unless it was given up meanwhile.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from common.catalog import Row

QUARANTINED = "QUARANTINED"
SINCE = "quarantined_at"

AT_WORK = "quarantining"
"""The execution that puts the device into quarantine: nobody restarts it meanwhile."""
RELEASING = "releasing"
"""The execution that lets it out. The device may be restarted meanwhile, which is one way to a new certificate."""
READMITTING = "readmitting"
"""The last part of a release: certificates get back what they had, and nobody restarts the device meanwhile."""


def in_quarantine(row: Row) -> bool:
    """Whether the device is in quarantine, or about to be."""
    return SINCE in row


def is_confined(row: Row) -> bool:
    """Whether its certificates are to have the quarantine policy and no other."""
    return in_quarantine(row) and READMITTING not in row


def is_changing(row: Row) -> bool:
    """Whether the policies of the device's certificates are being changed."""
    return AT_WORK in row or READMITTING in row


def is_connected(row: Row) -> bool:
    """Whether the device is connected, as far as presence events tell."""
    return bool(row["status"] == "ONLINE" or (row["status"] == QUARANTINED and row.get("presence_connected")))


def resting(row: Row) -> str:
    """The status of a device of this row that is not connected."""
    return QUARANTINED if in_quarantine(row) else "OFFLINE"


@dataclass(frozen=True)
class Policies:
    """The stack's two policies for certificates, by name."""

    device: str
    quarantine: str

    def of(self, row: Row | None) -> tuple[str, ...]:
        """Those that a certificate of the device gets now: the one place where that is decided.

        A device that is let out gets back what it had beside the device policy.
        """
        if row is not None and is_confined(row):
            return (self.quarantine,)
        given_back = set((row or {}).get("quarantine_policies", ())) - {self.device, self.quarantine}
        return (self.device, *sorted(given_back))

    def unwanted(self, row: Row, attached: AbstractSet[str]) -> list[str]:
        """Those of the `attached` that a certificate of the device must not have now.

        In quarantine that is every other one, whoever has attached it.
        """
        return sorted(attached - {self.quarantine} if is_confined(row) else attached & {self.quarantine})
