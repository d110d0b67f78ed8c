"""What a device has got for its claim and may not use yet: the certificate with its key, and the
ownership token that AWS IoT wants to see with the device's name.

Kept (0600) before the name is told, so a process that is cut off goes on with the same certificate:
a claim is good for one.
"""

from dataclasses import dataclass, field
from typing import Self

from virtual_device.base.errors import ConfigInvalidError
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.state.config import Identity
from virtual_device.state.store import Store

CLAIMED_FILE = "claimed.json"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A certificate, and the token that it belongs to who has it. The token is good for an hour."""

    identity: Identity
    token: str = field(repr=False)

    @classmethod
    def from_document(cls, document: JsonObject) -> Self:
        """From AWS IoT's answer, or from what is kept of it. Raises `ConfigInvalidError`."""
        token = document.get("certificateOwnershipToken")
        if not isinstance(token, str) or not token:
            raise ConfigInvalidError("claimed certificate: certificateOwnershipToken is missing")
        return cls(Identity.from_document(document), token)

    @classmethod
    def load(cls, store: Store, thing_name: str, claim_id: str) -> Self | None:
        """What is kept, if it was got for this very claim. Raises `StateCorruptError`."""
        document = store.load_document(thing_name, CLAIMED_FILE) or {}
        return cls.from_document(document) if document.get("claim") == claim_id else None

    def save(self, store: Store, thing_name: str, claim_id: str) -> None:
        """Keep it. Raises `StateUnusableError`."""
        document = {
            **self.identity.as_document(),
            "certificateOwnershipToken": self.token,
            "claim": claim_id,
        }
        store.save_document(thing_name, CLAIMED_FILE, document)
