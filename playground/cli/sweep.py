"""The command that removes what was left behind, in either home."""

from typing import Annotated

import typer

from playground import exit_codes
from playground.devices.sweep import sweep
from playground.line.context import context
from playground.messages.listen_leftovers import sweep_listeners
from playground.show import views
from playground.show.views import note

app = typer.Typer()

MOST_SECONDS = 90 * 86_400
"""How far back a sweep can look: Step Functions forgets executions after 90 days."""


@app.command("sweep")
def run_sweep(
    ctx: typer.Context,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Only list what would be removed.")
    ] = False,
    older_than: Annotated[
        int,
        typer.Option(
            help="Skip what has changed within this many seconds.", min=0, max=MOST_SECONDS
        ),
    ] = 300,
) -> None:
    """Remove leftovers of executions that were aborted and of functions that were killed."""
    given = context(ctx)
    home = given.home() if dry_run else given.home_to_change()
    found = sweep(home, older_than, dry_run=dry_run) + sweep_listeners(
        given.paths, home, dry_run=dry_run
    )
    if not found:
        note("No leftovers were found.")
    given.output.show({"findings": found}, views.swept_table(found) if found else None)
    if any(result.outcome == "failed" for result in found):
        raise typer.Exit(exit_codes.FAILED)
