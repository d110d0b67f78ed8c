"""A finding: who, which rule, what was seen, when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.moments import of_milliseconds

UNKNOWN = "?"
"""In the place of a thing name, which it can't be: nobody knows who it was."""

MOST_EVIDENCE = 10


@dataclass(frozen=True)
class Finding:
    """One. `window` is in seconds, 0 for a rule that a single event fires; `at` is the time of the
    newest event.
    """

    thing_name: str
    rule: str
    at_ms: int
    reason: str
    seen: Mapping[str, Any] = field(default_factory=dict)
    window: int = 0
    evidence: Sequence[str] = ()

    @property
    def at(self) -> str:
        """ISO 8601, UTC."""
        return of_milliseconds(self.at_ms)

    @property
    def verdict_id(self) -> str:
        """The table's sort key, the same for each attempt to record it: sorts by time within a
        thing.
        """
        return f"{self.at}#{self.rule}"

    def as_document(self) -> dict[str, Any]:
        """As it is kept, published and handed on (docs/contracts.md, "Findings")."""
        return {
            "thing_name": self.thing_name,
            "verdict_id": self.verdict_id,
            "rule": self.rule,
            "reason": self.reason,
            "seen": dict(self.seen),
            "window": self.window,
            "at": self.at,
            "evidence": list(self.evidence)[:MOST_EVIDENCE],
        }
