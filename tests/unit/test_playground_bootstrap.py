"""Making the environments: which Python, and when there is nothing to do."""

import ast
import sys
from pathlib import Path

import pytest

from playground import bootstrap


def fake_python(folder: Path, name: str, version: str) -> Path:
    """A program that answers like an interpreter of this version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def old_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script itself runs on Python 3.8."""
    monkeypatch.setattr(sys, "version_info", (3, 8, 1, "final", 0))


def test_python_of_the_environment_comes_first(tmp_path: Path) -> None:
    chosen = fake_python(tmp_path, "mine", "3.12.4")
    assert bootstrap.find_python({"PYTHON": str(chosen)}) == (str(chosen), (3, 12, 4))


@pytest.mark.parametrize(
    ("name", "version", "says"), [("old", "3.9.1", "is Python 3.9"), ("odd", "no", "does not run")]
)
def test_unfit_python_of_the_environment_is_said(tmp_path: Path, name: str, version: str, says: str) -> None:
    with pytest.raises(bootstrap.BootstrapError, match=says):
        bootstrap.find_python({"PYTHON": str(fake_python(tmp_path, name, version))})


@pytest.mark.usefixtures("old_interpreter")
def test_newest_working_python_on_the_path(tmp_path: Path) -> None:
    fake_python(tmp_path, "python3.11", "3.11.2")
    newer = fake_python(tmp_path, "python3.13", "3.13.0")
    # A version manager's shim for a version that is not installed.
    (tmp_path / "python3.14").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.14").chmod(0o755)
    assert bootstrap.find_python({"PATH": str(tmp_path)}) == (str(newer), (3, 13, 0))


@pytest.mark.usefixtures("old_interpreter")
def test_no_python_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"needs Python 3\.11 or later and found 3\.8: install"):
        bootstrap.find_python({"PATH": str(tmp_path)})


def test_old_pythons_can_parse_it() -> None:
    ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 6))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with one lock file."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "sam.txt").write_text("a==1")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENVS", tmp_path / ".venvs")
    return tmp_path


def test_stamp_changes_with_lock_and_interpreter(project: Path) -> None:
    stamp = bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1))
    assert stamp == bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1))
    assert stamp != bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 2))
    (project / "requirements" / "sam.txt").write_text("a==2")
    assert stamp != bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1))


def test_stamped_environment_is_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(bootstrap, "find_python", lambda _environ: ("/usr/bin/python3", (3, 12, 1)))

    def fake_make(name: str, _python: str) -> None:
        made.append(name)
        (project / ".venvs" / name).mkdir()

    monkeypatch.setattr(bootstrap, "make", fake_make)
    (project / "requirements" / "uv.txt").write_text("uv==1")
    bootstrap.bootstrap(["sam"])
    bootstrap.bootstrap(["sam"])
    assert made == ["uv", "sam"]


def test_interrupted_environment_is_made_again(project: Path) -> None:
    (project / ".venvs" / "sam").mkdir(parents=True)
    assert not bootstrap.is_made("sam", bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1)))


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            "The virtual environment was not created because ensurepip is not available.",
            "install the package python3-venv",
        ),
        ("error: Failed to fetch: `x`\n  Caused by: dns error", "index did not answer while installing app"),
        ("first\nhash mismatch", "Installing app failed: hash mismatch"),
    ],
)
def test_failed_install_is_one_sentence(project: Path, output: str, says: str) -> None:
    sentence = bootstrap.explain("app", output, project / ".venvs" / "app.log")
    assert says in sentence
    assert "\n" not in sentence


def test_only_packaging_counts_in_pyproject() -> None:
    text = "[project]\nname = 'x'\n[tool.ruff]\nline-length = 1\n[build-system]\nrequires = []\n"
    assert bootstrap.packaging(text) == bootstrap.packaging(text.replace("length = 1", "length = 2"))
    assert bootstrap.packaging(text) != bootstrap.packaging(text.replace("'x'", "'y'"))
