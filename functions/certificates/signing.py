"""For whom a certificate is made from a device's own request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from certificates.ledger import Ledger
from devices.catalog import Catalog

# As long as a workflow waits for a device to connect. The reference to put the request with is good
# for longer.
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class SigningRequest:
    """The device, the provisioning that made it or the restart that holds it, and since when it may
    come.
    """

    thing_name: str
    since: datetime
    execution_arn: str
    restart_arn: str | None = None
    restarts: int = 0

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "SigningRequest":
        """From the state's payload: `{thingName, execution, since}`; a restart adds `{restart,
        restarts}`.
        """
        since = datetime.fromisoformat(event["since"])
        return cls(
            event["thingName"],
            since,
            event["execution"],
            event.get("restart"),
            event.get("restarts", 0),
        )

    @property
    def attempt(self) -> str:
        """What one certificate is made for, however often it is asked."""
        return f"{self.restart_arn}#{self.restarts}" if self.restart_arn else self.execution_arn

    @property
    def overdue(self) -> bool:
        """Whether the device has been waited for long enough."""
        return datetime.now(UTC) - self.since > PATIENCE

    def ledger(self, catalog: Catalog) -> Ledger:
        """What the row says of it."""
        return Ledger(catalog, self.thing_name, self.execution_arn, self.restart_arn)
