"""The commands whose output a shell reads."""

import json
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]

from playground.errors import NotUpError
from playground.home.shellenv import exports, lay_out, shell_text
from playground.home.state import LocalState, secret_of
from playground.line.context import context
from playground.stack.sam_local import function_variables

app = typer.Typer()

VARIABLE = "_PLAYGROUND_COMPLETE"


class Shell(StrEnum):
    """Shells that have a completion script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def env(
    ctx: typer.Context,
    for_sam: Annotated[  # noqa: FBT002
        bool, typer.Option("--sam", help="Print the file for `sam local invoke --env-vars`.")
    ] = False,
) -> None:
    """Print the exports that point any AWS tool at the local cloud: eval "$(playground env)"."""
    if for_sam:
        functions = function_variables(context(ctx).home())
        context(ctx).output.show(functions, json.dumps(functions, indent=2, ensure_ascii=False))
        return
    paths = context(ctx).paths
    state = LocalState.load(paths)
    if not state.up:
        raise NotUpError("The local cloud is not up: run `playground up`.")
    lay_out(paths)
    variables = exports(paths, state, secret_of(paths))
    context(ctx).output.show(variables, shell_text(variables))


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print the script that lets the Tab key complete commands, options, devices, types and
    operations.
    """
    # `shell` is the name of one, and starts no process.
    script = get_completion_script(  # nosec B604
        prog_name="playground", complete_var=VARIABLE, shell=shell.value
    )
    typer.echo(script)
