"""The `playground` command: thin commands over plain functions."""

from typing import Annotated, Any

import typer
from typer._click.exceptions import NoArgsIsHelpError, NoSuchOption  # it has no other name
from typer.completion import completion_init  # type: ignore[attr-defined]
from typer.core import TyperGroup

from playground.home.paths import PROJECT
from playground.line import hints, release, typed
from playground.line.failures import one_sentence
from playground.line.later import Later
from playground.line.options import equip, given_options
from playground.line.table import PANELS
from playground.line.usage import DashedNameError


class Playground(TyperGroup):
    """All commands: each gets the options of every command, and ends as `failures` says."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        # Typer does this itself only with its own options, which write into the user's files.
        completion_init()
        equip_command = equip(self)
        for panel, commands in PANELS.items():
            for one in commands:
                self.add_command(Later(one, panel, equip_command))

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Read the options that stand before the command's name."""
        with one_sentence(lambda: "--debug" in args, lambda: "playground"):
            typed.mend()
            return super().make_context(info_name, typed.words_of(args), parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        words = [*ctx._protected_args, *ctx.args]

        def understood() -> str:
            return " ".join(filter(None, (ctx.command_path, ctx.invoked_subcommand)))

        with one_sentence(lambda: bool(given_options(ctx).get("debug")), understood):
            try:
                return super().invoke(ctx)
            except NoSuchOption as error:
                if told := hints.dashed(error, words):
                    raise DashedNameError(told, error.ctx) from error
                raise
            except NoArgsIsHelpError as error:
                error.show()
                raise typer.Exit from None


app = typer.Typer(
    cls=Playground,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - a flag's callback
    if wanted:
        typer.echo(release.name(PROJECT))
        raise typer.Exit


@app.callback()
def playground(
    ctx: typer.Context,
    _version: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """An AWS IoT account to play in, on this machine or in AWS.

    Data goes to stdout, words go to stderr.

    Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no cloud, 4 not found, 70 a bug.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(hints.short())
