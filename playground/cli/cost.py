"""The command that says what devices cost on AWS."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from playground.devices import costs
from playground.devices.costs import Cost, Prices
from playground.devices.devices import Devices
from playground.fleets import fleets
from playground.fleets.fleets import Fleets
from playground.line import completing
from playground.line.context import context
from playground.show.devices import STATUS_STYLES
from playground.show.views import fields_table, headed_table, note

app = typer.Typer()

SHOWN = 20
"""Devices of the table; all are in the other outputs."""


@app.command("cost")
def show_cost(
    ctx: typer.Context,
    fleet: Annotated[
        str | None,
        typer.Argument(
            metavar="FLEET",
            help="Only the devices of this fleet.",
            autocompletion=completing.fleet_names,
        ),
    ] = None,
) -> None:
    """Say what devices have cost on AWS so far, and cost an hour and a month; here what they would.

    Counts task, public address and connection, not messages and logs.
    """
    given = context(ctx)
    home = given.home()
    everybody = rows = list(Devices(home).rows())
    if fleet is not None:
        found = Fleets(home)
        rows = found.rows(found.fleet(fleets.name_given(fleet)))
    prices = Prices.of_file()
    costs_of = costs.costs_of(rows, prices, everybody)
    told = costs.total(costs_of, prices)
    devices = [
        {
            "thing_name": cost.thing_name,
            "status": cost.status,
            "hours": round(cost.hours, 2),
            "so_far": round(cost.so_far, 4),
        }
        for cost in costs_of
    ]
    given.output.show({**told, "devices": devices}, _table(told, costs_of))
    if home.kind == "local":
        note(f"Here nothing is billed: this is what it would cost in {prices.region}.")


def _table(told: dict[str, float | str], found: Sequence[Cost]) -> Group:
    table = headed_table("NAME", "STATUS", "HOURS", "DOLLARS")
    for cost in found[:SHOWN]:
        table.add_row(
            Text(cost.thing_name),
            Text(cost.status, style=STATUS_STYLES.get(cost.status, "")),
            f"{cost.hours:.2f}",
            f"{cost.so_far:.4f}",
        )
    head = fields_table(
        {
            "so far": f"{told['so_far']:.2f}",
            "an hour": f"{told['hour']:.4f}",
            "a month": f"{told['month']:.2f}",
            "prices of": f"{told['region']}, {told['date']}, {told['currency']}",
        }
    )
    left = len(found) - SHOWN
    more = [Text(f"and {left} more: --output json has all")] if left > 0 else []
    return Group(head, Text(), table, *more) if found else Group(head)
