"""The command that follows one device through all logs."""

import sys
from typing import Annotated

import typer

from playground.devices.devices import Devices
from playground.line.context import Name, context
from playground.messages.logs import SOURCES, LogReader, Question, ago, insights_query
from playground.show.logs import record_text
from playground.show.views import note

app = typer.Typer()


@app.command()
def logs(  # noqa: PLR0913, PLR0917 - a parameter is an option
    ctx: typer.Context,
    name: Name,
    since: Annotated[str, typer.Option(help="How far back: 90s, 15m, 1h, 2d.")] = "1h",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,  # noqa: FBT002
    text: Annotated[
        str, typer.Option("--filter", metavar="WORDS", help="Only lines with them.")
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only {', '.join(SOURCES)}; can be repeated.",
            metavar="SOURCE",
            autocompletion=lambda: list(SOURCES),
        ),
    ] = None,
    insights: Annotated[  # noqa: FBT002
        bool, typer.Option("--insights", help="Print the CloudWatch Logs Insights query.")
    ] = False,
) -> None:
    """Show the log lines of functions, workflows and the device itself about one device, by
    time.
    """
    question = Question(name, ago(since), frozenset(source or SOURCES), text)
    if insights:
        sys.stdout.write(insights_query(name) + "\n")
        return
    given = context(ctx)
    reader = LogReader(given.home())
    if follow:
        note("Ctrl-C ends this.")
    empty = True
    for record in reader.follow(question) if follow else reader.read(question):
        given.output.stream(record.as_dict(), record_text(record))
        empty = False
    if empty:
        # A device that was deleted has lines for longer than a row.
        Devices(reader.home).row(name)
        note(f"No lines about {name} in the last {since}.")
