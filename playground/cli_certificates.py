"""The command that shows how old the devices' certificates are."""

from dataclasses import asdict
from typing import Annotated

import typer

from playground.certificates import ages, due
from playground.cli_context import context
from playground.devices import Devices
from playground.views import note, print_json

app = typer.Typer()


@app.command("certificates")
def show_certificates(
    ctx: typer.Context,
    only_due: Annotated[bool, typer.Option("--due", help="Only those that are to be replaced.")] = False,  # noqa: FBT002
    start: Annotated[bool, typer.Option("--rotate", help="Have those replaced now, as once a day.")] = False,  # noqa: FBT002
) -> None:
    """Show each device's certificate: its age, and by when it is to be replaced."""
    home = context(ctx).home()
    found = due(home, start=start) if only_due or start else ages(home, list(Devices(home).rows()))
    print_json([asdict(aged) for aged in found])
    if any(aged.expired for aged in found):
        note("A certificate is past its lifetime: see what its job `rotate-cert` says, `playground job list`.")
