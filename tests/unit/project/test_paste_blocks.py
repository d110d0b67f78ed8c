"""The pages' shell blocks can be pasted: what `make prove-paste` runs is marked as it can be
marked.
"""

from pathlib import Path

import pytest

from playground.cli.users import password_text
from proofs.paste.blocks import DOOR, README, Block, PageError, blocks, pages
from proofs.paste.terminal import PASSWORD_TOLD

ALL = [block for page in pages() for block in blocks(page)]


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.where)
def test_no_block_has_a_comment_which_zsh_takes_for_an_argument(block: Block) -> None:
    inside, end = [], None
    for line in block.lines:
        if end is None:
            inside.append(line)
            end = "END" if line.endswith("<<'END'") else None
        elif line == end:
            end = None

    assert [line for line in inside if line.lstrip().startswith("#") or " # " in line] == []


def test_no_page_is_forgotten() -> None:
    found = pages()

    assert found[:2] == [README, DOOR]
    assert set(found[1:]) == set(DOOR.parent.glob("*.md"))


def test_the_door_leads_to_every_page() -> None:
    text = DOOR.read_text()

    assert [page.name for page in pages()[2:] if f"({page.name})" not in text] == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("```sh later\nls\n```\n", "there is no mark 'later'"), ("```sh\nls\n", "does not end")],
)
def test_a_mark_that_means_nothing_and_a_block_without_an_end_are_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)

    with pytest.raises(PageError, match=sentence):
        blocks(page)


def test_a_block_knows_its_shells_marks_and_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Text\n\n```zsh needs=jq terminal=2\nls\n\nls -l\n```\n\n```json\n{}\n```\n")

    (block,) = blocks(page)

    assert (block.line, block.shells, block.programs) == (4, ("zsh",), ["jq"])
    assert block.is_for_second_terminal
    assert block.lines == ("ls", "", "ls -l")


def test_the_reader_understands_how_a_password_is_told() -> None:
    found = PASSWORD_TOLD.search(password_text("admin", "x7"))

    assert found is not None
    assert (found["user"], found["password"]) == ("admin", "x7")
