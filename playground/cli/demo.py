"""The command that gives a tour."""

import typer

from playground.cli.users import tell_first_user
from playground.line.context import context
from playground.show import views
from playground.show.messages import message_data, message_line
from playground.show.views import live_steps, out
from playground.stack.demo import Screen, run_demo

app = typer.Typer()


@app.command()
def demo(ctx: typer.Context) -> None:
    """A tour: provision a device, see its telemetry, change it through its shadow."""
    given = context(ctx)
    home = given.home_to_change()
    told = out if given.output.form == "table" else views.err
    screen = Screen(
        say=lambda text: told.print(text, markup=False),
        show=lambda message: given.output.stream(message_data(message), message_line(message)),
        steps=live_steps,
    )
    name = run_demo(home, screen)
    screen.say(f"\n{name} goes on. Look at it, change it, stop it:\n")
    for command in (
        f"watch {name}",
        f"set {name} status=on unit=imperial",
        f"show {name}",
        f"delete {name}",
    ):
        screen.say(f"  .venvs/bin/playground {command}")
    if home.kind == "local":
        screen.say("  make down")
        tell_first_user(home)
