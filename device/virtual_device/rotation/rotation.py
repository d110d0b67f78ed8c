"""`rotation.json`: how far the change to a new certificate has come, so that a start after a crash
can go on.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Self

from virtual_device.base.errors import ConfigInvalidError, StateCorruptError
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.state.config import Identity
from virtual_device.state.store import Store

ROTATION_FILE = "rotation.json"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A change of identity under way.

    It is kept from before the first request until the cloud has settled it. Which identity is in
    force is what `identity.json` says: that is replaced in one step.
    """

    job_id: str
    private_key: str = field(repr=False)
    csr: str
    new: Identity | None = None
    """The new identity, once there is a certificate."""
    previous: Identity | None = None
    """The one to go back to; known with `new`."""
    abandoned: bool = False
    """Given up; the cloud is to be told."""

    @property
    def csr_digest(self) -> str:
        """SHA-256 of the request, in hex: an answer names the request that it is for."""
        return sha256(self.csr.encode()).hexdigest()

    def with_certificate(self, certificate_id: str, certificate: str, previous: Identity) -> Self:
        """With the certificate that the cloud has made. Raises `ConfigInvalidError`."""
        document = {
            "certificateId": certificate_id,
            "certificatePem": certificate,
            "privateKey": self.private_key,
        }
        return replace(self, new=Identity.from_document(document), previous=previous)

    @classmethod
    def load(cls, store: Store, thing_name: str) -> Self | None:
        """What is kept, None when no change is under way. Raises `StateCorruptError`,
        `StateUnusableError`.
        """
        document = store.load_document(thing_name, ROTATION_FILE)
        if document is None:
            return None
        try:
            return cls._from_document(document)
        except ConfigInvalidError as error:
            raise StateCorruptError(
                f"{ROTATION_FILE} of {thing_name} is damaged: {error}"
            ) from error

    def save(self, store: Store, thing_name: str) -> None:
        """Keep it. Raises `StateUnusableError`."""
        document: dict[str, object] = {
            "jobId": self.job_id,
            "privateKey": self.private_key,
            "csr": self.csr,
            "abandoned": self.abandoned,
        }
        if self.new is not None and self.previous is not None:
            document |= {"new": self.new.as_document(), "previous": self.previous.as_document()}
        store.save_document(thing_name, ROTATION_FILE, document)

    @staticmethod
    def forget(store: Store, thing_name: str) -> None:
        """It is over. Raises `StateUnusableError`."""
        store.remove_document(thing_name, ROTATION_FILE)

    @classmethod
    def _from_document(cls, document: JsonObject) -> Self:
        texts = [document.get(name) for name in ("jobId", "privateKey", "csr")]
        job_id, private_key, csr = (text if isinstance(text, str) else "" for text in texts)
        if not (job_id and private_key and csr):
            raise ConfigInvalidError("jobId, privateKey or csr is missing")
        new, previous = (_identity(document.get(name)) for name in ("new", "previous"))
        return cls(job_id, private_key, csr, new, previous, document.get("abandoned") is True)


def _identity(document: Json) -> Identity | None:
    return Identity.from_document(document) if isinstance(document, dict) else None
