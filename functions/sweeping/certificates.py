"""Certificates that a killed CreateCertificate has left: which are certainly ours, and which a
person has to judge.

AWS IoT names a certificate only when it is made, so an attempt that is killed in that moment leaves
one that no row names. It is told by what the row said beforehand: when it was asked for. It was
made between that moment and the end of the function's time, it is INACTIVE, and nothing hangs on
it. Somebody else's certificate may answer to the same description. So as many are ours as requests
are open, and where there are more, none is touched.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# CreateCertificate's time (template.yaml, Globals), and what the clocks of Lambda and AWS IoT may
# differ by.
FUNCTION_SECONDS = 30
SKEW_SECONDS = 5


@dataclass(frozen=True)
class Request:
    """An open request: a member of the row's `certificate_requests`."""

    thing_name: str
    text: str

    @property
    def since(self) -> datetime:
        """The earliest moment at which its certificate can have been made."""
        return datetime.fromisoformat(self.text.partition(" ")[0]) - timedelta(seconds=SKEW_SECONDS)

    @property
    def until(self) -> datetime:
        """The latest such moment."""
        return self.since + timedelta(seconds=FUNCTION_SECONDS + 2 * SKEW_SECONDS)


@dataclass(frozen=True)
class Candidate:
    """A certificate that is INACTIVE and that no row names."""

    certificate_id: str
    made_at: datetime


@dataclass(frozen=True)
class Match:
    """Requests and the certificates that can be theirs. Settled: which one is whose is as good as
    certain.
    """

    requests: tuple[Request, ...]
    candidates: tuple[Candidate, ...]
    settled: bool

    def pairs(self) -> Iterator[tuple[Request, Candidate | None]]:
        """Each request and its certificate, None when there is none (any more)."""
        yield from _pairs(self.requests, self.candidates).items()


def matches(requests: Sequence[Request], candidates: Sequence[Candidate]) -> list[Match]:
    """One match for each span of time that requests share."""
    found = []
    for span in _spans(sorted(requests, key=lambda request: request.since)):
        begin, end = span[0].since, span[-1].until
        within = tuple(
            sorted((c for c in candidates if begin <= c.made_at <= end), key=lambda c: c.made_at)
        )
        paired = [candidate for candidate in _pairs(span, within).values() if candidate]
        found.append(Match(span, within, settled=len(paired) == len(within)))
    return found


def _spans(ordered: Sequence[Request]) -> list[tuple[Request, ...]]:
    spans: list[tuple[Request, ...]] = []
    for request in ordered:
        if spans and request.since <= spans[-1][-1].until:
            spans[-1] = (*spans[-1], request)
        else:
            spans.append((request,))
    return spans


def _pairs(
    requests: Sequence[Request], candidates: Sequence[Candidate]
) -> dict[Request, Candidate | None]:
    """Each certificate to the first free request that explains it: with spans of one length no
    other way pairs more.
    """
    pairs: dict[Request, Candidate | None] = dict.fromkeys(requests)
    for candidate in candidates:
        for request in requests:
            if pairs[request] is None and request.since <= candidate.made_at <= request.until:
                pairs[request] = candidate
                break
    return pairs
