"""One copy of a function's code, and nothing of a worker that has ended."""

import importlib
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CODE = """
import pathlib
here = str(pathlib.Path(__file__).resolve())
def handler(event, context):
    if event == "fail":
        raise ValueError
    return here
"""
CONFIG = {
    "FunctionName": "f",
    "FunctionArn": "arn:aws:lambda:us-east-1:111122223333:function:f",
    "Runtime": "python3.11",
    "Handler": "module.handler",
    "Timeout": 20,
}


def package(text: str = CODE) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("module.py", text)
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes workers; their processes end with the test, and nothing is left open."""
    lambda_runtime = importlib.import_module("ministack.core.lambda_runtime")
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    made: list[Any] = []

    def make(code: bytes) -> Any:
        made.append(lambda_runtime.Worker("f", CONFIG, code))
        return made[-1]

    yield make
    lambda_runtime.kill_workers(made)
    for process in started:
        process.communicate(timeout=10)


def fill() -> None:
    importlib.import_module("playground.local.gaps.code_folders").fill()


def folders(folder: Path) -> list[Path]:
    return sorted(folder.glob("ministack-lambda-*"))


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if not path.is_symlink()) / 1e6


def test_the_emulator_keeps_a_copy_each_and_folders_of_what_has_ended(
    folder: Path, workers: Any
) -> None:
    first, second = workers(package()), workers(package())
    assert first.invoke({}, "1")["result"] != second.invoke({}, "2")["result"]
    first.invoke("fail", "3")
    assert len(folders(folder)) == 2


def test_equal_packages_are_there_once(folder: Path, workers: Any) -> None:
    # given
    fill()
    code = package(f'{CODE}\nfiller = "{"x" * 2_000_000}"')
    # when
    places = {workers(code).invoke({}, str(number))["result"] for number in range(4)}
    # then
    assert len(places) == 1
    assert len(folders(folder)) == 4
    assert megabytes(folder) < 2 * 2 + 1  # source and byte code, once; the package itself is gone


def test_a_worker_that_has_ended_leaves_no_folder(folder: Path, workers: Any) -> None:
    # given
    fill()
    worker = workers(package())
    place = Path(worker.invoke({}, "1")["result"])
    # when
    worker.invoke("fail", "2")
    # then
    assert folders(folder) == []
    assert place.is_file(), "the next process runs from it"
    assert worker.invoke({}, "3")["result"] == str(place)


def test_code_that_no_function_has_any_more_goes_with_the_next(folder: Path, workers: Any) -> None:
    # given
    fill()
    old, stays = workers(package()), workers(package(CODE + "# two"))
    gone = Path(old.invoke({}, "1")["result"])
    there = Path(stays.invoke({}, "2")["result"])
    old.invoke("fail", "3")
    # when
    workers(package(CODE + "# three")).invoke({}, "4")
    # then
    assert not gone.exists()
    assert there.exists()
