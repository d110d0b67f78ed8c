"""What an audit looks at, gathered beforehand: the checks themselves ask nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.row import Row

# https://docs.aws.amazon.com/iot-device-defender/latest/devguide/device-certificate-age-check.html:
# the checks of device certificates apply to these.
IN_USE = ("ACTIVE", "PENDING_TRANSFER")


@dataclass(frozen=True)
class Certificate:
    """A certificate of one of the stack's things, or one that a row of the catalog names."""

    id: str
    status: str
    pem: str
    created_at: datetime
    things: tuple[str, ...] = ()
    """All that it is attached to, not only the stack's."""
    policies: tuple[str, ...] = ()

    @property
    def in_use(self) -> bool:
        """Whether a device can connect with it."""
        return self.status in IN_USE


@dataclass(frozen=True)
class Policy:
    """The default version of an AWS IoT policy."""

    name: str
    version: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Logging:
    """AWS IoT's logging, of the whole account in this region."""

    level: str = "DISABLED"

    @property
    def enabled(self) -> bool:
        """Whether AWS IoT writes anything."""
        return self.level != "DISABLED"


@dataclass(frozen=True)
class Facts:
    """One look at the stack."""

    at: datetime
    certificates: tuple[Certificate, ...] = ()
    policies: tuple[Policy, ...] = ()
    rows: Mapping[str, Row] = field(default_factory=dict)
    logging: Logging = Logging()
    left_out: int = 0
    """Devices beyond the most that one audit looks at."""
