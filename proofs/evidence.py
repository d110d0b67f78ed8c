"""A page of evidence says of which commit it is, and from which day."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap

from playground.home.paths import PROJECT

WIDTH = 100
FOLDER = PROJECT / "docs" / "evidence"
# What a page of documentation or a unit test changes is not what the evidence is about.
TRIED = (
    "functions",
    "statemachines",
    "template.yaml",
    "dashboard.yaml",
    "device",
    "playground",
    "proofs",
)


def standing() -> str:
    """The commit that is checked out, with a word on changes to the product beside it."""
    commit = _git("rev-parse", "--short=12", "HEAD").strip()
    return f"{commit}, with changes" if _git("status", "--porcelain", "--", *TRIED) else commit


def write(page: Path, text: str, commit: str) -> None:
    """Write the page, with the commit that was tried and today's date (UTC) below its title."""
    title, rest = text.split("\n", 1)
    run = f"Run on commit `{commit}`, {datetime.now(UTC):%Y-%m-%d}."
    page.write_text(f"{title}\n\n{run}\n{narrow(rest)}")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def narrow(text: str) -> str:
    """The page with its prose within 100 columns; tables, blocks and lines with an address stay."""
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        stays = fenced or line.startswith(("|", "    ", "#")) or "https://" in line
        lines += [line] if stays or len(line) <= WIDTH else _wrapped(line)
    return "\n".join(lines)


def _wrapped(line: str) -> list[str]:
    return wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
