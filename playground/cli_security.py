"""The command `playground verdicts`: what the detector has found."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from playground.cli_context import AsJson
from playground.verdicts import Found, verdicts
from playground.views import note, out, print_json

app = typer.Typer()


@app.command("verdicts")
def list_verdicts(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A device; without one, all.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List what devices were found to do wrong, the newest first."""
    found = verdicts(ctx.obj.home(), name)
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        out.print(verdicts_table(found))
    else:
        note("No verdicts: nobody was seen to misbehave.")


def verdicts_table(found: list[Found]) -> Table:
    """One row a verdict."""
    table = Table(Column("TIME", no_wrap=True), "DEVICE", "RULE", "REASON", "SEEN", box=None, pad_edge=False)
    for one in found:
        # What is seen was written by a device.
        table.add_row(one.at, one.thing_name, one.rule, one.reason, Text(json.dumps(one.seen)))
    return table
