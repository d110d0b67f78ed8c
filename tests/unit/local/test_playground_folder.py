"""Whose a folder is: only what the playground has made is removed, and what is left is told."""

import errno
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from playground import exit_codes
from playground.errors import FolderError
from playground.home import folder
from playground.home.folder import MARK, claim, close_to_others, forget, is_ours, require_ours
from playground.home.paths import DIR_VARIABLE, PROJECT, Paths
from playground.home.state import LocalState, locked, secret_of
from playground.line.app import app
from playground.local.pruning import Pruning
from playground.local.runner import stop_leftovers

TASK = "6f1cd3a4-0000-4000-8000-5a1b2c3d4e5f"
THEIRS = {
    "notes.txt": "mine",
    "devices/a": "mine",
    "images/b": "mine",
    "running/c": "mine",
    "secret": "s",
}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder that the user had before, with names in it that the playground has too."""
    home = tmp_path / "theirs"
    for name, text in THEIRS.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


@pytest.fixture
def ours(tmp_path: Path) -> Paths:
    """A folder of the playground's with something of everything in it."""
    paths = Paths(directory=tmp_path / "ours")
    paths.make()
    secret_of(paths)
    LocalState().save(paths)
    (paths.devices / TASK / "lamp").mkdir(parents=True)
    (paths.devices / TASK / "lamp" / "identity.json").write_text("a key")
    (paths.running / TASK).write_text("{}")
    (paths.images / ("0" * 64)).mkdir()
    for name in ("ca.pem", "agent.ready", "build.toml", "logs/agent.log", "emulator/state.json"):
        (paths.home / name).write_text("")
    return paths


def content(home: Path) -> dict[str, str]:
    return {
        str(file.relative_to(home)): file.read_text() for file in home.rglob("*") if file.is_file()
    }


def run(home: Path | str, *command: str) -> Any:
    return CliRunner().invoke(app, [*command], env={DIR_VARIABLE: str(home), "NO_COLOR": "1"})


@pytest.mark.parametrize("command", [("reset", "--yes"), ("up",), ("down",), ("status",)])
def test_nothing_in_a_folder_of_somebody_else_is_touched(
    theirs: Path, command: tuple[str, ...]
) -> None:
    done = run(theirs, *command)
    assert content(theirs) == THEIRS
    assert not theirs.with_name("theirs.lock").exists()
    assert "Forgotten" not in done.output
    if command[0] in {"reset", "up"}:
        assert done.exit_code == exit_codes.FAILED
        assert "holds files that do not belong to the playground" in done.output.replace("\n", " ")


@pytest.mark.parametrize("name", ["a file", "a file in its way", "the root"])
def test_what_can_not_be_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    home = {
        "a file": tmp_path / "file",
        "a file in its way": tmp_path / "file" / "home",
        "the root": Path("/"),
    }[name]
    for command in (("up",), ("reset", "--yes")):
        done = run(home, *command)
        assert done.exit_code in {exit_codes.FAILED, 0}
        assert "bug" not in done.output
    with pytest.raises(FolderError):
        claim(home)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_name_that_no_list_of_folders_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="has a : in its name"):
        claim(tmp_path / "a:b")


def test_an_empty_folder_and_one_that_is_not_there_become_ours(tmp_path: Path) -> None:
    for home in (tmp_path, tmp_path / "new" / "one"):
        claim(home)
        assert is_ours(home)
        claim(home)
        assert [file.name for file in home.iterdir() if file.is_file()] == [MARK]


def test_many_may_make_the_same_folder_at_once(tmp_path: Path) -> None:
    for number in range(30):
        home = tmp_path / str(number)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(claim, [home] * 8)) == [None] * 8
        assert is_ours(home)
        assert [file.name for file in home.iterdir()] == [MARK]


def test_who_was_killed_while_he_made_the_mark_has_left_it_ours(tmp_path: Path) -> None:
    for draft in (f"{MARK}.new", f"{MARK}.7-7.new"):
        (tmp_path / draft).write_text("half")
    claim(tmp_path)
    assert is_ours(tmp_path)
    assert forget(tmp_path) == folder.Forgotten()
    assert not tmp_path.exists()


@pytest.mark.parametrize("lacking", [(), ("secret",), ("state.json",)])
def test_the_folder_of_an_older_version_is_ours(ours: Paths, lacking: tuple[str, ...]) -> None:
    for name in (MARK, *lacking):
        (ours.home / name).unlink()
    assert is_ours(ours.home)
    ours.make()
    assert (ours.home / MARK).exists()


def test_names_alone_make_no_folder_ours(ours: Paths) -> None:
    (ours.home / MARK).unlink()
    ours.secret.write_text("my own")
    ours.state.write_text('{"my": "own"}')
    with pytest.raises(FolderError):
        require_ours(ours.home)


