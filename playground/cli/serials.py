"""The commands for the list of serial numbers that may join."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground.devices.serials import Listed, Serials
from playground.line import listed
from playground.line.context import context
from playground.show.views import headed_table, moment, note

app = typer.Typer()
serials = typer.Typer(help="Which serial numbers may join, by batch.", no_args_is_help=True)
app.add_typer(serials, name="serials")

Batch = Annotated[str | None, typer.Option("--batch", help="Name of a batch.", metavar="BATCH")]


@serials.command()
def add(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV file with the header serial,batch; - is standard input.", metavar="FILE"
        ),
    ],
    batch: Annotated[
        str | None,
        typer.Option(
            help="The batch of all: the file has a serial number a line, and no header.",
            metavar="BATCH",
        ),
    ] = None,
) -> None:
    """Add serial numbers to the list; all of the file, or nothing when a line breaks a rule."""
    given = context(ctx)
    entries = listed.entries_of(file, listed.batch_of(batch))
    done = Serials(given.home_to_change()).add(entries)
    text = f"{done.added} added, {done.already} in the list already."
    given.output.show(asdict(done), text)


@serials.command("list")
def list_serials(ctx: typer.Context, batch: Batch = None) -> None:
    """List the serial numbers, a line each."""
    given = context(ctx)
    found = Serials(given.home()).all(listed.batch_of(batch))
    if not found:
        note("No serial numbers: `playground serials add FILE` adds some.")
    document = {"serials": [asdict(one) for one in found]}
    given.output.show(document, serials_table(found) if found else None)


@serials.command()
def remove(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            help="Serial numbers, or files as for `add`; - is standard input.",
            metavar="FILE|SERIAL...",
        ),
    ],
    batch: Batch = None,
) -> None:
    """Remove serial numbers from the list; a device that has joined stays."""
    given = context(ctx)
    entries = listed.named(words, listed.batch_of(batch))
    done = Serials(given.home_to_change()).remove(entries)
    if done.absent:
        note(f"Not in the list: {', '.join(done.absent)}.")
    given.output.show(asdict(done), f"{done.removed} removed.")


def serials_table(found: Sequence[Listed]) -> Table:
    """A line for each."""
    table = headed_table("SERIAL", "BATCH", "ADDED")
    for one in found:
        table.add_row(Text(one.serial), Text(one.batch), moment(one.added_at))
    return table
