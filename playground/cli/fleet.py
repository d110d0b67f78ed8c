"""The commands `playground fleet ...`: many devices from one file."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from playground import exit_codes
from playground.devices import fleets, models
from playground.devices import settings as device_settings
from playground.devices.devices import Devices
from playground.devices.executions import Outcome
from playground.devices.fleets import Fleets, Statuses
from playground.errors import FleetError, UnansweredError, UsageError
from playground.line import completing, typed
from playground.line.context import Context, context
from playground.local.capacity import require_room
from playground.show import fleets as fleet_views
from playground.show import views
from playground.show.views import note

app = typer.Typer()
group = typer.Typer(
    help="Fleets: many devices from one file, made, changed and removed together.",
    no_args_is_help=True,
)
app.add_typer(group, name="fleet")

GOES_ON = "The workflow goes on; `playground fleet list` shows its result."

FleetName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The fleet, as `playground fleet list` shows it.",
        autocompletion=completing.fleet_names,
    ),
]


@group.command()
def create(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Fleet file; - is standard input.")],
) -> None:
    """Make the fleet of a file, and wait until all its devices are online.

    A fleet that is there is changed: what its file has no more is removed, what is new is made.
    """
    given = context(ctx)
    asked = fleets.file_of(given.paths, file)
    for kind in {one.get("deviceType", "generic") for one in asked["groups"]}:
        models.known(given.paths, kind)
    _provision(given, asked)


@group.command()
def scale(
    ctx: typer.Context,
    name: FleetName,
    counts: Annotated[
        list[str], typer.Argument(metavar="GROUP=COUNT", help="How many devices of a group.")
    ],
) -> None:
    """Give groups of a fleet more devices or fewer; the last ones of a group leave first."""
    wanted = {key: _count(key, value) for key, value in typed.settings_of(counts).items()}
    given = context(ctx)
    found = Fleets(given.home_to_change())
    asked = fleets.scaled(found.fleet(fleets.name_given(name)), wanted)
    fleets.wish_of(asked, name)
    _provision(given, asked)


@group.command("list")
def list_fleets(ctx: typer.Context) -> None:
    """List the fleets, a line each."""
    given = context(ctx)
    rows = Fleets(given.home()).all()
    if not rows:
        note("No fleets yet: `playground fleet create FILE` makes one.")
    given.output.show({"fleets": rows}, fleet_views.fleets_table(rows))


@group.command()
def show(ctx: typer.Context, name: FleetName) -> None:
    """Show a fleet: its groups, and how many of their devices are in which status."""
    given = context(ctx)
    found = Fleets(given.home())
    fleet = found.fleet(fleets.name_given(name))
    groups = fleet_views.groups_of(fleet, found.rows(fleet))
    told = {"name": fleet.name, "status": fleet.status, "devices": fleet.devices, "groups": groups}
    told |= {"createdAt": fleet.created_at, "file": fleet.file}
    given.output.show(told, fleet_views.fleet_text(fleet, groups))


@group.command("set", context_settings={"ignore_unknown_options": True})
def set_settings(
    ctx: typer.Context,
    name: FleetName,
    settings: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE", help="VALUE is JSON, or text.")
    ],
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds to wait for the devices' answers.",
            min=0,
            max=typed.LONGEST_WAIT,
            callback=typed.seconds,
        ),
    ] = 30.0,
    of_group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Only devices of this group.")
    ] = None,
) -> None:
    """Change settings of all devices of a fleet through their shadows, and wait for their answers.

    Shows how long devices took: p50 is the time within which half of them have answered.
    """
    wanted = typed.settings_of(settings)
    given = context(ctx)
    found = Fleets(given.home_to_change())
    fleet = found.fleet(fleets.name_given(name))
    if of_group is not None and of_group not in fleet.groups:
        raise UsageError(f"{name} has no group {of_group}: it has {', '.join(fleet.groups)}.")
    meant = fleet.names if of_group is None else fleet.groups[of_group]
    own = {str(row["thing_name"]): row for row in found.rows(fleet)}
    rows = [own[name] for name in meant if name in own]
    for row in {str(row["device_type"]): row for row in rows}.values():
        device_settings.require_settable(given.paths, row, wanted)
    online = [str(row["thing_name"]) for row in rows if row["status"] == "ONLINE"]
    if not online:
        raise FleetError(f"No device of {name} is online.")
    with views.progress() as report:
        report.step(f"Changing {len(online)} devices")
        changed = fleets.change(
            Devices(found.home), online, wanted, timeout, lambda n: report.line(f"{n} answered")
        )
    if len(online) < len(meant):
        note(
            f"Not online, and left as they are: {len(meant) - len(online)} of {len(meant)} devices."
        )
    given.output.show(fleet_views.change_data(changed), fleet_views.change_text(changed))
    if changed.pending:
        late = f"{len(changed.pending)} devices have not answered within {timeout:g} s"
        raise UnansweredError(f"{late}; they take the change when they can.")
    if changed.rejected:
        raise typer.Exit(exit_codes.FAILED)


@group.command()
def delete(ctx: typer.Context, name: FleetName) -> None:
    """Delete a fleet with all its devices."""
    given = context(ctx)
    found = Fleets(given.home_to_change())
    fleet = found.fleet(fleets.name_given(name))
    with _shown(f"Deleting {name}") as report:
        outcome = found.remove(fleet, report)
    _tell(given, outcome)


def _provision(given: Context, asked: Mapping[str, Any]) -> None:
    home = given.home_to_change()
    wish = fleets.wish_of(asked, str(asked["name"]))
    require_room(given.paths, home, wish.count)
    with _shown(f"Provisioning {wish.count} devices of {wish.name}") as report:
        outcome = Fleets(home).provision(asked, report)
    _tell(given, outcome)


@contextmanager
def _shown(what: str) -> Iterator[Callable[[Statuses], None]]:
    with views.goes_on(GOES_ON), views.progress() as report:
        report.step(what)
        yield lambda statuses: report.line(fleet_views.statuses_text(statuses).plain)


def _tell(given: Context, outcome: Outcome) -> None:
    found = outcome.require()
    given.output.show(found, views.outcome_table(found))
    note(f"{outcome.seconds:.2f} s")


def _count(group_name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{group_name}: must be a whole number of devices, such as 20.")
    return value
