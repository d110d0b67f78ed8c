"""The command that a shell reads."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]

app = typer.Typer()

VARIABLE = "_PLAYGROUND_COMPLETE"


class Shell(StrEnum):
    """Shells that have a completion script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print the script that lets the Tab key complete commands, options, devices, types and operations."""
    typer.echo(get_completion_script(prog_name="playground", complete_var=VARIABLE, shell=shell.value))
