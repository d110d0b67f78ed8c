"""Every way a command can end badly: one sentence on stderr, an exit code, and a traceback only for --debug."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.text import Text
from typer.exceptions import TyperException

from playground import exit_codes
from playground.credentials import problem
from playground.errors import PlaygroundError
from playground.views import err


@contextmanager
def one_sentence(debug: Callable[[], bool]) -> Iterator[None]:
    """Turns whatever is raised into a sentence and typer.Exit; with `debug` an error comes through as it is."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, typer.Abort, TyperException):
        raise
    except KeyboardInterrupt:
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    except BrokenPipeError:
        _give_up_stdout()
        raise typer.Exit(exit_codes.BROKEN_PIPE) from None
    except Exception as error:
        if debug():
            raise
        told, code = sentence(error)
        with suppress(BrokenPipeError):
            err.print(Text(told, style="red"))
        raise typer.Exit(code) from error


def sentence(error: Exception) -> tuple[str, int]:
    """What to tell about an error, and the exit code."""
    if isinstance(error, PlaygroundError):
        return str(error), error.exit_code
    if login := problem(error):
        return login, exit_codes.NO_HOME
    if isinstance(error, EndpointConnectionError):
        return _unreachable(error), exit_codes.NO_HOME
    if isinstance(error, BotoCoreError | ClientError):
        return str(error), exit_codes.FAILED
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}.", exit_codes.FAILED
    name = type(error).__name__
    told = f"This is a bug in the playground: {name}: {error} Run it again with --debug, which shows where it is."
    return told, exit_codes.BUG


def _unreachable(error: EndpointConnectionError) -> str:
    if os.environ.get("AWS_ENDPOINT_URL"):
        return f"{error} Run `playground up`, or unset AWS_ENDPOINT_URL if it points at a local cloud that is down."
    return f"{error} Is this machine connected, and is the region right?"


def _give_up_stdout() -> None:
    """Python writes out what is left at its end, and complains when nobody reads it."""
    with suppress(OSError, ValueError):  # a test's stdout has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
