"""The words of what people read: the field's own, and nothing that means the emulator on AWS.

What runs on AWS speaks of AWS alone: what a laptop lacks of it is filled elsewhere
(playground/local/gaps). Words that docs/glossary.md has replaced do not come back.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.home.paths import PROJECT

WORDS = re.compile(r"emulator|ministack|loopback|127\.0\.0|localhost", re.IGNORECASE)
PLACES = (
    "functions",
    "device/virtual_device",
    "statemachines",
    "template.yaml",
    "dashboard.yaml",
)
A_DOCUMENTS_NAME = re.compile(r"docs/[\w-]+\.md")

REPLACED = re.compile(
    r"\w*verdict\w*"  # finding; decision
    r"|bystander"  # canary
    r"|\b(?:given|gave) up\b"  # failed after three restarts
    r"|\b(?:its|his|their|whose|a) turn\b"  # rate limit, time slot
    r"|\bin vain\b|kept nowhere|what is said|is not a command",
    re.IGNORECASE,
)
"""Words that people had to look up, and the field's in their place."""

CONTRACT_NAMES = {
    "verdict", "verdicts", "Verdicts", "verdict_id", "VerdictsTableName",
}  # fmt: skip
"""Names that programs go by (docs/contracts.md, docs/glossary.md): allowed as code, not as
words.
"""

PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")])
CODE = ("playground", "functions", "device/virtual_device")
TEXTS = (
    PROJECT / "template.yaml",
    PROJECT / "dashboard.yaml",
    *sorted(PROJECT.glob("statemachines/*.yaml")),
)

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`]*`")
TEXT_OF_A_TEMPLATE = re.compile(
    r'Description: .*|Comment: .*|"(?:label|title)": "[^"]*"|#(?!\{) .*'
)


def files(place: str, pattern: str = "*") -> list[Path]:
    """The files of a place: itself, or those below it."""
    root = PROJECT / place
    found = (
        [root]
        if root.is_file()
        else [f for f in root.rglob(pattern) if f.is_file() and f.suffix != ".pyc"]
    )
    assert found
    return found


@pytest.mark.parametrize("place", PLACES)
def test_nothing_that_aws_runs_speaks_of_what_plays_aws(place: str) -> None:
    found = [
        f"{file.relative_to(PROJECT)}:{number}: {line.strip()}"
        for file in files(place)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if WORDS.search(A_DOCUMENTS_NAME.sub("", line))
    ]
    assert found == []


def replaced_words(prose: str) -> list[str]:
    """The replaced words of a text whose code stands in back quotes."""
    code = " ".join([*FENCED.findall(prose), *SPAN.findall(FENCED.sub("", prose))])
    words = SPAN.sub("", FENCED.sub("", prose))
    names = [found for found in REPLACED.findall(code) if "verdict" in found.lower()]
    return REPLACED.findall(words) + [name for name in names if name not in CONTRACT_NAMES]


def test_a_replaced_word_is_noticed() -> None:
    assert replaced_words("A verdict, `verdict_id`, of a\n```\nplayground verdicts\n```\n") == [
        "verdict"
    ]
    assert replaced_words("It was given up; `verdict_of` tried in vain.") == [
        "given up",
        "in vain",
        "verdict_of",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_has_a_word_that_was_replaced(page: Path) -> None:
    assert replaced_words(page.read_text()) == []


def messages(file: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that hold a space, with their lines: messages, and help with
    docstrings.
    """
    tree = ast.parse(file.read_text())
    own = () if file.is_relative_to(PROJECT / "playground") else set(docstrings(tree))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and node not in own
        ):
            yield node.lineno, node.value


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Of modules, classes, functions and attributes. Those of commands are their help."""
    for node in ast.walk(tree):
        for statement in (
            getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []
        ):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement.value


@pytest.mark.parametrize("place", CODE)
def test_no_message_or_help_has_a_word_that_was_replaced(place: str) -> None:
    found = [
        f"{file.relative_to(PROJECT)}:{line}: {word}"
        for file in files(place, "*.py")
        for line, text in messages(file)
        for word in replaced_words(text)
    ]
    assert found == []


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_no_description_or_label_has_a_word_that_was_replaced(file: Path) -> None:
    texts = TEXT_OF_A_TEMPLATE.findall(file.read_text())
    assert texts
    assert [
        word for text in texts for word in replaced_words(text) if word not in CONTRACT_NAMES
    ] == []
