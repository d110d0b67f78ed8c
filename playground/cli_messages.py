"""The commands that talk with a device over MQTT, and listen to it."""

from typing import Annotated

import typer

from playground import completing, device_views, exit_codes, message_views
from playground.cli_context import Name, Names, context
from playground.commands import Reply, ask
from playground.devices import Devices, parse_settings
from playground.listen_identity import MOST_SECONDS
from playground.listening import Limits, listening
from playground.quarantine import following
from playground.topic_filters import checked
from playground.views import note
from playground.watch import watching

app = typer.Typer()


@app.command("command", context_settings={"ignore_unknown_options": True})
def give_command(
    ctx: typer.Context,
    name: Name,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="`help` lists those that the device knows.")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="VALUE is JSON, or text.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the device's reply.", min=0.1)] = 15.0,
) -> None:
    """Give a device a command over MQTT, and wait for its reply."""
    given = context(ctx)
    reply: Reply = ask(given.home(), name, command, parse_settings(arguments or []), timeout)
    given.output.show(reply, device_views.shown_reply(reply))
    if not reply.accepted:
        raise typer.Exit(exit_codes.FAILED)


@app.command()
def watch(ctx: typer.Context, names: Names) -> None:
    """Show what devices say and are told, until Ctrl-C."""
    given = context(ctx)
    home = given.home()
    for name in names:
        Devices(home).row(name)
    with watching(home, *names) as watcher, following(home, names, watcher.inbox.put):
        note("Ctrl-C ends this.")
        for message in watcher.messages():
            given.output.stream(message_views.message_data(message), message_views.message_text(message))


@app.command("listen")
def listen_to(
    ctx: typer.Context,
    topic_filter: Annotated[
        str,
        typer.Argument(
            metavar="FILTER", help="MQTT topic filter; # is all but $aws/...", autocompletion=completing.topic_filters
        ),
    ] = "#",
    count: Annotated[int | None, typer.Option(help="End after so many messages.", min=1)] = None,
    seconds: Annotated[
        float,
        typer.Option("--for", help="End after so many seconds; 12 hours when left out.", min=0.1, max=MOST_SECONDS),
    ] = MOST_SECONDS,
) -> None:
    """Show all messages of the account, until Ctrl-C.

    It connects as a client of its own, with a certificate for as long as it listens and a policy for this filter, both
    removed in the end. # has all topics but those that begin with $: name these, as '$aws/things/+/shadow/#'.
    """
    wanted = checked(topic_filter)
    given = context(ctx)
    home = given.home()
    with listening(given.paths, home, wanted, Limits(count, seconds), note) as packets:
        for packet in packets:
            given.output.stream(packet.data(), message_views.packet_text(packet))
