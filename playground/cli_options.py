"""The options that every command takes, before its name or after it, as with the AWS CLI.

They are added to every command in one place when the `playground` command is put together: a command has nothing to do
for it, and finds them with `cli_context.context`.
"""

from collections.abc import Iterable, MutableMapping
from copy import copy
from typing import Annotated, Any, Literal

import typer

from playground.examples import epilog
from playground.output import Query

KEY = "playground.options"
PANEL = "Options of every command"


def _keep(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Note what was given; what stands further right comes later, and wins."""
    if value is not None and value is not False:
        given_options(ctx)[str(param.name)] = value
    return value


def _read(ctx: typer.Context, param: typer.CallbackParam, value: str | None) -> Any:
    return value if value is None else _keep(ctx, param, Query.read(value))


def _as_json(ctx: typer.Context, value: bool) -> bool:  # noqa: FBT001 - a flag's callback
    if value:
        given_options(ctx)["output"] = "json"
    return value


def given_options(ctx: typer.Context) -> MutableMapping[str, Any]:
    """What was given so far, by the option's name; `meta` is shared by a command and those that it stands in."""
    found: MutableMapping[str, Any] = ctx.meta.setdefault(KEY, {})
    return found


def _option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002 - as Typer calls it
    settings = {"callback": _keep, "expose_value": False, "rich_help_panel": PANEL, "help": help, **more}
    return typer.Option(*names, **settings)


def _options(  # noqa: PLR0913, PLR0917 - a parameter is an option
    output: Annotated[
        Literal["table", "json", "text"] | None,
        _option("--output", envvar="PLAYGROUND_OUTPUT", help="How data is printed; table unless told otherwise."),
    ] = None,
    query: Annotated[
        str | None,
        _option("--query", metavar="JMESPATH", callback=_read, help="What to take of the data: jmespath.org."),
    ] = None,
    profile: Annotated[
        str | None, _option("--profile", metavar="NAME", help="AWS, with this profile; AWS_PROFILE when left out.")
    ] = None,
    region: Annotated[
        str | None, _option("--region", metavar="NAME", help="AWS, in this region; AWS_REGION when left out.")
    ] = None,
    home: Annotated[
        Literal["auto", "local", "aws"] | None,
        _option("--home", envvar="PLAYGROUND_HOME", help="auto is the local cloud when it is up, else AWS."),
    ] = None,
    stack: Annotated[
        str | None, _option("--stack", metavar="NAME", envvar="PLAYGROUND_STACK", help="Stack name.")
    ] = None,
    debug: Annotated[bool, _option("--debug", help="Show tracebacks, and which AWS calls are made.")] = False,  # noqa: FBT002
    json: Annotated[bool, _option("--json", hidden=True, callback=_as_json, help="--output json")] = False,  # noqa: FBT002
) -> None:
    """Only its parameters are of use: Typer reads them."""


def equip(group: Any) -> None:
    """Add the options, and the examples of the help text, to a group of commands and all that stands in it."""
    reader = typer.Typer(add_completion=False)
    reader.command()(_options)
    options = [option for option in typer.main.get_command(reader).params if option.name != "help"]
    _add(group, options)
    # An environment variable counts once: it is not to win over an option that stands before the command's name.
    inner = [copy(option) for option in options]
    for option in inner:
        option.envvar = None
    for words, command in walk(group):
        _add(command, inner)
        command.epilog = epilog(words) or command.epilog


def walk(group: Any, before: str = "") -> Iterable[tuple[str, Any]]:
    """Every command, and every group of commands, with the words that lead to it."""
    for name, command in group.commands.items():
        words = f"{before} {name}".strip()
        yield words, command
        if hasattr(command, "commands"):
            yield from walk(command, words)


def _add(command: Any, options: Iterable[Any]) -> None:
    """Those that the command does not have itself."""
    own = {name for option in command.params for name in option.opts}
    command.params += [option for option in options if not own.intersection(option.opts)]
