"""The commands that let a switch drive a bulb, and show what drives what."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from playground import links
from playground.cli_context import AsJson, context
from playground.views import note, out, print_json

app = typer.Typer()

Switch = Annotated[str, typer.Argument(metavar="SWITCH")]
Bulb = Annotated[str, typer.Argument(metavar="BULB")]


@app.command()
def link(ctx: typer.Context, switch: Switch, bulb: Bulb) -> None:
    """Let a switch drive a bulb: from now on `command SWITCH press` changes the bulb's light."""
    tell(links.link(context(ctx).home(), switch, bulb))


@app.command()
def unlink(ctx: typer.Context, switch: Switch, bulb: Bulb) -> None:
    """End that; the switch loses the right to it."""
    tell(links.unlink(context(ctx).home(), switch, bulb))


@app.command("links")
def show_links(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A switch or a bulb.", metavar="[NAME]")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List which switch drives what; with a name, only where that device takes part."""
    found = links.links(context(ctx).home(), name)
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        out.print(links_table(found))
    else:
        note("No links yet: `playground link SWITCH BULB` makes one.")


def tell(found: links.Links) -> None:
    """What a switch drives now."""
    drives = ", ".join(found.targets) or "nothing"
    out.print(f"{escape(found.switch)} drives {escape(drives)}.")


def links_table(found: Sequence[links.Links]) -> Table:
    """A line for each switch."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SWITCH", "DRIVES"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(Text(one.switch), Text(", ".join(one.targets)))
    return table
