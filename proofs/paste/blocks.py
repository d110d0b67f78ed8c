"""The shell blocks of a page, and what the page itself says of them.

A block begins with three backticks and `sh`, or `bash` or `zsh` when it is for that shell alone.
Words behind it are marks, which stand in the page and nowhere else:

- `aws`: for an AWS account, so it is not run;
- `elsewhere`: for a file that is not in this folder, which the page tells of;
- `ci`: `.ci/run` has the same lines, so CI runs them there;
- `needs=PROGRAM`: it is left out where PROGRAM is not installed; `docker` must answer, too;
- `terminal=2`: for a second terminal, which stays open to the end of the page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.home.paths import PROJECT

DOOR = PROJECT / "docs" / "README.md"
README = PROJECT / "README.md"
FENCE = re.compile(r"^\s*```(?P<info>.*)$")
LINK = re.compile(r"\]\((?P<page>[a-z0-9-]+\.md)[)#]")
SHELLS = {"sh": ("bash", "zsh"), "bash": ("bash",), "zsh": ("zsh",)}
MARK = re.compile(r"aws|elsewhere|ci|needs=[a-z_0-9-]+|terminal=2")


class PageError(Exception):
    """A page marks a block as no block can be marked, or does not end one."""


@dataclass(frozen=True)
class Block:
    """Lines to paste; `line` is where the first of them stands, from 1."""

    page: Path
    line: int
    shells: tuple[str, ...]
    marks: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def where(self) -> str:
        """As `docs/learn.md:8`."""
        return f"{self.page.name if self.page == README else f'docs/{self.page.name}'}:{self.line}"

    @property
    def is_for_second_terminal(self) -> bool:
        """Whether it is pasted there."""
        return "terminal=2" in self.marks

    @property
    def programs(self) -> list[str]:
        """What must be installed."""
        return [mark.removeprefix("needs=") for mark in self.marks if mark.startswith("needs=")]


def pages() -> list[Path]:
    """README.md, docs/README.md, and the pages in the order in which that one links to them; then
    the rest.
    """
    linked = [DOOR.with_name(found["page"]) for found in LINK.finditer(DOOR.read_text())]
    return list(dict.fromkeys([README, DOOR, *linked, *sorted(DOOR.parent.glob("*.md"))]))


def blocks(page: Path) -> list[Block]:
    """The shell blocks of a page. Raises PageError."""
    found = [_block(page, *fenced) for fenced in _fenced(page)]
    return [block for block in found if block.shells]


def _block(page: Path, line: int, info: str, lines: tuple[str, ...]) -> Block:
    language, *marks = info.split() or [""]
    shells = SHELLS.get(language, ())
    if not shells:
        return Block(page, line, (), (), lines)
    if unknown := [mark for mark in marks if not MARK.fullmatch(mark)]:
        raise PageError(f"{page}:{line - 1}: there is no mark {unknown[0]!r}")
    return Block(page, line, shells, tuple(marks), lines)


def _fenced(page: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Number of the first line, what stands behind the backticks, and the lines of each fenced
    block.
    """
    begun: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        found = FENCE.match(line)
        if begun is None:
            begun, inside = ((number + 1, found["info"]) if found else None), []
        elif found is None:
            inside.append(line)
        else:
            yield *begun, tuple(inside)
            begun = None
    if begun is not None:
        raise PageError(f"{page}:{begun[0] - 1}: this block does not end")
