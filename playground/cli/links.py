"""The commands that let a switch drive a bulb, and show what drives what."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground.devices import links
from playground.line import completing
from playground.line.context import Context, context
from playground.show.views import headed_table, note

app = typer.Typer()

Switch = Annotated[
    str,
    typer.Argument(
        help="Thing name of the switch.", metavar="SWITCH", autocompletion=completing.thing_names
    ),
]
Bulb = Annotated[
    str,
    typer.Argument(
        help="Thing name of the bulb.", metavar="BULB", autocompletion=completing.thing_names
    ),
]


@app.command()
def link(ctx: typer.Context, switch: Switch, bulb: Bulb) -> None:
    """Let a switch drive a bulb: from now on `command SWITCH press` changes the bulb's light."""
    given = context(ctx)
    tell(given, links.link(given.home_to_change(), switch, bulb))


@app.command()
def unlink(ctx: typer.Context, switch: Switch, bulb: Bulb) -> None:
    """Remove a link: the switch loses the right to change the bulb's light."""
    given = context(ctx)
    tell(given, links.unlink(given.home_to_change(), switch, bulb))


@app.command("links")
def show_links(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A switch or a bulb.", metavar="NAME", autocompletion=completing.thing_names
        ),
    ] = None,
) -> None:
    """List which switch drives which bulbs; with a name, only the links of that device."""
    given = context(ctx)
    found = links.links(given.home(), name)
    if not found:
        note("No links yet: `playground link SWITCH BULB` makes one.")
    given.output.show(
        {"links": [asdict(one) for one in found]}, links_table(found) if found else None
    )


def tell(given: Context, found: links.Links) -> None:
    """What a switch drives now."""
    given.output.show(found, f"{found.switch} drives {', '.join(found.targets) or 'nothing'}.")


def links_table(found: Sequence[links.Links]) -> Table:
    """A line for each switch."""
    table = headed_table("SWITCH", "DRIVES")
    for one in found:
        table.add_row(Text(one.switch), Text(", ".join(one.targets)))
    return table
