"""The commands that show devices, and the models that they come with."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from common.jsontext import decode
from common.statuses import STATUSES, THERE
from playground.devices import models
from playground.devices.devices import Certificate, Devices, Row
from playground.errors import UsageError
from playground.home.homes import Home
from playground.line import completing, typed
from playground.line.context import Name, Wide, context
from playground.show import devices as device_views
from playground.show.ages import time_of, written
from playground.show.views import note

app = typer.Typer()

PAGE = 1000
"""Devices of a table that nobody has limited."""


@app.command("models")
def show_models(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A device type: print its model file.",
            metavar="NAME",
            autocompletion=completing.device_types,
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="Check a model file of your own (- is standard input), and show what it sends.",
            metavar="FILE",
        ),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Print a first model for recorded messages: JSON, a line each or in an array; "
            "CSV.",
            metavar="FILE",
        ),
    ] = None,
    replay: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--replay", help="With --from: a model that says them again, as they are."),
    ] = False,
) -> None:
    """List the models that devices come with, each with a sample of its telemetry."""
    if sum(one is not None for one in (name, check, recorded)) > 1:
        raise UsageError("NAME, --check and --from are for one at a time.")
    if replay and recorded is None:
        raise UsageError("--replay is for --from.")
    given = context(ctx)
    if check is not None:
        samples = models.sampled(given.paths, check)
        given.output.show({"messages": samples}, device_views.samples_table(samples))
        return
    if recorded is not None:
        model = models.of_recorded(given.paths, recorded, replay=replay)
        given.output.show(model, json.dumps(model, indent=2, ensure_ascii=False))
        return
    if name:
        text = models.text_of(given.paths, name)
        given.output.show(decode(text), text.rstrip("\n"))
        return
    found = models.bundled(given.paths)
    given.output.show({"models": found}, device_views.models_table(found))


@app.command("list")
def list_devices(  # noqa: PLR0913, PLR0917 - the options of a command
    ctx: typer.Context,
    everything: Annotated[  # noqa: FBT002
        bool, typer.Option("--all", help="Also those that were deleted.")
    ] = False,
    wide: Wide = False,  # noqa: FBT002
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="Only devices of this status; several with commas between them, or given again.",
            metavar="STATUS",
            autocompletion=completing.statuses,
        ),
    ] = None,
    device_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="Only devices of this type.",
            metavar="TYPE",
            autocompletion=completing.device_types,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help=f"Only the newest so many; 0 for all. A table has {PAGE}, other forms all.",
            min=0,
            metavar="NUMBER",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the devices of the catalog, a line each."""
    wanted = typed.statuses_of(status or [])
    if everything and wanted:
        raise UsageError("--all means every status: leave out --all or --status.")
    given = context(ctx)
    if device_type is not None:
        models.known(given.paths, device_type)
    # A page at the terminal; a program gets all there are unless it asks for fewer.
    to_look_at = given.output.form == "table" and given.output.query is None
    most = limit if limit is not None else (PAGE if to_look_at else 0)
    rows, more = _listed(Devices(given.home()), wanted, device_type, most, everything=everything)
    if not rows:
        filtered = wanted or device_type
        note("No such device." if filtered else "No devices yet: `playground create` makes one.")
    table = device_views.devices_table(rows, wide=wide) if rows else None
    given.output.show({"devices": rows}, table)
    if more:
        note(f"These are the newest {most}; there are more: --limit 0 shows all.")


def _listed(
    devices: Devices, wanted: list[str], device_type: str | None, most: int, *, everything: bool
) -> tuple[list[Row], bool]:
    shown = wanted or (STATUSES if everything else THERE)
    if most:
        return devices.newest(shown, device_type, most)
    if wanted:
        return devices.of_status(wanted, device_type)
    rows = [row for row in devices.rows() if everything or row.get("status") != "TERMINATED"]
    return [row for row in rows if device_type in (None, row.get("device_type"))], False


@app.command("describe", help="The same as `show`.")
@app.command()
def show(ctx: typer.Context, name: Name, wide: Wide = False) -> None:  # noqa: FBT002
    """Show one device: status, certificate, and each setting as it is desired and reported."""
    given = context(ctx)
    home = given.home()
    devices = Devices(home)
    row = dict(devices.row(name))
    if certificate := row.get("certificate_id"):
        row |= certificate_fields(home, devices.certificate(str(certificate)), row)
    found = {"catalog": row, "shadow": devices.shadow(name).get("state", {})}
    given.output.show(found, device_views.shown_device(found, wide=wide))


def certificate_fields(home: Home, found: Certificate, row: Row) -> dict[str, str]:
    """What `show` adds to a row: the certificate's status, when it expires, and by when the stack
    has it replaced."""
    fields = {"certificate_status": found.status}
    if found.expires:
        fields["certificate_expires_at"] = written(found.expires)
    made = time_of(row.get("certificate_created_at"))
    days = home.parameters.get("CertificateLifetimeDays")
    if made and days:
        fields["certificate_replaced_by"] = written(made + timedelta(days=int(days)))
    return fields
