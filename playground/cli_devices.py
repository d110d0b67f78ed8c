"""The commands that make, show, change and remove devices."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from playground import models, views
from playground.cli_context import AsJson, Name, context
from playground.demo import Screen, run_demo
from playground.devices import Devices, parse_attributes, parse_settings
from playground.errors import SettingError, WorkflowError
from playground.views import live_steps, note, out, print_json
from playground.workflows import DEPROVISION, PROVISION, RESTART, Outcome, Workflow

app = typer.Typer()


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a parameter is an option
    ctx: typer.Context,
    device_type: Annotated[str | None, typer.Option("--type", help="A name of `playground models`; generic.")] = None,
    name: Annotated[str | None, typer.Option(help="Thing name; made up when left out.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="Thing attribute, KEY=VALUE; can be repeated.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    model: Annotated[Path | None, typer.Option(help="Model file instead of the type's own.", metavar="FILE")] = None,
    identity: Annotated[str | None, typer.Option(help="keys, or csr: the device makes its own key.")] = None,
) -> None:
    """Provision a device and show each step."""
    if name and count > 1:
        raise SettingError("A name is for one device: leave out --name or --count.")
    request: dict[str, Any] = {"deviceType": device_type, "thingName": name, "identity": identity}
    request = {key: value for key, value in request.items() if value}
    if attribute:
        request["attributes"] = parse_attributes(attribute)
    if model:
        request["model"] = models.checked(context(ctx).paths, model)
    workflow = Workflow(context(ctx).home(), PROVISION)
    if count > 1:
        run_many(workflow, [request] * count)
        return
    with live_steps() as show:
        outcome = workflow.run(request, show)
    print_json(outcome.require())
    note(f"{outcome.seconds:.2f} s")


@app.command("models")
def show_models(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A device type: print its model file.", metavar="[NAME]")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the models that devices come with, each with a sample of its telemetry."""
    paths = context(ctx).paths
    if name:
        typer.echo(models.text_of(paths, name), nl=False)
        return
    found = models.bundled(paths)
    print_json([asdict(model) for model in found]) if as_json else out.print(views.models_text(found))


@app.command("list")
def list_devices(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were deleted.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the devices of the catalog."""
    rows = [row for row in Devices(context(ctx).home()).rows() if everything or row.get("status") != "TERMINATED"]
    if as_json:
        print_json(rows)
    elif rows:
        out.print(views.devices_table(rows))
    else:
        note("No devices yet: `playground create` makes one.")


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show one device: catalog row, certificate and shadow."""
    devices = Devices(context(ctx).home())
    row = dict(devices.row(name))
    if certificate := row.get("certificate_id"):
        row["certificate_status"] = devices.certificate_status(str(certificate))
    state = devices.shadow(name).get("state", {})
    if as_json:
        print_json({"catalog": row, "shadow": state})
        return
    out.print(views.fields_table(row))
    for part in ("desired", "reported", "delta"):
        if part in state:
            out.print(f"\n[bold]{part}[/]")
            out.print(views.fields_table(state[part]))


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_settings(
    ctx: typer.Context,
    name: Name,
    settings: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="VALUE is JSON, or text.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the device's answer.")] = 10.0,
) -> None:
    """Change settings through the device's shadow, and wait for its answer."""
    wanted = parse_settings(settings)
    devices = Devices(context(ctx).home())
    online = devices.row(name).get("status") == "ONLINE"
    devices.desire(name, wanted)
    if not online:
        out.print(f"{escape(name)} is not online: it takes this when it comes back.")
        return
    answers = devices.wait_answers(name, wanted, timeout)
    for answer in answers:
        out.print(views.answer_text(answer))
    if any(answer.result == "pending" for answer in answers):
        raise SettingError(f"{name} has not answered within {timeout:g} s; it takes the change when it can.")
    if any(answer.result == "rejected" for answer in answers):
        raise typer.Exit(1)


@app.command()
def restart(ctx: typer.Context, name: Name) -> None:
    """Give a device a new task and a new certificate, also one that was given up, and show each step."""
    home = context(ctx).home()
    Devices(home).row(name)
    with live_steps() as show_steps:
        outcome = Workflow(home, RESTART).run({"thingName": name}, show_steps)
    print_json(outcome.require())
    note(f"{outcome.seconds:.2f} s")


@app.command()
def delete(ctx: typer.Context, names: Annotated[list[str], typer.Argument(metavar="NAME...")]) -> None:
    """Retire devices and show each step."""
    home = context(ctx).home()
    workflow = Workflow(home, DEPROVISION)
    for name in names:
        Devices(home).row(name)
    if len(names) > 1:
        run_many(workflow, [{"thingName": name} for name in names])
        return
    with live_steps() as show_steps:
        outcome = workflow.run({"thingName": names[0]}, show_steps)
    outcome.require()
    out.print(f"{escape(names[0])} is gone.")


@app.command()
def demo(ctx: typer.Context) -> None:
    """A tour: provision a device, see its telemetry, change it through its shadow."""
    home = context(ctx).home()
    screen = Screen(
        say=lambda text: out.print(text, markup=False),
        show=lambda message: out.print(views.message_text(message)),
        steps=live_steps,
    )
    name = run_demo(home, screen)
    out.print(f"\n{name} goes on. Look at it, change it, stop it:\n", markup=False)
    for command in (f"watch {name}", f"set {name} status=on unit=imperial", f"show {name}", f"delete {name}"):
        out.print(f"  .venvs/bin/playground {command}", markup=False)
    if home.kind == "local":
        out.print("  make down", markup=False)


def run_many(workflow: Workflow, requests: list[dict[str, Any]]) -> None:
    """Run many executions with a line each, then a summary. Raises WorkflowError when one failed."""

    def done(outcome: Outcome) -> None:
        name = outcome.output.get("thingName", "")
        text = f"{outcome.error}: {outcome.cause}" if outcome.error or outcome.cause else f"{name}"
        out.print(f"{outcome.status} {text} {outcome.seconds:.2f} s", markup=False)

    outcomes = workflow.run_many(requests, done)
    note(views.summary(outcomes))
    failed = sum(outcome.status != "SUCCEEDED" for outcome in outcomes)
    if failed:
        raise WorkflowError(f"{failed} of {len(outcomes)} failed.")
