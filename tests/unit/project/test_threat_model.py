"""The pages on security hold what they say: each threat has its test or its accepted risk, and each
test is there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.home.paths import PROJECT
from tests.unit.template import TEMPLATE

DOCS = PROJECT / "docs"
THREATS = DOCS / "threat-model.md"
PAGES = sorted(DOCS.glob("*.md"))
STRIDE = {"S", "T", "R", "I", "D", "E"}
LAYERS = "unit|workflow|device|e2e|console"
NAMED = re.compile(rf"`(?:tests/)?((?:{LAYERS})/(?:\w+/)*test_\w+\.py)(?:::(\w+))?`")
OTHERWISE = re.compile(r"\]\([\w/-]+\.md|`make [\w-]+`", re.IGNORECASE)
"""What shows it when no test of ours does: a page that is written by trying it, or a command."""


def threats() -> Iterator[tuple[str, list[str]]]:
    """Heading, and the four cells of each threat."""
    heading = ""
    for line in THREATS.read_text().splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and set(cells[0].split(", ")) <= STRIDE:
            yield heading, cells


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_test_that_is_named_is_there(page: Path) -> None:
    for file, name in NAMED.findall(page.read_text()):
        path = PROJECT / "tests" / file
        assert path.is_file(), file
        assert not name or re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), (
            f"{file}::{name}"
        )


def test_every_threat_has_its_test_or_is_an_accepted_risk() -> None:
    found = list(threats())
    assert len(found) > 40
    for _heading, cells in found:
        assert len(cells) >= 3, cells
        shown = " ".join(cells[3:])
        accepted = "**accepted" in " ".join(cells).lower()
        assert NAMED.search(shown) or OTHERWISE.search(shown) or accepted, cells[1]


def test_each_part_of_the_flow_is_looked_at_from_every_side() -> None:
    sides: dict[str, set[str]] = {}
    for heading, cells in threats():
        sides.setdefault(heading, set()).update(cells[0].split(", "))
    assert sides.pop("The laptop") == {"S", "I", "E"}
    assert len(sides) == 5
    for heading, seen in sides.items():
        assert seen == STRIDE, heading


def test_the_lifetime_of_a_certificate_is_the_one_that_is_stated() -> None:
    days = TEMPLATE["Parameters"]["CertificateLifetimeDays"]["Default"]
    assert f"`CertificateLifetimeDays` ({days})" in (DOCS / "security-keys.md").read_text()
