"""The commands `playground fleet ...`: many devices from one file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from common.fleet_stages import Measure, Stop
from common.jsonvalues import Json
from playground import exit_codes
from playground.cli.lifecycle import run_many
from playground.devices import models
from playground.devices import settings as device_settings
from playground.devices.devices import Devices, Row
from playground.devices.executions import Outcome
from playground.devices.workflows import RESTART, Workflow
from playground.errors import FleetError, StoppedError, UnansweredError, UsageError
from playground.fleets import fleets
from playground.fleets.fleets import Fleets, Statuses
from playground.fleets.speeding import FASTEST, at_speed, require_speed, times_of
from playground.fleets.stopping import Stopping
from playground.home.homes import Home
from playground.line import completing, typed
from playground.line.context import Context, context
from playground.local.capacity import require_room
from playground.show import fleets as fleet_views
from playground.show import views
from playground.show.views import note

if TYPE_CHECKING:
    from playground.fleets.run import Now

app = typer.Typer()
group = typer.Typer(
    help="Fleets: many devices from one file, made, changed and removed together.",
    no_args_is_help=True,
)
app.add_typer(group, name="fleet")

AT_REST = ("PROVISIONING", "STOPPED", "FAILED", "TERMINATED")
"""What is not stopped, because it has no task, or not for long."""

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
    _require_settable(given, rows, wanted)
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
def stop(ctx: typer.Context, name: FleetName) -> None:
    """Stop all devices of a fleet: no task any more, and no cost; things and shadows stay."""
    given = context(ctx)
    found = Fleets(given.home_to_change())
    rows = found.rows(found.fleet(fleets.name_given(name)))
    running = [row for row in rows if row["status"] not in AT_REST]
    _run_many(given, found.home, name, running, stop=True)


@group.command()
def start(ctx: typer.Context, name: FleetName) -> None:
    """Start the devices of a fleet that were stopped or have failed, with new certificates."""
    given = context(ctx)
    found = Fleets(given.home_to_change())
    rows = found.rows(found.fleet(fleets.name_given(name)))
    there = [row for row in rows if "given_up_at" in row]
    _run_many(given, found.home, name, there, stop=False)


@group.command()
def run(
    ctx: typer.Context,
    name: FleetName,
    cap: Annotated[
        float | None,
        typer.Option(help="Stop when the fleet has cost so many dollars on AWS.", min=0.0),
    ] = None,
    speed: Annotated[
        int,
        typer.Option(
            help="Clocks of the devices' telemetry, and stages, so many times as fast as time.",
            min=1,
            max=FASTEST,
        ),
    ] = 1,
) -> None:
    """Put a fleet through the stages of its file, and keep a report of what was heard.

    Ends with exit code 99 when one of the file's stops, or --cap, has ended it.
    """
    from playground.fleets.run import conducting  # noqa: PLC0415 - MQTT takes a while to load

    given = context(ctx)
    found = Fleets(given.home_to_change())
    fleet = found.fleet(fleets.name_given(name))
    wish = fleets.wish_of(fleets.file_to_run(fleet), name)
    rows = found.rows(fleet)
    online = [str(row["thing_name"]) for row in rows if row["status"] == "ONLINE"]
    if not online:
        raise FleetError(f"No device of {name} is online.")
    for action in [action for stage in wish.stages for action in stage.actions]:
        if isinstance(action.value, dict):
            meant = {one for group in action.groups for one in fleet.groups[group]}
            own = [row for row in rows if row["thing_name"] in meant]
            _require_settable(given, own, action.value)
    devices = Devices(found.home)
    if speed > 1:
        require_speed(wish, fleet.groups, times_of(devices, online), speed)
    stops = [*wish.stops, *([Stop(Measure.DOLLARS, cap, 0.0)] if cap is not None else [])]
    with views.progress() as report:
        stage = ""

        def show_now(now: "Now") -> None:
            nonlocal stage
            if now.stage != stage:
                stage = now.stage
                report.step(stage)
            report.line(f"{now.left:.0f} s left, {fleet_views.now_text(now)}")

        report.step("Connecting" if speed == 1 else f"Setting {len(online)} clocks")
        with (
            at_speed(devices, online, speed, note),
            conducting(found.home, fleet, rows, Stopping(stops), show_now, speed) as conductor,
        ):
            try:
                conductor.conduct()
            except BaseException as error:
                conductor.run.ended_by = _named(error)
                # What has ended the run may keep its report from being written, too.
                with suppress(Exception):
                    found.keep_report(fleet, conductor.run.data())
                raise
        told = conductor.run.data()
        found.keep_report(fleet, told)
    given.output.show(told, fleet_views.report_text(told))
    if conductor.run.ended_by is not None:
        raise StoppedError(f"Stopped: {fleet_views.ended_by(told['endedBy'])}.")


@group.command()
def watch(ctx: typer.Context, name: FleetName) -> None:
    """Show how a fleet does, a line a second, until Ctrl-C."""
    from playground.fleets.run import conducting  # noqa: PLC0415 - see above

    given = context(ctx)
    found = Fleets(given.home())
    fleet = found.fleet(fleets.name_given(name))
    if not fleet.file:
        raise FleetError(f"{name} is {fleet.status.lower()}: wait until it is ready.")

    def show_now(now: "Now") -> None:
        given.output.stream(fleet_views.now_data(now), Text(fleet_views.now_text(now)))

    with conducting(found.home, fleet, found.rows(fleet), Stopping(()), show_now) as conductor:
        note("Ctrl-C ends this.")
        conductor.follow()


@group.command("report")
def show_report(
    ctx: typer.Context,
    name: FleetName,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as an HTML page with pictures."),
    ] = None,
) -> None:
    """Show what the latest run of a fleet has heard: p50, p95, p99 of each stage."""
    given = context(ctx)
    found = Fleets(given.home())
    report = found.report(found.fleet(fleets.name_given(name)))
    if page is not None:
        page.write_text(fleet_views.report_page(report), encoding="utf-8")
        note(f"Written: {page}")
    given.output.show(report, fleet_views.report_text(report))


@group.command()
def delete(ctx: typer.Context, name: FleetName) -> None:
    """Delete a fleet with all its devices."""
    given = context(ctx)
    found = Fleets(given.home_to_change())
    fleet = found.fleet(fleets.name_given(name))
    with _shown(f"Deleting {name}") as report:
        outcome = found.remove(fleet, report)
    _tell(given, outcome)


def _require_settable(given: Context, rows: Sequence[Row], wanted: Mapping[str, Json]) -> None:
    """Of each device type that is among them: no key that it can't have, or that only workflows
    set. Raises SettingError.
    """
    for row in {str(row["device_type"]): row for row in rows}.values():
        device_settings.require_settable(given.paths, row, wanted)


def _run_many(given: Context, home: Home, name: str, rows: Sequence[Row], *, stop: bool) -> None:
    if not rows:
        doing = "to stop" if stop else "that is stopped"
        raise FleetError(f"{name} has no device {doing}: `playground fleet show {name}`.")
    asked = {"stop": True} if stop else {}
    requests = [{"thingName": row["thing_name"], **asked} for row in rows]
    run_many(given, Workflow(home, RESTART), requests)


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


def _named(error: BaseException) -> str:
    return "Ctrl-C" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__


def _count(group_name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{group_name}: must be a whole number of devices, such as 20.")
    return value
