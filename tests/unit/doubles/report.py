"""What an operation says of itself."""

from dataclasses import dataclass, field


@dataclass
class Said:
    """A report; after an end nothing may follow."""

    details: list[dict[str, str]] = field(default_factory=list)
    ends: list[tuple[str, ...]] = field(default_factory=list)

    def progress(self, **details: str) -> None:
        """Noted."""
        assert not self.ends
        self.details.append(details)

    def succeeded(self, **details: str) -> None:
        """Noted."""
        self._end("succeeded")
        self.details.append(details)

    def failed(self, code: str, reason: str) -> None:
        """Noted."""
        self._end("failed", code, reason)

    def rejected(self, code: str, reason: str) -> None:
        """Noted."""
        self._end("rejected", code, reason)

    def _end(self, *end: str) -> None:
        assert not self.ends
        self.ends.append(end)
