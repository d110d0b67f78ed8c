"""The commands that show what can be set on devices, and change it through their shadows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from common.jsonvalues import Json
from playground import exit_codes
from playground.base.command_lines import command_line
from playground.devices import models
from playground.devices import settings as device_settings
from playground.devices.devices import Devices, Row
from playground.errors import NoHomeError, NotUpError, UnansweredError, UnknownDeviceError
from playground.line import completing, typed
from playground.line.context import Context, Name, context
from playground.show import devices as device_views
from playground.show import settings as setting_views
from playground.show.views import note, say

app = typer.Typer()

Wait = Annotated[
    float,
    typer.Option(
        help="Seconds to wait for the device's answer.",
        min=0,
        max=typed.LONGEST_WAIT,
        callback=typed.seconds,
    ),
]


@app.command("settings")
def show_settings(
    ctx: typer.Context,
    of: Annotated[
        str | None,
        typer.Argument(
            help="A device type, or a device.",
            metavar="TYPE|NAME",
            autocompletion=completing.types_and_names,
        ),
    ] = None,
) -> None:
    """List the settings of a device type or a device: which values, the default, what each does.

    Without a type or a name those of all types. Of a device also what its shadow holds.
    """
    given = context(ctx)
    if of is None or of in models.types(given.paths):
        found = device_settings.of_type(given.paths, of)
        view = setting_views.settings_table(found, models.types(given.paths) if of is None else ())
        given.output.show({"settings": found}, view)
        return
    row, state, floor = _device(given, of)
    found = device_settings.of_device(given.paths, row, floor)
    desired, reported = state.get("desired", {}), state.get("reported", {})
    told = []
    for one in found:
        held = {"desired": desired.get(one.key), "reported": reported.get(one.key)}
        told.append({**asdict(one), **held})
    given.output.show({"settings": told}, setting_views.device_table(found, state))


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_settings(
    ctx: typer.Context,
    name: Name,
    settings: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE", help="VALUE is JSON, or text."),
    ],
    timeout: Wait = 10.0,
) -> None:
    """Change settings through the device's shadow, and wait for its answer."""
    wanted = typed.settings_of(settings)
    given = context(ctx)
    devices = Devices(given.home_to_change())
    row = devices.row(name)
    device_settings.require_settable(given.paths, row, wanted)
    _change(given, devices, row, wanted, timeout)


@app.command("unset")
def unset_settings(
    ctx: typer.Context,
    name: Name,
    keys: Annotated[
        list[str],
        typer.Argument(metavar="KEY", help="Settings, or whatever else `desired` holds."),
    ],
    timeout: Wait = 10.0,
) -> None:
    """Take keys out of the shadow's `desired`, also those that are no settings.

    Most settings stay as they are then: no wish is no change. Some go back to their default.
    """
    given = context(ctx)
    devices = Devices(given.home_to_change())
    row = devices.row(name)
    device_settings.require_settable(given.paths, row, dict.fromkeys(keys))
    desired = devices.shadow(name).get("state", {}).get("desired", {})
    for key in keys:
        if key not in desired:
            note(f"{key} is not in the shadow's `desired`: there is nothing to take out.")
    _change(given, devices, row, {key: None for key in keys if key in desired}, timeout)


def _change(
    given: Context,
    devices: Devices,
    row: Row,
    wanted: Mapping[str, Json],
    timeout: float,
) -> None:
    """Write the wishes, if there are any, and tell what the device answers."""
    name, online = str(row["thing_name"]), row.get("status") == "ONLINE"
    if wanted:
        devices.desire(name, wanted)
    if wanted and not online:
        say(f"{name} is not online: it takes this when it comes back.")
    answers = devices.wait_answers(name, wanted, timeout if online else 0.0)
    given.output.show({"answers": answers}, device_views.answers_text(answers))
    if refused := [answer.key for answer in answers if answer.result == "rejected"]:
        how = command_line("unset", name, *refused)
        say(f"What was refused stays in the shadow's `desired` until `{how}` takes it out.")
    if online and any(answer.result == "pending" for answer in answers):
        late = f"{name} has not answered within {timeout:g} s"
        raise UnansweredError(f"{late}; it takes the change when it can.")
    if refused:
        raise typer.Exit(exit_codes.FAILED)


def _device(given: Context, name: str) -> tuple[Row, Mapping[str, Json], int]:
    """Its row, the state of its shadow, and the least seconds between its reports of metrics."""
    neither = f"There is no device type {name}: there are {', '.join(models.types(given.paths))}."
    try:
        home = given.home()
        devices = Devices(home)
        row = devices.row(name)
    except UnknownDeviceError:
        raise UnknownDeviceError(f"{neither} And there is no device {name}.") from None
    except (NoHomeError, NotUpError) as error:
        raise type(error)(f"{neither} For a device of that name: {error}") from None
    return row, devices.shadow(name).get("state", {}), int(home.parameters["MetricsFloor"])
