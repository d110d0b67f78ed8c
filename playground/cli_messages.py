"""The commands that talk with a device over MQTT, and listen to it."""

from dataclasses import asdict
from typing import Annotated

import typer

from playground import views
from playground.cli_context import AsJson, Name, context
from playground.commands import ask
from playground.devices import Devices, parse_settings
from playground.quarantine import following
from playground.views import note, out, print_json
from playground.watch import watching

app = typer.Typer()


@app.command("command", context_settings={"ignore_unknown_options": True})
def give_command(  # noqa: PLR0913, PLR0917 - arguments and options
    ctx: typer.Context,
    name: Name,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="`help` lists those that the device knows.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE...]", help="VALUE is JSON, or text.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the device's reply.", min=0.1)] = 15.0,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Give a device a command over MQTT, and wait for its reply."""
    reply = ask(context(ctx).home(), name, command, parse_settings(arguments or []), timeout)
    if as_json:
        print_json(asdict(reply))
    elif command == "help" and reply.accepted:
        out.print(views.commands_table(reply.result))
    else:
        out.print(views.reply_text(reply))
        if reply.result:
            out.print(views.fields_table(reply.result))
    if not reply.accepted:
        raise typer.Exit(1)


@app.command()
def watch(ctx: typer.Context, name: Name) -> None:
    """Show what a device says and is told, until Ctrl-C."""
    home = context(ctx).home()
    Devices(home).row(name)
    with watching(home, name) as watcher, following(home, name, watcher.inbox.put):
        note("Ctrl-C ends this.")
        for message in watcher.messages():
            out.print(views.message_text(message))
