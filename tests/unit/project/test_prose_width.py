"""Prose ends by column 100. Tables, blocks of code, and lines with an address may be wider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.home.paths import PROJECT

WIDTH = 100
PAGES = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / ".github").rglob("*.md")]
)


def wide(text: str) -> Iterator[str]:
    """The lines of prose that are too wide."""
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        excepted = fenced or line.startswith(("|", "    ")) or "https://" in line
        if len(line) > WIDTH and not excepted:
            yield line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_prose_ends_by_column_100(page: Path) -> None:
    assert list(wide(page.read_text())) == []


def test_a_wide_line_is_noticed() -> None:
    long = "word " * 21
    assert list(wide(f"short\n{long}\n| {long} |\n```\n{long}\n```\n    {long}\n")) == [long]
