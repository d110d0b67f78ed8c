"""What happened to a device, in order of time: its record, what it was refused, its findings and
its jobs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidInput
from common.moments import milliseconds
from common.row import Row
from explaining.asked import WORDS
from explaining.entries import Entry, Reader
from explaining.texts import shown
from explaining.why import Sources

MOST = 100
DEFAULT = 50
END_OF_TIME = 2**53
"""Later than any millisecond."""


@dataclass(frozen=True)
class Page:
    """`entries` with the newest first; `next_token` leads to what was before, None for no more."""

    thing_name: str
    entries: list[Entry]
    next_token: str | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "thingName": self.thing_name,
            "entries": [entry.as_dict() for entry in self.entries],
            "nextToken": self.next_token,
        }


@dataclass(frozen=True)
class Timeline:
    """Puts the sources together."""

    sources: Sources

    def page(self, thing_name: str, most: int = DEFAULT, token: str | None = None) -> Page:
        """A page of at most `most` messages of the record, and all else of the same time. Raises
        ThingNotFound, and InvalidInput for a token that is none.
        """
        row = self.sources.row(thing_name)
        until = _time_of(token) if token is not None else END_OF_TIME
        messages = self.sources.messages(row, most, token)
        found = Reader().entries(reversed(messages))
        oldest = messages[-1].id if len(messages) >= most else None
        since = _time_of(oldest) if oldest is not None else 0
        others = [one for one in self._others(row) if since <= one.at_ms < until]
        both = sorted([*found, *others], key=lambda entry: (entry.at_ms, entry.id), reverse=True)
        return Page(thing_name, both, oldest)

    def _others(self, row: Row) -> Iterator[Entry]:
        name = row["thing_name"]
        born = milliseconds(row["created_at"])
        for refusal in self.sources.refusals.since(name, self.sources.refused_since(row)):
            text = f"was not allowed to {WORDS[refusal.verb]} {shown(refusal.resource)}"
            detail = {"action": refusal.verb, "resource": refusal.resource}
            key = f"refused-{refusal.at_ms}-{refusal.verb}-{refusal.resource}"
            yield Entry(key, refusal.at_ms, "refused", text, trouble=True, detail=detail)
        for finding in self.sources.found_of(name):
            at_ms = milliseconds(str(finding["at"]))
            if at_ms >= born:
                text = f"was found to do wrong: {finding['rule']}, {shown(finding['reason'])}"
                detail = {"rule": finding["rule"], "reason": finding["reason"]}
                key = f"finding-{finding['verdict_id']}"
                yield Entry(key, at_ms, "finding", text, trouble=True, detail=detail)
        for job in self.sources.failed_jobs(name):
            text = f"ended the job {job.job_id} as {job.status}"
            detail = {"jobId": job.job_id, "status": job.status, **job.details}
            yield Entry(f"job-{job.job_id}", job.at_ms, "job", text, trouble=True, detail=detail)
        if "quarantined_at" in row:
            reason = shown(row.get("quarantine_reason", ""))
            at_ms = milliseconds(row["quarantined_at"])
            yield Entry(
                "quarantine", at_ms, "quarantine", f"was quarantined: {reason}", trouble=True
            )
        yield Entry("made", born, "workflow", "its provisioning began")


def _time_of(token: str) -> int:
    at, dash, _ = token.partition("-")
    if not (dash and at.isdigit() and len(at) == 13):
        raise InvalidInput("nextToken", "must be one that an earlier page had")
    return int(at)
