"""A timeline in pages: all sources, in order of time, each once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from common.errors import InvalidInput
from explaining.facts import FailedJob
from explaining.record import Told
from explaining.refusals import Refusal
from explaining.timeline import Page, Timeline

BORN = 1_767_323_045_000


@dataclass
class Sources:
    """As `explaining.why.Sources`, with what a test puts in."""

    told: list[Told]
    refusals_: list[Refusal] = field(default_factory=list)
    findings: list[Mapping[str, Any]] = field(default_factory=list)

    def row(self, name: str) -> Mapping[str, Any]:
        at = datetime.fromtimestamp(BORN / 1000, UTC).isoformat()
        return {"thing_name": name, "created_at": at}

    def messages(self, _row: Any, most: int, before: str | None = None) -> list[Told]:
        found = [one for one in self.told if before is None or one.id < before]
        return found[::-1][:most]

    @property
    def refusals(self) -> "Sources":
        return self

    def since(self, _name: str, _at: int) -> list[Refusal]:
        return self.refusals_

    def refused_since(self, _row: Any) -> int:
        return BORN

    def found_of(self, _name: str) -> list[Mapping[str, Any]]:
        return self.findings

    def failed_jobs(self, _name: str) -> list[FailedJob]:
        return [FailedJob("j", "FAILED", BORN + 4500)]


def said(number: int) -> Told:
    at_ms = BORN + number * 1000
    return Told(f"{at_ms}-x{number}", at_ms, "evt/playground/lamp/online", b"{}")


def pages(sources: Any, most: int) -> Iterator[Page]:
    token: str | None = None
    while True:
        page = Timeline(sources).page("lamp", most, token)
        yield page
        if page.next_token is None:
            return
        token = page.next_token


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
def test_every_entry_is_on_one_page_and_in_order(most: int) -> None:
    sources = Sources(
        [said(number) for number in range(1, 10)],
        [Refusal(BORN + 3500, "publish", "a", "AUTHORIZATION_FAILURE")],
        [{"at": "2026-01-02T03:04:10.500Z", "verdict_id": "v", "rule": "tamper", "reason": "r"}],
    )
    entries = [entry for page in pages(sources, most) for entry in page.entries]
    times = [entry.at_ms for entry in entries]
    assert times == sorted(times, reverse=True)
    assert len({entry.id for entry in entries}) == len(entries) == 9 + 4
    assert {entry.kind for entry in entries} == {"event", "refused", "finding", "job", "workflow"}


def test_a_message_without_an_entry_does_not_end_the_pages() -> None:
    silent = Told(
        f"{BORN + 2000}-x", BORN + 2000, "$aws/things/lamp/shadow/update/documents", b"{}"
    )
    found = list(pages(Sources([said(1), silent, said(3)]), 1))
    assert [entry.kind for page in found for entry in page.entries].count("event") == 2


@pytest.mark.parametrize("token", ["", "x", "1-2", "abc-def", "17673230450000-x"])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Timeline(Sources([])).page("lamp", 5, token)  # type: ignore[arg-type]
    assert caught.value.field == "nextToken"
