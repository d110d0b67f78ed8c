"""Device models: those that the device brings along, and a user's own, which the device's own code
checks.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.jsontext import decode
from common.jsonvalues import Json, NotJsonError, encode
from playground.base.input_files import content_of, name_of
from playground.devices.tools import run_tool
from playground.errors import ModelError, UnknownModelError, UsageError
from playground.home.paths import Paths

MAX_FILE_BYTES = 262_144
"""A model has at most 16,384 bytes as compact JSON; the rest is room for line breaks and
indents.
"""


@dataclass(frozen=True)
class Bundled:
    """A model that comes with the device; its name is the device type."""

    name: str
    description: str
    sample: dict[str, Any]
    replies: dict[str, str]
    """What it answers beside the commands that all devices have, each with its description."""


def bundled(paths: Paths) -> list[Bundled]:
    """All of them, by name, with the first message of a device each."""
    answer = run_tool(paths, "model_tool", "list")
    return [
        Bundled(row["name"], row["description"], row["sample"], row["replies"]) for row in answer
    ]


def known(paths: Paths, device_type: str) -> None:
    """Raises UsageError unless there is such a device type: its model has the same name."""
    if device_type not in (found := types(paths)):
        raise UsageError(f"There is no device type {device_type}: there are {', '.join(found)}.")


def types(paths: Paths) -> list[str]:
    """The device types, by name."""
    return sorted(_files(paths))


def _files(paths: Paths) -> dict[str, Path]:
    return {
        file.stem: file for file in (paths.root / "device/virtual_device/models").glob("*.json")
    }


def text_of(paths: Paths, name: str) -> str:
    """The model file of a device type. Raises UnknownModelError."""
    files = _files(paths)
    if name not in files:
        raise UnknownModelError(f"There is no model {name}: there are {', '.join(sorted(files))}.")
    return files[name].read_text(encoding="utf-8")


@dataclass(frozen=True)
class Sample:
    """The first message that a model sends."""

    topic: str
    every: float | None
    """Seconds; None for the setting `time`."""
    payload: str | None
    """As it is sent; None when it has nothing to say at first."""


def checked(paths: Paths, file: Path) -> dict[str, Any]:
    """A user's model, for the workflow's input. Raises ModelError with everything that is wrong in
    the file.
    """
    model: dict[str, Any] = _told(paths, "check", file)["model"]
    return model


def sampled(paths: Paths, file: Path) -> list[Sample]:
    """What a user's model sends first, a row for each of its messages. Raises ModelError."""
    rows = _told(paths, "sample", file)["messages"]
    return [Sample(row["topic"], row["every"], row["payload"]) for row in rows]


def of_recorded(paths: Paths, file: Path, *, replay: bool) -> dict[str, Any]:
    """A model for the messages that a file has recorded: one like them, or one that says them
    again. Of a file *.csv each line is a message. Raises ModelError.
    """
    content = content_of(file, MAX_FILE_BYTES)
    if file.suffix.lower() == ".csv":
        content = _rows_of(content, name_of(file))
    command = "replay" if replay else "guess"
    model: dict[str, Any] = _answer(paths, command, name_of(file), content)["model"]
    return model


def _rows_of(content: bytes, name: str) -> bytes:
    """A JSON object for each line, by the names of the first; what is JSON there is no text."""
    try:
        rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines(), strict=True))
    except (csv.Error, UnicodeError) as error:
        raise ModelError(f"{name}: {error}") from error
    if not rows or any(None in row or None in row.values() for row in rows):
        told = "must have a line with names, and then lines with as many values"
        raise ModelError(f"{name}: {told}")
    return b"\n".join(encode({key: _scalar(value) for key, value in row.items()}) for row in rows)


def _scalar(text: str) -> Json:
    try:
        found: Json = decode(text)
    except NotJsonError:
        return text
    return text if isinstance(found, dict | list) else found


def check(paths: Paths, where: str, model: Mapping[str, Any]) -> None:
    """Raises ModelError with everything that is wrong in it; `where` is what messages call it."""
    _answer(paths, "check", where, encode(model))


def _told(paths: Paths, command: str, file: Path) -> Any:
    return _answer(paths, command, name_of(file), content_of(file, MAX_FILE_BYTES))


def _answer(paths: Paths, command: str, where: str, content: bytes) -> Any:
    answer = run_tool(paths, "model_tool", command, "-", given=content)
    if problems := answer.get("problems"):
        raise ModelError("\n".join(f"{where}: {problem}" for problem in problems))
    return answer
