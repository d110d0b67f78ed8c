"""The command that gives a tour."""

import sys

import typer

from playground.cli.console import local_url
from playground.cli.users import tell_first_user
from playground.errors import ConsoleError
from playground.home.homes import Home
from playground.home.state import LocalState
from playground.line.context import Context, context
from playground.local import console
from playground.show import views
from playground.show.messages import message_data, message_line
from playground.show.views import live_steps, note, out, say
from playground.stack.demo import Screen, run_demo
from playground.web.opening import has_screen, open_browser

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
    # The console starts beside the tour, as soon as its page is built.
    beside = console.Finishing(given.paths) if home.kind == "local" else None
    name = run_demo(home, screen)
    _tell_what_next(screen, home, name)
    if beside is not None:
        with views.progress() as report:
            beside.wait(report)
        _show_in_browser(given, name)


def _tell_what_next(screen: Screen, home: Home, name: str) -> None:
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


def _show_in_browser(given: Context, name: str) -> None:
    """The tour goes on in the console, where there is one."""
    try:
        url = local_url(given.paths, LocalState.load(given.paths), name)
    except ConsoleError as error:
        note(str(error))
        return
    say(f"\nSee it in the browser; this link signs in, once, within a minute:\n\n  {url}\n")
    say(f"`.venvs/bin/playground console {name}` gives another one.")
    if has_screen() and sys.stderr.isatty():
        open_browser(given.paths, url)
