"""The commands that make, show, change and remove devices."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from playground import completing, device_views, exit_codes, models, views
from playground.cli_context import Context, Name, Names, context
from playground.demo import Screen, run_demo
from playground.devices import Devices, parse_attributes, parse_settings
from playground.errors import UnansweredError, UsageError, WorkflowError
from playground.homes import Home
from playground.message_views import message_data, message_text
from playground.output import plain
from playground.views import live_steps, note, out, say
from playground.workflows import DEPROVISION, PROVISION, RESTART, Outcome, Workflow

app = typer.Typer()

GOES_ON = "A workflow that has begun goes on: `playground list` shows what becomes of it."


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a parameter is an option
    ctx: typer.Context,
    device_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="A type that `playground models` lists; generic when left out.",
            autocompletion=completing.device_types,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Thing name, for one device; made up when left out.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="Thing attribute, KEY=VALUE; can be repeated.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    model: Annotated[Path | None, typer.Option(help="Model file instead of the type's own.", metavar="FILE")] = None,
    identity: Annotated[
        Literal["keys", "csr"] | None,
        typer.Option(help="Who makes the device's first key: keys (when left out), AWS IoT; csr, the device."),
    ] = None,
) -> None:
    """Provision a device and show each step."""
    if name and count > 1:
        raise UsageError("A name is for one device: leave out --name or --count.")
    request: dict[str, Any] = {"deviceType": device_type, "thingName": name, "identity": identity}
    request = {key: value for key, value in request.items() if value}
    if device_type:
        models.known(context(ctx).paths, device_type)
    if attribute:
        request["attributes"] = parse_attributes(attribute)
    if model:
        request["model"] = models.checked(context(ctx).paths, model)
    given = context(ctx)
    run(given, Workflow(given.home(), PROVISION), [request] * count)


@app.command("models")
def show_models(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A device type: print its model file.", metavar="NAME", autocompletion=completing.device_types
        ),
    ] = None,
) -> None:
    """List the models that devices come with, each with a sample of its telemetry."""
    given = context(ctx)
    if name:
        text = models.text_of(given.paths, name)
        given.output.show(json.loads(text), text.rstrip("\n"))
        return
    found = models.bundled(given.paths)
    given.output.show({"models": found}, device_views.models_table(found))


@app.command("list")
def list_devices(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were deleted.")] = False,  # noqa: FBT002
) -> None:
    """List the devices of the catalog."""
    given = context(ctx)
    rows = [row for row in Devices(given.home()).rows() if everything or row.get("status") != "TERMINATED"]
    if not rows:
        note("No devices yet: `playground create` makes one.")
    given.output.show({"devices": rows}, device_views.devices_table(rows) if rows else None)


@app.command()
def show(ctx: typer.Context, name: Name) -> None:
    """Show one device: catalog row, certificate and shadow."""
    given = context(ctx)
    devices = Devices(given.home())
    row = dict(devices.row(name))
    if certificate := row.get("certificate_id"):
        row["certificate_status"] = devices.certificate_status(str(certificate))
    found = {"catalog": row, "shadow": devices.shadow(name).get("state", {})}
    given.output.show(found, device_views.shown_device(found))


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_settings(
    ctx: typer.Context,
    name: Name,
    settings: Annotated[list[str], typer.Argument(metavar="KEY=VALUE", help="VALUE is JSON, or text.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the device's answer.")] = 10.0,
) -> None:
    """Change settings through the device's shadow, and wait for its answer."""
    wanted = parse_settings(settings)
    given = context(ctx)
    devices = Devices(given.home())
    online = devices.row(name).get("status") == "ONLINE"
    devices.desire(name, wanted)
    if not online:
        say(f"{name} is not online: it takes this when it comes back.")
    answers = devices.wait_answers(name, wanted, timeout if online else 0.0)
    given.output.show({"answers": answers}, device_views.answers_text(answers))
    if online and any(answer.result == "pending" for answer in answers):
        raise UnansweredError(f"{name} has not answered within {timeout:g} s; it takes the change when it can.")
    if any(answer.result == "rejected" for answer in answers):
        raise typer.Exit(exit_codes.FAILED)


@app.command()
def restart(ctx: typer.Context, name: Name) -> None:
    """Give a device a new task and a new certificate, also one that was given up, and show each step."""
    given = context(ctx)
    home = given.home()
    run(given, Workflow(home, RESTART), [{"thingName": known(home, name)}])


@app.command()
def delete(ctx: typer.Context, names: Names) -> None:
    """Delete devices: task, certificate, shadow and thing; shows each step."""
    given = context(ctx)
    home = given.home()
    run(given, Workflow(home, DEPROVISION), [{"thingName": known(home, name)} for name in names])


@app.command()
def demo(ctx: typer.Context) -> None:
    """A tour: provision a device, see its telemetry, change it through its shadow."""
    given = context(ctx)
    home = given.home()
    told = out if given.output.form == "table" else views.err
    screen = Screen(
        say=lambda text: told.print(text, markup=False),
        show=lambda message: given.output.stream(message_data(message), message_text(message)),
        steps=live_steps,
    )
    name = run_demo(home, screen)
    screen.say(f"\n{name} goes on. Look at it, change it, stop it:\n")
    for command in (f"watch {name}", f"set {name} status=on unit=imperial", f"show {name}", f"delete {name}"):
        screen.say(f"  .venvs/bin/playground {command}")
    if home.kind == "local":
        screen.say("  make down")


def known(home: Home, name: str) -> str:
    """The name, when the catalog has it. Raises UnknownDeviceError."""
    return str(Devices(home).row(name)["thing_name"])


def run(given: Context, workflow: Workflow, requests: list[dict[str, Any]]) -> None:
    """Run one execution and show its steps, or many and count them. Raises WorkflowError when one failed."""
    if len(requests) > 1:
        run_many(given, workflow, requests)
        return
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        outcome = workflow.run(requests[0], show_steps)
    found = outcome.require()
    given.output.show(found, views.fields_table(found))
    note(f"{outcome.seconds:.2f} s")


def run_many(given: Context, workflow: Workflow, requests: list[dict[str, Any]]) -> None:
    """Run many executions, count them while they run. Raises WorkflowError when one failed."""
    ended: list[Outcome] = []

    with views.goes_on(GOES_ON), views.progress() as report:
        report.step(f"Running {len(requests)} executions")

        def done(outcome: Outcome) -> None:
            ended.append(outcome)
            report.line(f"{len(ended)} of {len(requests)}: {outcome.status} {outcome.output.get('thingName', '')}")

        outcomes = workflow.run_many(requests, done)
    found = plain(outcomes)
    given.output.show({"executions": found}, views.executions_table(found))
    note(views.summary(outcomes))
    failed = sum(outcome.status != "SUCCEEDED" for outcome in outcomes)
    if failed:
        raise WorkflowError(f"{failed} of {len(outcomes)} failed.")
