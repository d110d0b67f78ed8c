"""The commands that put a device into quarantine, release it, and rehearse both."""

from typing import Annotated

import typer

from playground.cli.lifecycle import GOES_ON
from playground.devices.executions import Outcome
from playground.errors import DrillError
from playground.line.context import Context, Name, context
from playground.security.drill import run_drill
from playground.security.quarantine import quarantine, release
from playground.show import views
from playground.show.messages import message_data, message_line
from playground.show.views import live_steps, note
from playground.stack.demo import Screen

app = typer.Typer()


@app.command("quarantine")
def confine(
    ctx: typer.Context,
    name: Name,
    reason: Annotated[
        str, typer.Option(help="Why. It is stored with the device and sent with the notification.")
    ],
) -> None:
    """Put a device into quarantine and show each step."""
    given = context(ctx)
    home = given.home_to_change()
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        outcome = quarantine(home, name, reason, show_steps)
    tell(given, outcome)


@app.command("release")
def let_out(
    ctx: typer.Context,
    name: Name,
    force: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--force",
            help="Start a new task with a new certificate; the device need not be online.",
        ),
    ] = False,
) -> None:
    """Release a device from quarantine with a new certificate, and show each step."""
    given = context(ctx)
    home = given.home_to_change()
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        outcome = release(home, name, show_steps, force=force)
    tell(given, outcome)


@app.command()
def drill(ctx: typer.Context) -> None:
    """Run a security exercise: a rogue misbehaves, is found, quarantined and released.

    A healthy device beside it, the canary, must not lose a message; if it does the exit code is 1.
    """
    given = context(ctx)
    told = views.out if given.output.form == "table" else views.err
    screen = Screen(
        say=lambda text: told.print(text, markup=False),
        show=lambda message: given.output.stream(message_data(message), message_line(message)),
        steps=live_steps,
    )
    missed = run_drill(given.home_to_change(), screen)
    if missed:
        raise DrillError(f"These messages of the canary were lost: {', '.join(map(str, missed))}.")


def tell(given: Context, outcome: Outcome) -> None:
    """Show the output of the workflow. Raises WorkflowError when it failed."""
    found = outcome.require()
    given.output.show(found, views.outcome_table(found))
    note(f"{outcome.seconds:.2f} s")
