"""Files that somebody names on the command line, read once and never more than they may hold.

Once, for a file may be a pipe, such as `<(...)` of a shell or standard input: there is no second
look at it.
"""

import sys
from pathlib import Path
from typing import BinaryIO

from playground.errors import InputFileError

STDIN = Path("-")


def content_of(file: Path, most_bytes: int) -> bytes:
    """The content of a file; `-` is standard input. Raises InputFileError, which names the file and
    the rule."""
    try:
        if file == STDIN:
            return _bounded(sys.stdin.buffer, "standard input", most_bytes)
        with file.open("rb") as opened:
            return _bounded(opened, str(file), most_bytes)
    except ValueError as error:  # the name has a NUL in it, or standard input is closed
        raise InputFileError(f"{file} can't be read: {error}.") from error
    except OSError as error:
        raise InputFileError(f"{file} can't be read: {error.strerror}.") from error


def name_of(file: Path) -> str:
    """What messages call it."""
    return "standard input" if file == STDIN else str(file)


def _bounded(opened: BinaryIO, name: str, most_bytes: int) -> bytes:
    content = opened.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise InputFileError(f"{name} is too large: at most {most_bytes} bytes.")
    if not content.strip():
        raise InputFileError(f"{name} is empty.")
    return content
