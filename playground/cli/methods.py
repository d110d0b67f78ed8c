"""The command that shows the ways to become a device, side by side."""

from typing import Annotated

import typer

from playground.devices import methods as ways
from playground.errors import UsageError
from playground.line import completing
from playground.line.context import context
from playground.show import methods as method_views
from playground.show.views import note

app = typer.Typer()


@app.command("methods")
def show_methods(
    ctx: typer.Context,
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="METHOD",
            help="Only this one, and how one run of it went.",
            autocompletion=completing.methods,
        ),
    ] = None,
) -> None:
    """Compare the ways to become a device: who makes the key, what a thief gets, and figures.

    The figures and the messages were recorded on a local cloud: docs/methods.md. `create --method`
    makes a device by one.
    """
    given = context(ctx)
    recorded = ways.recorded()
    found = {one["name"]: one for one in recorded["methods"]}
    if method is None:
        told = [ways.without_steps(one) for one in found.values()]
        given.output.show({"methods": told}, method_views.side_by_side(told))
    elif method in found:
        given.output.show(found[method], method_views.one(found[method]))
    else:
        raise UsageError(f"METHOD must be one of {', '.join(found)}, not {method}.")
    note(
        f"Recorded on {recorded['date']} with commit {recorded['commit']}: medians of"
        f" {recorded['runs']} runs on a local cloud."
    )
