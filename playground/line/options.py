"""The options that every command takes, before its name or after it, as with the AWS CLI.

They are added to every command in one place when the `playground` command is put together: a
command has nothing to do for it, and finds them with `cli_context.context`.
"""

from collections.abc import Callable, Iterable, MutableMapping
from copy import copy
from typing import Annotated, Any, Literal

import typer

from playground.line.examples import epilog
from playground.line.later import loaded
from playground.line.values import read_plainly
from playground.show.output import Query

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
    """What was given so far, by the option's name; `meta` is shared by a command and those that it
    stands in.
    """
    found: MutableMapping[str, Any] = ctx.meta.setdefault(KEY, {})
    return found


def _option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002 - as Typer calls it
    settings = {
        "callback": _keep,
        "expose_value": False,
        "rich_help_panel": PANEL,
        "help": help,
        **more,
    }
    return typer.Option(*names, **settings)


def _options(  # noqa: PLR0913, PLR0917 - a parameter is an option
    output: Annotated[
        Literal["table", "json", "text"] | None,
        _option(
            "--output", envvar="PLAYGROUND_OUTPUT", help="How data is printed. Default: table."
        ),
    ] = None,
    query: Annotated[
        str | None,
        _option(
            "--query",
            metavar="JMESPATH",
            callback=_read,
            help="Which part of the data to print: jmespath.org.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        _option(
            "--profile", metavar="NAME", help="Use AWS with this profile. Default: AWS_PROFILE."
        ),
    ] = None,
    region: Annotated[
        str | None,
        _option("--region", metavar="NAME", help="Use AWS in this region. Default: AWS_REGION."),
    ] = None,
    home: Annotated[
        Literal["auto", "local", "aws"] | None,
        _option(
            "--home",
            envvar="PLAYGROUND_HOME",
            help=(
                "Where: the local cloud (laptop) or your AWS account. auto: local if it is "
                "up, else aws."
            ),
        ),
    ] = None,
    stack: Annotated[
        str | None,
        _option("--stack", metavar="NAME", envvar="PLAYGROUND_STACK", help="Stack name."),
    ] = None,
    debug: Annotated[bool, _option("--debug", help="Show tracebacks and AWS calls.")] = False,  # noqa: FBT002
    json: Annotated[  # noqa: FBT002
        bool, _option("--json", hidden=True, callback=_as_json, help="--output json")
    ] = False,
) -> None:
    """Only its parameters are of use: Typer reads them."""


def equip(group: Any) -> Callable[[str, Any], None]:
    """Add the options to a group of commands.

    What comes back adds them, and the examples of the help text, to a command of the group by its
    name, and to all that stands in it.
    """
    reader = typer.Typer(add_completion=False)
    reader.command()(_options)
    options = [option for option in typer.main.get_command(reader).params if option.name != "help"]
    _add(group, options)
    _finish(group)
    # An environment variable counts once: it is not to win over an option that stands before the
    # command's name.
    inner = [copy(option) for option in options]
    for option in inner:
        option.envvar = None

    def equip_command(name: str, command: Any) -> None:
        for words, one in [(name, command), *walk(command, name)]:
            _add(one, inner)
            one.epilog = epilog(words) or one.epilog
            _finish(one)

    return equip_command


def _finish(command: Any) -> None:
    for param in [*command.params, command.get_help_option(typer.Context(command))]:
        read_plainly(param)
        name_value(param)
        tell_range(param)


VALUES = {
    "--attribute": "KEY=VALUE",
    "--bind": "ADDRESS",
    "--count": "NUMBER",
    "--fail-on": "SEVERITY",
    "--for": "SECONDS",
    "--from": "FOLDER",
    "--mqtt-port": "PORT",
    "--older-than": "SECONDS",
    "--report": "FILE",
    "--since": "TIME",
    "--timeout": "SECONDS",
}
"""What an option takes, where its own name and its `metavar` do not say it."""


def name_value(param: Any) -> None:
    """Have the help text say what a value is (NAME, SECONDS), where Typer would say how Python
    keeps it (`<str>`, `<float>`). Choices stay."""
    # Typer has no setting for this column of an argument, which is named beside it.
    if param.param_type_name == "argument":
        param.metavar = param.metavar or str(param.name).upper()
        if not param.type_descriptor.is_choice:
            param.display_type_rich = lambda ctx: None  # noqa: ARG005 - as Typer calls it
    elif param.is_flag:
        param.metavar = ""
    elif param.metavar is None and not param.type_descriptor.is_choice:
        option = param.opts[0]
        param.metavar = VALUES.get(option, option.lstrip("-").upper())


def tell_range(param: Any) -> None:
    """Have the help text tell the least and the most in words, where Typer would write
    `1<=x<=9`.
    """
    least, most = getattr(param, "min", None), getattr(param, "max", None)
    if least is None and most is None:
        return
    param._get_number_range_help_str = lambda: None
    words = f"{least} to {most}" if least is not None and most is not None else f"{least} or more"
    param.help = f"{param.help} {words}."


def walk(group: Any, before: str = "") -> Iterable[tuple[str, Any]]:
    """Every command, and every group of commands, with the words that lead to it."""
    for name, listed in getattr(group, "commands", {}).items():
        words, command = f"{before} {name}".strip(), loaded(listed)
        yield words, command
        yield from walk(command, words)


def _add(command: Any, options: Iterable[Any]) -> None:
    """Those that the command does not have itself."""
    own = {name for option in command.params for name in option.opts}
    command.params += [option for option in options if not own.intersection(option.opts)]
