"""The commands that confine a device, let it out, and show the whole story."""

from typing import Annotated

import typer

from playground import views
from playground.cli_context import Context, Name, context
from playground.cli_devices import GOES_ON
from playground.demo import Screen
from playground.drill import run_drill
from playground.errors import DrillError
from playground.message_views import message_data, message_text
from playground.quarantine import quarantine, release
from playground.views import live_steps, note
from playground.workflows import Outcome

app = typer.Typer()


@app.command("quarantine")
def confine(
    ctx: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; it is kept and told.")],
) -> None:
    """Put a device into quarantine and show each step."""
    given = context(ctx)
    home = given.home()
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        outcome = quarantine(home, name, reason, show_steps)
    tell(given, outcome)


@app.command("release")
def let_out(
    ctx: typer.Context,
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="By a new task: it need not help, nor be online.")] = False,  # noqa: FBT002
) -> None:
    """Let a device out of quarantine, with a new certificate, and show each step."""
    given = context(ctx)
    home = given.home()
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        outcome = release(home, name, show_steps, force=force)
    tell(given, outcome)


@app.command()
def drill(ctx: typer.Context) -> None:
    """A rogue misbehaves, is found, confined and let out, while a bystander must not miss a message; 1 if it does."""
    given = context(ctx)
    told = views.out if given.output.form == "table" else views.err
    screen = Screen(
        say=lambda text: told.print(text, markup=False),
        show=lambda message: given.output.stream(message_data(message), message_text(message)),
        steps=live_steps,
    )
    missed = run_drill(given.home(), screen)
    if missed:
        raise DrillError(f"The bystander's messages {', '.join(map(str, missed))} never arrived.")


def tell(given: Context, outcome: Outcome) -> None:
    """What the workflow gave. Raises WorkflowError when it failed."""
    found = outcome.require()
    given.output.show(found, views.fields_table(found))
    note(f"{outcome.seconds:.2f} s")
