"""The commands that confine a device, let it out, and show the whole story."""

from typing import Annotated

import typer

from playground import views
from playground.cli_context import Name, context
from playground.demo import Screen
from playground.drill import run_drill
from playground.errors import DrillError
from playground.quarantine import quarantine, release
from playground.views import live_steps, note, out, print_json

app = typer.Typer()


@app.command("quarantine")
def confine(
    ctx: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; it is kept and told.")],
) -> None:
    """Put a device into quarantine and show each step."""
    home = context(ctx).home()
    with live_steps() as show_steps:
        outcome = quarantine(home, name, reason, show_steps)
    print_json(outcome.require())
    note(f"{outcome.seconds:.2f} s")


@app.command("release")
def let_out(
    ctx: typer.Context,
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="By a new task: it need not help, nor be online.")] = False,  # noqa: FBT002
) -> None:
    """Let a device out of quarantine, with a new certificate, and show each step."""
    home = context(ctx).home()
    with live_steps() as show_steps:
        outcome = release(home, name, show_steps, force=force)
    print_json(outcome.require())
    note(f"{outcome.seconds:.2f} s")


@app.command()
def drill(ctx: typer.Context) -> None:
    """A rogue misbehaves, is found, confined and let out, while a bystander must not miss a message; 1 if it does."""
    screen = Screen(
        say=lambda text: out.print(text, markup=False),
        show=lambda message: out.print(views.message_text(message)),
        steps=live_steps,
    )
    missed = run_drill(context(ctx).home(), screen)
    if missed:
        raise DrillError(f"The bystander's messages {', '.join(map(str, missed))} never arrived.")
