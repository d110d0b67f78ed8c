"""The command that shows how old the devices' certificates are."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground.devices.devices import Devices
from playground.line.context import context
from playground.security.certificates import Aged, ages
from playground.show.devices import STATUS_STYLES
from playground.show.views import headed_table, note

app = typer.Typer()


@app.command("certificates")
def show_certificates(
    ctx: typer.Context,
    only_due: Annotated[  # noqa: FBT002
        bool, typer.Option("--due", help="Only certificates that are due for replacement.")
    ] = False,
    start: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--rotate", help="Replace those that are due now, as the daily schedule does."
        ),
    ] = False,
) -> None:
    """Show each device's certificate: its age, and when it is due for replacement."""
    given = context(ctx)
    home = given.home_to_change() if start else given.home()
    aged = ages(home, list(Devices(home).rows()), start=start)
    found = [one for one in aged if one.outcome] if only_due or start else aged
    if not found:
        note(
            "No certificate is due."
            if aged
            else "No device has a certificate yet: `playground create` makes one."
        )
    given.output.show({"certificates": found}, table_of(found) if found else None)
    if any(one.expired for one in found):
        note(
            "A certificate is past its lifetime: `playground job list` shows its job `rotate-cert`."
        )


def table_of(found: Sequence[Aged]) -> Table:
    """One certificate a line; its days are UTC's."""
    table = headed_table("NAME", "STATUS", "MADE", "AGE (DAYS)", "REPLACED BY", "DUE")
    for one in found:
        table.add_row(
            one.thing_name,
            Text(one.status, style=STATUS_STYLES.get(one.status, "")),
            one.created_at[:10],
            f"{one.age_days:.1f}",
            one.rotate_by[:10],
            Text(
                "expired" if one.expired and one.outcome == "due" else one.outcome,
                style="red" if one.expired else "",
            ),
        )
    return table
