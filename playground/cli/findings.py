"""The command `playground findings`: what the detector has found."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground.devices.devices import Devices
from playground.line import completing
from playground.line.context import context
from playground.security.findings import Found, findings
from playground.show.views import cell, headed_table, moment, note

app = typer.Typer()


Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="A device; without one, all.", autocompletion=completing.thing_names
    ),
]


@app.command("findings")
def list_findings(ctx: typer.Context, name: Name = None) -> None:
    """List what devices were found to do wrong, the newest first."""
    _list(ctx, name, "findings")


@app.command("verdicts", hidden=True)
def list_verdicts(ctx: typer.Context, name: Name = None) -> None:
    """List findings: the old name of the command, kept for scripts."""
    _list(ctx, name, "verdicts")


def _list(ctx: typer.Context, name: str | None, key: str) -> None:
    """Show them; as JSON they are the member `key`."""
    given = context(ctx)
    home = given.home()
    found = findings(home, name)
    if not found:
        # A finding that names nobody is kept under the name "?".
        if name and name != "?":
            Devices(home).row(name)
        note("No findings: no device was seen to misbehave.")
    given.output.show(
        {key: [asdict(one) for one in found]}, findings_table(found) if found else None
    )


def findings_table(found: Sequence[Found]) -> Table:
    """One row for each finding."""
    table = headed_table("TIME", "DEVICE", "RULE", "REASON AND EVIDENCE")
    table.columns[0].no_wrap = True
    for one in found:
        # A device has written this.
        seen = " ".join(f"{name}={cell(value).plain}" for name, value in one.seen.items())
        table.add_row(
            moment(one.at),
            Text(one.thing_name),
            Text(one.rule),
            Text(f"{one.reason}: {seen}" if seen else one.reason),
        )
    return table
