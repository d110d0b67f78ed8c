"""The Makefile in a folder whose name holds what a shell could take for its own."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from playground.home.paths import PROJECT

pytestmark = pytest.mark.processes

ODD = "my clone's (1) & é#% $ ;x\"y\\z*"
TARGETS = sorted(
    set(re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE))
)
NEEDED = ("Makefile", "playground", "functions", "requirements", "pyproject.toml", ".venvs")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Looks like a clone; what is in it is this project's own."""
    found = tmp_path / ODD
    (found / "docs").mkdir(parents=True)
    for name in NEEDED:
        (found / name).symlink_to(PROJECT / name)
    return found


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))
    }
    return subprocess.run(
        ["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("target", TARGETS)
def test_no_folder_gets_into_a_recipe_but_by_the_shell(clone: Path, target: str) -> None:
    told = make(clone, "-n", target)
    assert told.returncode == 0, told.stderr
    assert "my clone" not in told.stdout
    checked = subprocess.run(
        ["sh", "-n"], input=told.stdout, capture_output=True, text=True, check=False
    )
    assert checked.stderr == ""


def test_the_document_of_the_api_is_written_there(clone: Path) -> None:
    done = make(clone, "openapi")
    assert done.returncode == 0, done.stderr
    assert (clone / "docs" / "openapi.json").read_text() == (
        PROJECT / "docs" / "openapi.json"
    ).read_text()


def test_a_document_that_can_not_be_made_leaves_the_one_before(clone: Path) -> None:
    # given
    (clone / "docs" / "openapi.json").write_text("before")
    (clone / "functions").unlink()
    (clone / "functions" / "control_plane").mkdir(parents=True)
    (clone / "functions" / "control_plane" / "document.py").write_text(
        "print('{'); raise SystemExit(1)\n"
    )
    (clone / "functions" / "control_plane" / "__init__.py").touch()
    # when
    done = make(clone, "openapi")
    # then
    assert done.returncode != 0
    assert {file.name: file.read_text() for file in (clone / "docs").iterdir()} == {
        "openapi.json": "before"
    }


def test_clean_removes_what_the_project_has_made(clone: Path) -> None:
    # given
    for name in NEEDED:
        (clone / name).unlink()
    (clone / "Makefile").write_text((PROJECT / "Makefile").read_text())
    ours, theirs = (
        ("tests/__pycache__", ".ruff_cache", ".aws-sam"),
        ("mine/__pycache__", ".playground/__pycache__"),
    )
    for name in (
        *ours,
        *theirs,
        "playground",
        "functions",
        "device",
        "proofs",
        "benchmarks",
        "checks",
    ):
        (clone / name).mkdir(parents=True, exist_ok=True)
    # when
    assert make(clone, "clean").returncode == 0
    # then
    assert [name for name in (*ours, *theirs) if (clone / name).exists()] == [*theirs]
