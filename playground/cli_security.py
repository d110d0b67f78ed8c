"""The command `playground verdicts`: what the detector has found."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground import completing
from playground.cli_context import context
from playground.devices import Devices
from playground.verdicts import Found, verdicts
from playground.views import cell, headed_table, moment, note

app = typer.Typer()


@app.command("verdicts")
def list_verdicts(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A device; without one, all.", autocompletion=completing.thing_names),
    ] = None,
) -> None:
    """List what devices were found to do wrong, the newest first."""
    given = context(ctx)
    home = given.home()
    found = verdicts(home, name)
    if not found:
        # A verdict on nobody in particular is on the thing ?.
        if name and name != "?":
            Devices(home).row(name)
        note("No verdicts: nobody was seen to misbehave.")
    given.output.show({"verdicts": [asdict(one) for one in found]}, verdicts_table(found) if found else None)


def verdicts_table(found: Sequence[Found]) -> Table:
    """One row a verdict."""
    table = headed_table("TIME", "DEVICE", "RULE", "REASON, AND WHAT WAS SEEN")
    table.columns[0].no_wrap = True
    for one in found:
        # What is seen was written by a device.
        seen = " ".join(f"{name}={cell(value).plain}" for name, value in one.seen.items())
        table.add_row(
            moment(one.at), Text(one.thing_name), Text(one.rule), Text(f"{one.reason}: {seen}" if seen else one.reason)
        )
    return table