def test_all_that_was_made_goes(ours: Paths) -> None:
    assert forget(ours.home) == folder.Forgotten()
    assert not ours.home.exists()
    assert forget(ours.home) == folder.Forgotten()


def test_what_somebody_has_put_there_stays_and_is_told(ours: Paths) -> None:
    # given
    put = ("notes.txt", "devices/photos", "images/holiday", "running/shoes")
    for name in put:
        (ours.home / name).write_text("mine")
    # when
    done = run(ours.home, "reset", "--yes")
    # then
    assert content(ours.home) == {MARK: folder.TEXT} | dict.fromkeys(put, "mine")
    assert done.exit_code == 0
    assert done.output.count("does not belong to the playground and was not removed.") == 4
    # and the folder is good for another cloud
    ours.make()


def test_what_can_not_be_removed_is_told_with_the_reason(
    ours: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a folder that can't be written to
    def refuse(path: Any, *_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", path)

    secret = ours.secret.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        patch.setattr(os, "rmdir", refuse)
        # when
        done = run(ours.home, "reset", "--yes")
    # then
    assert done.exit_code == exit_codes.FAILED
    assert "Not everything was removed." in done.output
    assert f"{ours.secret} is still there: Read-only file system." in done.output
    assert ours.secret.read_text() == secret


def test_a_link_to_the_folder_is_the_folder(ours: Paths, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(ours.home)
    assert Paths(directory=link).home == ours.home
    assert run(link, "reset", "--yes").exit_code == 0
    assert not ours.home.exists()


def test_a_link_to_a_folder_of_somebody_else_is_refused(theirs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(theirs)
    assert run(tmp_path / "link", "reset", "--yes").exit_code == exit_codes.FAILED
    assert content(theirs) == THEIRS


def test_keys_behind_a_link_are_told_of(ours: Paths, tmp_path: Path) -> None:
    # given a folder with the devices on another disk
    elsewhere = tmp_path / "disk"
    ours.devices.rename(elsewhere)
    ours.devices.symlink_to(elsewhere)
    # when
    done = run(ours.home, "reset", "--yes")
    # then
    assert done.exit_code == exit_codes.FAILED
    assert f"{elsewhere} is still there: {ours.devices} was a link that led there." in done.output
    assert (elsewhere / TASK / "lamp" / "identity.json").exists()
    assert not ours.devices.is_symlink()


def test_a_relative_path_is_from_where_the_command_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(DIR_VARIABLE, "here/cloud")
    paths = Paths.here()
    monkeypatch.chdir("/")
    assert paths.home == tmp_path / "here" / "cloud"
    assert paths.ca == tmp_path / "here" / "cloud" / "ca.pem"


def test_the_lock_changes_no_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "yarn.lock").write_text("mine")
    paths = Paths(directory=tmp_path / "yarn")
    with locked(paths, lambda: None):
        pass
    assert (tmp_path / "yarn.lock").read_text() == "mine"


def test_what_was_open_to_others_is_closed_and_told(ours: Paths) -> None:
    # given
    for path in (ours.home, ours.devices, ours.listening):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    ours.secret.chmod(0o666)
    # when
    said = close_to_others(ours.home)
    # then
    assert [path.stat().st_mode & 0o777 for path in (ours.home, ours.devices, ours.listening)] == [
        0o700
    ] * 3
    assert ours.secret.stat().st_mode & 0o777 == 0o600
    assert said[0] == f"{ours.home} was open to others (0777); it is closed now."
    assert len(said) == 4
    assert "(0666); it is closed now. Anyone who has read it can use this local cloud" in said[3]
    assert close_to_others(ours.home) == []


def test_what_can_not_be_closed_is_told(ours: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    ours.secret.chmod(0o640)

    def refuse(path: Path, _mode: int) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert close_to_others(ours.home) == [
        f"{ours.secret} was open to others (0640) and can't be closed: Operation not permitted."
    ]


def test_leftovers_of_agents_are_known_by_their_names(ours: Paths) -> None:
    (ours.running / "my notes").write_text("mine")
    assert stop_leftovers(ours, limit=1) == 0
    assert [file.name for file in ours.running.iterdir()] == ["my notes"]


def test_images_are_known_by_their_names(ours: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.local.test_playground_pruning import Home, pushed  # noqa: PLC0415

    home = Home()
    digest = pushed(home, ours, 1)[0]
    (ours.images / "my photos").mkdir()
    Pruning(ours, home).prune()  # type: ignore[arg-type]
    assert {file.name for file in ours.images.iterdir()} == {
        digest.removeprefix("sha256:"),
        "my photos",
    }


def test_whatever_the_product_puts_there_is_known_by_name() -> None:
    named = r'\bhome / f?"([^"{]+)'
    sources = (PROJECT / "playground").rglob("*.py")
    names = {name for source in sources for name in re.findall(named, source.read_text())}
    assert {"aws", "devices", "secret"} <= names
    assert not {name for name in names if folder._content_of(name) is None}
