"""Every way a command can end badly: one sentence on stderr, an exit code, and a traceback only for
--debug.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer
from rich.text import Text
from typer.exceptions import TyperException

from playground import exit_codes
from playground.errors import PlaygroundError
from playground.line.usage import is_told_here, usage_sentence
from playground.show.views import err

LIBRARIES = frozenset({"botocore", "awscrt"})
"""Packages with errors of their own."""


@contextmanager
def one_sentence(debug: Callable[[], bool], command: Callable[[], str]) -> Iterator[None]:
    """Turns whatever is raised into a sentence and typer.Exit; with `debug` an error comes through
    as it is. `command` are the words that were understood, when the rest was not."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, typer.Abort):
        raise
    except TyperException as error:
        if not is_told_here(error):
            raise
        _tell(usage_sentence(error, command()))
        raise typer.Exit(exit_codes.USAGE) from error
    except KeyboardInterrupt:
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    except BrokenPipeError:
        _give_up_stdout()
        raise typer.Exit(exit_codes.BROKEN_PIPE) from None
    except Exception as error:
        if debug():
            raise
        told, code = sentence(error)
        _tell(told)
        raise typer.Exit(code) from error


def _tell(told: str) -> None:
    with suppress(BrokenPipeError):
        err.print(Text(told, style="red"))


def sentence(error: Exception) -> tuple[str, int]:
    """What to tell about an error, and the exit code."""
    if isinstance(error, PlaygroundError):
        return str(error), error.exit_code
    if any(kind.__module__.partition(".")[0] in LIBRARIES for kind in type(error).__mro__):
        from playground.line.failures_of_libraries import told_of  # noqa: PLC0415 - they are loaded where they are used

        if found := told_of(error):
            return found
    if foreseen := _foreseen(error):
        return foreseen, exit_codes.FAILED
    name = type(error).__name__
    told = (
        f"This is a bug in the playground: {name}: {error} Run it again with --debug, which "
        "shows where it is."
    )
    return told, exit_codes.BUG


def _foreseen(error: Exception) -> str | None:
    """What the world outside does to a command, in words; None for what only a bug can do."""
    told: dict[type[Exception], Callable[[Any], str | None]] = {
        subprocess.TimeoutExpired: lambda it: (
            f"`{_program(it)}` gave no answer within {it.timeout:.0f} s."
        ),
        UnicodeError: lambda it: f"Some text can't be read or shown: {it}.",
        MemoryError: lambda _: "There is not enough memory.",
        OSError: _of_the_system,
    }
    return next((say(error) for kind, say in told.items() if isinstance(error, kind)), None)


def _of_the_system(error: OSError) -> str | None:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}." if error.strerror else None


def _program(error: subprocess.TimeoutExpired) -> str:
    words = [error.cmd] if isinstance(error.cmd, str) else list(error.cmd)
    return Path(str(words[0])).name


def _give_up_stdout() -> None:
    """Python writes out what is left at its end, and complains when nobody reads it."""
    with suppress(OSError, ValueError):  # a test's stdout has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
