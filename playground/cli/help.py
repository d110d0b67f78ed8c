"""The command `playground help`."""

from typing import Annotated

import typer

from playground.line import completing

app = typer.Typer()


@app.command("help")
def show_help(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="A command, or a group and one of its commands.",
            metavar="COMMAND",
            autocompletion=completing.commands,
        ),
    ] = None,
) -> None:
    """Tell what there is, or how a command is used: the same as `--help` behind it."""
    root = ctx.find_root()
    arguments = ["--", *words, "--help"] if words else ["--help"]
    with root.command.make_context(root.info_name, arguments) as inner:
        root.command.invoke(inner)
