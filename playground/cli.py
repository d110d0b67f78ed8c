"""The `playground` command: thin commands over plain functions."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]
from typer.core import TyperGroup

from playground import (
    cli_audit,
    cli_certificates,
    cli_cloud,
    cli_devices,
    cli_images,
    cli_jobs,
    cli_links,
    cli_logs,
    cli_messages,
    cli_quarantine,
    cli_security,
    cli_shell,
    cli_users,
)
from playground.cli_options import equip, given_options
from playground.failures import one_sentence


class Playground(TyperGroup):
    """All commands: each gets the options of every command, and ends as `failures` says."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        # Typer does this itself only with its own options, which write into the user's files.
        completion_init()
        equip(self)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the options that stand before the command's name."""
        with one_sentence(lambda: "--debug" in args):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with one_sentence(lambda: bool(given_options(ctx).get("debug"))):
            return super().invoke(ctx)


app = typer.Typer(cls=Playground, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
PANELS = {
    "The cloud": (cli_cloud,),
    "Devices": (cli_devices, cli_certificates, cli_links),
    "What is said": (cli_messages, cli_logs),
    "Images": (cli_images,),
    "Security": (cli_audit, cli_security, cli_quarantine),
    "HTTP API": (cli_users,),
    "Shell": (cli_shell,),
}
"""Under which headings the help text lists commands."""

for panel, modules in PANELS.items():
    for commands in modules:
        for one in (*commands.app.registered_commands, *commands.app.registered_groups):
            one.rich_help_panel = panel
        app.add_typer(commands.app)
app.add_typer(cli_jobs.app, name="job", rich_help_panel="Devices")


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - a flag's callback
    if wanted:
        typer.echo(f"iot-playground/{version('iot-playground')}")
        raise typer.Exit


@app.callback()
def playground(
    _version: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """An AWS IoT account to play in, on this machine or in AWS.

    Data goes to stdout, words go to stderr.

    Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no cloud, 4 not found, 70 a bug.
    """
