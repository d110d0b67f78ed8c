"""For whom a certificate is made from a device's own request, and how the row tells of it.

A provisioning makes the device's first certificate; a restart makes one that is to succeed the certificate in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common.catalog import Catalog, Row, now
from common.errors import RestartLost
from restart.holding import update_held

# As long as a workflow waits for a device to connect. The reference to put the request with is good for longer.
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class SigningRequest:
    """The device, the provisioning that made it or the restart that holds it, and since when it may come."""

    thing_name: str
    since: datetime
    execution_arn: str
    restart_arn: str | None = None
    restarts: int = 0

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "SigningRequest":
        """From the state's payload: `{thingName, execution, since}`; a restart adds `{restart, restarts}`."""
        since = datetime.fromisoformat(event["since"])
        return cls(event["thingName"], since, event["execution"], event.get("restart"), event.get("restarts", 0))

    @property
    def attempt(self) -> str:
        """What one certificate is made for, however often it is asked."""
        return f"{self.restart_arn}#{self.restarts}" if self.restart_arn else self.execution_arn

    @property
    def overdue(self) -> bool:
        """Whether the device has been waited for long enough."""
        return datetime.now(UTC) - self.since > PATIENCE


@dataclass(frozen=True)
class Ledger:
    """What the row says of the certificate; every write is refused once the device is somebody else's."""

    catalog: Catalog
    asked: SigningRequest

    @property
    def prefix(self) -> str:
        """How the attributes begin that name it."""
        return "next_" if self.asked.restart_arn else ""

    def row(self) -> Row:
        """The row as it is now. Raises OwnershipLost or RestartLost."""
        if self.asked.restart_arn is None:
            return self.catalog.owned(self.asked.thing_name, self.asked.execution_arn)
        row = self.catalog.row(self.asked.thing_name) or {}
        if row.get("restarting") != self.asked.restart_arn or "deprovisioning" in row:
            raise RestartLost(f"{self.asked.thing_name} is not held by {self.asked.restart_arn} any more")
        return row

    def ask(self, mark: str) -> None:
        """Write down that a certificate is about to be made."""
        self._write(add={"certificate_requests": {mark}})

    def settle(self, mark: str) -> None:
        """No certificate can come of that request."""
        self._write(take_out={"certificate_requests": {mark}})

    def record(self, mark: str, certificate_arn: str) -> None:
        """The certificate is there, and this is its name."""
        names: dict[str, Any] = {
            f"{self.prefix}certificate_id": certificate_arn.rpartition("/")[2],
            f"{self.prefix}certificate_arn": certificate_arn,
        }
        if not self.prefix:
            names["certificate_created_at"] = now()
        self._write(take_out={"certificate_requests": {mark}}, **names)

    def hand_over(self) -> None:
        """From now on it may lie in the bucket, until the device has connected."""
        self._write(identity_pending=True)

    def _write(
        self,
        add: Mapping[str, set[str]] | None = None,
        take_out: Mapping[str, set[str]] | None = None,
        **values: Any,
    ) -> None:
        name, restart = self.asked.thing_name, self.asked.restart_arn
        if restart is None:
            self.catalog.update(name, self.asked.execution_arn, add=add, take_out=take_out, **values)
            return
        sets = {clause: members for clause, members in (("ADD", add), ("DELETE", take_out)) if members}
        update_held(self.catalog.table, name, restart, sets=sets, **values)
