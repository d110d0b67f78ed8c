"""What was seen once, whatever told of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.jsonvalues import told

LONGEST_TEXT = 256
CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Observation:
    """One event that a rule counts.

    `principal` is the certificate id that AWS IoT has authenticated, and decides who is to blame.
    `client_id` does so only when there is none: the device policy lets a connection have no other
    client id than its thing's name, but whoever is refused a connection claims what he likes.
    """

    rule: str
    at_ms: int
    evidence: str
    """Names the event: the same for each time that it is delivered."""
    principal: str = ""
    client_id: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Whose events are counted together."""
        return self.principal or self.client_id


@dataclass(frozen=True)
class Report:
    """A metrics report of a device: `sent` messages and `refused` publishes since the report
    before.
    """

    report_id: int
    at_ms: int
    principal: str
    client_id: str
    sent: int
    refused: int


def certificate_of(principal: object) -> str:
    """The certificate id, or nothing for a principal of another kind, such as a user of the
    account.
    """
    return principal if isinstance(principal, str) and CERTIFICATE_ID.fullmatch(principal) else ""


def text(value: object) -> str:
    """What somebody else has written, cut, and in Unicode that a table takes: half of a surrogate
    pair is none.
    """
    said = value if isinstance(value, str) else told(value)
    return said[:LONGEST_TEXT].encode("utf-8", "replace").decode()
