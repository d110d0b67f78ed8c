"""The commands `playground authority ...`: the user's own certificate authority."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground.base.plain import plain
from playground.devices.authorities import Authorities, Registered
from playground.devices.certifying import Certifying
from playground.devices.own import checked_request
from playground.errors import UsageError
from playground.home.homes import Home
from playground.line import typed
from playground.line.context import Context, Name, Yes, context
from playground.show import views
from playground.show.views import headed_table, note

app = typer.Typer()
group = typer.Typer(
    help="Your own certificate authority: its key stays here, and it signs what devices come with.",
    no_args_is_help=True,
)
app.add_typer(group, name="authority")


@group.command("list")
def list_authorities(ctx: typer.Context) -> None:
    """List your authorities that AWS IoT knows: whether they are in force, and where the key is."""
    given = context(ctx)
    found = _of(given, given.home()).all()
    if not found:
        note("No authority yet: `playground create --method jitr` makes one.")
    given.output.show({"authorities": plain(found)}, table_of(found) if found else None)


@group.command()
def sign(
    ctx: typer.Context,
    name: Name,
    csr: Annotated[
        Path | None,
        typer.Option(
            help="The request of a device that is not virtual, in PEM; - is standard input.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Sign the request of a device: one that a workflow waits for, or that of a file, whose
    certificate is printed.
    """
    given = context(ctx)
    home = given.home_to_change()
    if csr is not None:
        typed.wish_of({"thingName": name, "method": "jitr"})
        request = checked_request(csr)
        certificate_id, chain = _of(given, home).ready().sign(request, name)
        told = {"thingName": name, "certificateId": certificate_id, "certificatePem": chain}
        given.output.show(told, chain.rstrip("\n"))
        return
    certifying = Certifying(home, _of(given, home).ready(), name)
    certifying.check()
    with views.progress() as report:
        report.step(f"Waiting for the request of {name}")
        for _ in certifying.awaited():
            pass
    given.output.show({"thingName": name, "signedBy": certifying.signer.id}, f"{name} is signed.")


@group.command()
def remove(
    ctx: typer.Context,
    authority_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="Which, or how its id begins; needed when there are more."
        ),
    ] = None,
    yes: Yes = False,  # noqa: FBT002
) -> None:
    """Withdraw an authority and have AWS IoT forget it; its key is removed. Refused while devices
    use it.
    """
    given = context(ctx)
    authorities = _of(given, given.home_to_change())
    begins = authority_id or ""
    found = [one.id for one in authorities.all() if one.id.startswith(begins)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} authorities have an id that begins with {begins!r}: name one, as "
            "`playground authority list` shows it."
            if found
            else "There is no such authority: `playground authority list` shows them."
        )
    (chosen,) = found
    if not yes:
        typer.confirm(f"Remove the authority {chosen} and its key?", abort=True, err=True)
    authorities.remove(chosen)
    given.output.show({"id": chosen}, f"Removed: {chosen}.")


def _of(given: Context, home: Home) -> Authorities:
    return Authorities(home, given.paths)


def table_of(found: list[Registered]) -> Table:
    """One authority a line."""
    table = headed_table("ID", "STATUS", "REGISTERS", "CERTIFICATES", "WAITING", "KEY")
    for one in found:
        table.add_row(
            one.id[:16],
            one.status,
            one.auto_registration,
            str(one.certificates),
            str(one.waiting),
            Text(one.key or "not here"),
        )
    return table
