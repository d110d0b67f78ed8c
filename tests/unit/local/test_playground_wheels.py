"""The functions' packages are fetched once for each lock; what follows needs no network."""

import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from playground.errors import StackError
from playground.home.paths import PROJECT, Paths
from playground.local import wheels

pytestmark = pytest.mark.processes

PIP = Path(shutil.which("python3", path=str(PROJECT / ".venvs" / "uv" / "bin")) or sys.executable)
WHEEL = "nothing_but_a_wheel-1.0-py3-none-any.whl"
NO_NETWORK = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A project in a folder with a blank, whose functions need one package."""
    root = tmp_path / "my project"
    (root / "functions").mkdir(parents=True)
    (root / "functions" / "requirements.txt").write_text("nothing-but-a-wheel==1.0\n")
    return Paths(root)


def test_without_a_network_it_is_one_sentence_and_nothing_is_left(paths: Paths) -> None:
    with pytest.raises(StackError) as raised:
        wheels.fetch(paths, PIP, NO_NETWORK)

    assert "run it again with a network" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert wheels.variables(paths) == {}
    assert list((paths.root / ".venvs" / "wheels").iterdir()) == []


def test_a_lock_whose_packages_are_here_asks_nobody(paths: Paths) -> None:
    wheels.folder(paths).mkdir(parents=True)

    wheels.fetch(paths, Path("/no/python"), {})

    assert wheels.variables(paths)["PIP_NO_INDEX"] == "1"


def test_another_lock_is_another_folder(paths: Paths) -> None:
    wheels.folder(paths).mkdir(parents=True)
    wheels.lock_of(paths).write_text("another==2.0\n")

    assert wheels.variables(paths) == {}


def test_pip_finds_the_wheels_though_the_folder_has_a_blank(paths: Paths, tmp_path: Path) -> None:
    # given
    found = wheels.folder(paths)
    found.mkdir(parents=True)
    with zipfile.ZipFile(found / WHEEL, "w") as wheel:
        info = "nothing_but_a_wheel-1.0.dist-info"
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: nothing-but-a-wheel\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    # when another folder fetches by it, as `sam build` does
    other = Paths(tmp_path / "other")
    (other.root / "functions").mkdir(parents=True)
    wheels.lock_of(other).write_text(
        "nothing-but-a-wheel==1.0 --hash=sha256:"
        + hashlib.sha256((found / WHEEL).read_bytes()).hexdigest()
    )
    old = wheels.folder(other).with_name("of-another-lock")
    old.mkdir(parents=True)
    wheels.fetch(other, PIP, {**NO_NETWORK, **wheels.variables(paths)})
    # then they are there, and those of the lock before are not
    assert [path.name for path in wheels.folder(other).iterdir()] == [WHEEL]
    assert list(old.parent.iterdir()) == [wheels.folder(other)]
