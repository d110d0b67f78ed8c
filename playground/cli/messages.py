"""The commands that talk with a device over MQTT, and listen to it."""

from typing import Annotated

import typer

from playground import exit_codes
from playground.devices.devices import Devices
from playground.line import completing, typed
from playground.line.context import Name, Names, Wide, context
from playground.messages.commands import Reply, ask
from playground.messages.listen_identity import MOST_SECONDS
from playground.messages.listening import Limits, listening
from playground.messages.topic_filters import checked
from playground.messages.watch import watching
from playground.security.quarantine import following
from playground.show import devices as device_views
from playground.show import messages as message_views
from playground.show.views import note

app = typer.Typer()

WAIT_FOR_REPLY = typer.Option(
    help="Seconds to wait for the device's reply.",
    min=0.1,
    max=typed.LONGEST_WAIT,
    callback=typed.seconds,
)


@app.command("command", context_settings={"ignore_unknown_options": True})
def give_command(
    ctx: typer.Context,
    name: Name,
    command: Annotated[
        str, typer.Argument(metavar="COMMAND", help="`help` lists those that the device knows.")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="VALUE is JSON, or text.")
    ] = None,
    timeout: Annotated[float, WAIT_FOR_REPLY] = 15.0,
) -> None:
    """Send a device a command over MQTT and wait for its reply."""
    wanted = typed.settings_of(arguments or [])
    given = context(ctx)
    reply: Reply = ask(given.home_to_change(), name, command, wanted, timeout)
    given.output.show(reply, device_views.shown_reply(reply))
    if not reply.accepted:
        raise typer.Exit(exit_codes.FAILED)


@app.command()
def watch(ctx: typer.Context, names: Names, wide: Wide = False) -> None:  # noqa: FBT002
    """Show the messages to and from devices, a line each, until Ctrl-C."""
    given = context(ctx)
    home = given.home()
    for name in names:
        Devices(home).row(name)
    with watching(home, *names) as watcher, following(home, names, watcher.inbox.put):
        note("Ctrl-C ends this.")
        for message in watcher.messages():
            line = message_views.message_line(message, names, wide=wide)
            given.output.stream(message_views.message_data(message), line)


@app.command("listen")
def listen_to(
    ctx: typer.Context,
    topic_filter: Annotated[
        str,
        typer.Argument(
            metavar="FILTER",
            help="MQTT topic filter; # is every topic except $aws/...",
            autocompletion=completing.topic_filters,
        ),
    ] = "#",
    count: Annotated[int | None, typer.Option(help="Stop after this many messages.", min=1)] = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--for",
            help="Stop after this many seconds. Default: 12 hours.",
            min=0.1,
            max=MOST_SECONDS,
            callback=typed.seconds,
        ),
    ] = MOST_SECONDS,
) -> None:
    """Show all messages of the account, until Ctrl-C.

    It makes a client of its own, with a certificate and a policy for this filter alone, and removes
    both at the end. # is every topic except those that begin with $. Name these, as in
    '$aws/things/+/shadow/#'.
    """
    wanted = checked(topic_filter)
    given = context(ctx)
    home = given.home_to_change()
    with listening(given.paths, home, wanted, Limits(count, seconds), note) as packets:
        for packet in packets:
            given.output.stream(packet.data(), message_views.packet_text(packet))
