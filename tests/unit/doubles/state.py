"""A state directory in memory: what is kept outlives the device that keeps it."""

import copy
from collections.abc import Mapping
from typing import Any

from virtual_device.base.errors import StateUnusableError
from virtual_device.state.store import Enrolment


class MemoryState:
    """One thing's, as `store.Store` has it."""

    def __init__(self, enrolment: Enrolment | None = None) -> None:
        self.enrolment = enrolment
        self.documents: dict[str, dict[str, Any]] = {}
        self.lacking = False
        """Whether nothing can be opened for now."""
        self.full = False
        """Whether nothing can be written any more."""

    def load(self, _thing_name: str) -> Enrolment | None:
        """The identity."""
        if self.lacking:
            raise StateUnusableError("too many open files", permanent=False)
        return self.enrolment

    def save(self, enrolment: Enrolment) -> None:
        """Keep it."""
        self._check()
        self.enrolment = enrolment

    def load_document(self, _thing_name: str, name: str) -> dict[str, Any] | None:
        """Another file."""
        return copy.deepcopy(self.documents.get(name))

    def save_document(self, _thing_name: str, name: str, document: Mapping[str, object]) -> None:
        """Keep it."""
        self._check()
        self.documents[name] = copy.deepcopy(dict(document))

    def remove_document(self, _thing_name: str, name: str) -> None:
        """Keep it no longer."""
        self._check()
        self.documents.pop(name, None)

    def _check(self) -> None:
        if self.full:
            raise StateUnusableError("no space left on device")
