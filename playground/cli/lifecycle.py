"""The commands that make, restart and remove devices: each runs a workflow."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from playground.base.plain import plain
from playground.devices import models
from playground.devices.devices import Devices
from playground.devices.executions import Outcome
from playground.devices.workflows import DEPROVISION, PROVISION, RESTART, Workflow
from playground.errors import UsageError, WorkflowError
from playground.home.homes import Home
from playground.line import completing, typed
from playground.line.context import Context, Names, context
from playground.line.joining import Joining, join, own_request
from playground.line.signing import is_signed_here, run_signed
from playground.local.capacity import require_room
from playground.show import views
from playground.show.views import live_steps, note

app = typer.Typer()

MOST_AT_ONCE = 10_000
"""Executions that one call starts."""

GOES_ON = "The workflow goes on; `playground list` shows its result."


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a parameter is an option
    ctx: typer.Context,
    thing_name: Annotated[
        str | None,
        typer.Argument(help="Thing name, for one device; made up when left out.", metavar="NAME"),
    ] = None,
    device_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            help="A type that `playground models` lists; generic when left out.",
            autocompletion=completing.device_types,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Another way to give the name.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="Thing attribute, KEY=VALUE; can be repeated.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=MOST_AT_ONCE, help="How many.")] = 1,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Model file instead of the type's own; - is standard input.", metavar="FILE"
        ),
    ] = None,
    method: Annotated[
        Literal["keys", "csr", "claim", "claim-csr", "trusted-user", "jitr"] | None,
        typer.Option(
            help="How it gets its first certificate: keys (when left out), AWS IoT makes the key; "
            "csr, the device does; claim and trusted-user, by fleet provisioning, with a claim "
            "certificate that devices share, or with one of its own; claim-csr, as claim, and the "
            "device makes the key; jitr, your own authority signs it, and AWS IoT asks when it "
            "first connects."
        ),
    ] = None,
    identity: Annotated[
        Literal["keys", "csr", "claim", "claim-csr", "trusted-user", "jitr"] | None,
        typer.Option(help="Another name of --method."),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            help="The batch that it is of: it gets a certificate only if the list of serial "
            "numbers has its name for that (`playground serials`). For the methods with a claim.",
            metavar="BATCH",
        ),
    ] = None,
    ttl: Annotated[
        str | None,
        typer.Option(help="How long it is to be there: 45m, 2h, 7d. Then the stack removes it."),
    ] = None,
    hosting: Annotated[
        Literal["task", "shared"] | None,
        typer.Option(
            help="Where it runs: in a task of its own (when left out), or with others in the task "
            "of a host."
        ),
    ] = None,
    own: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--own",
            help="A device of your own, which is not virtual: writes the files that it connects "
            "with, and waits until it has.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="With --own: the folder of the files; one with the device's name when left out.",
            metavar="DIR",
        ),
    ] = None,
    csr: Annotated[
        Path | None,
        typer.Option(
            help="With --own: its signing request in PEM, so that its key never leaves it; - is "
            "standard input.",
            metavar="FILE",
        ),
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="With --own: wait until it has connected, or only until its files are there. The "
            "workflow waits a day.",
        ),
    ] = None,
) -> None:
    """Provision a device and show each step."""
    if not own and (out, csr, wait) != (None, None, None):
        raise UsageError("--out, --csr and --wait are for --own.")
    if name is not None and thing_name is not None and name != thing_name:
        raise UsageError(f"Two names are given, {thing_name} and {name}: leave out --name.")
    name = name if thing_name is None else thing_name
    if name is not None and count > 1:
        raise UsageError("A name is for one device: leave out the name or --count.")
    named = {
        "deviceType": device_type,
        "thingName": name,
        "method": method,
        "identity": identity,
        "batch": batch,
        "ttl": ttl,
        "hosting": hosting,
    }
    request: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if device_type:
        models.known(context(ctx).paths, device_type)
    if attribute:
        request["attributes"] = typed.attributes_of(attribute)
    if model:
        request["model"] = models.checked(context(ctx).paths, model)
    if own:
        join(context(ctx), own_request(request, count), Joining(out, csr, wait=wait is not False))
        return
    request = typed.wish_of(request)
    given = context(ctx)
    home = given.home_to_change()
    require_room(given.paths, home, count)
    if is_signed_here(request):
        if count > 1:
            raise UsageError("--method jitr is for one device at a time: leave out --count.")
        run_signed(given, home, request)
        return
    run(given, Workflow(home, PROVISION), [request] * count)


@app.command()
def restart(ctx: typer.Context, names: Names) -> None:
    """Restart devices with a new task and a new certificate, also one that has failed or is
    stopped; shows each step.
    """
    given = context(ctx)
    home = given.home_to_change()
    run(given, Workflow(home, RESTART), [{"thingName": known(home, name)} for name in names])


@app.command()
def stop(ctx: typer.Context, names: Names) -> None:
    """Stop devices: no task any more, and no cost; thing and shadow stay. `restart` brings them
    back.
    """
    given = context(ctx)
    home = given.home_to_change()
    requests = [{"thingName": known(home, name), "stop": True} for name in names]
    run(given, Workflow(home, RESTART), requests)


@app.command()
def delete(ctx: typer.Context, names: Names) -> None:
    """Delete devices: task, certificate, shadow and thing; shows each step."""
    given = context(ctx)
    home = given.home_to_change()
    run(given, Workflow(home, DEPROVISION), [{"thingName": known(home, name)} for name in names])


def known(home: Home, name: str) -> str:
    """The name, when the catalog has it. Raises UnknownDeviceError."""
    return str(Devices(home).row(name)["thing_name"])


def run(given: Context, workflow: Workflow, requests: list[dict[str, Any]]) -> None:
    """Run one execution and show its steps, or many and count them. Raises WorkflowError when one
    failed.
    """
    if len(requests) > 1:
        run_many(given, workflow, requests)
        return
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        outcome = workflow.run(requests[0], show_steps)
    found = outcome.require()
    given.output.show(found, views.outcome_table(found))
    note(f"{outcome.seconds:.2f} s")


def run_many(given: Context, workflow: Workflow, requests: list[dict[str, Any]]) -> None:
    """Run many executions, count them while they run. Raises WorkflowError when one failed."""
    ended: list[Outcome] = []

    with views.goes_on(GOES_ON), views.progress() as report:
        report.step(f"Running {len(requests)} executions")

        def done(outcome: Outcome) -> None:
            ended.append(outcome)
            report.line(
                f"{len(ended)} of {len(requests)}: {outcome.status} "
                f"{outcome.output.get('thingName', '')}"
            )

        outcomes = workflow.run_many(requests, done)
    found = plain(outcomes)
    given.output.show({"executions": found}, views.executions_table(found))
    note(views.summary(outcomes))
    failed = sum(outcome.status != "SUCCEEDED" for outcome in outcomes)
    if failed:
        raise WorkflowError(f"{failed} of {len(outcomes)} failed.")
