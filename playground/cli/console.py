"""The command that shows the stack in a browser."""

from typing import Annotated

import typer

from playground.errors import ConsoleError, UsageError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.home.state import CONSOLE_PORT, HOST, LocalState
from playground.line import completing
from playground.line.context import Context, context
from playground.local import ports
from playground.show import views
from playground.show.views import note, say
from playground.web import starting
from playground.web.building import Builder
from playground.web.opening import has_screen, open_browser, path_of, sign_in_url

app = typer.Typer()


@app.command()
def console(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Thing name: begin with this device.",
            metavar="NAME",
            autocompletion=completing.thing_names,
        ),
    ] = None,
    no_browser: Annotated[  # noqa: FBT002
        bool, typer.Option("--no-browser", help="Only print the URL.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(help="AWS only: port of this machine (4570).", min=1, max=65535),
    ] = None,
    upload: Annotated[  # noqa: FBT002
        bool, typer.Option("--upload", help="AWS only: put the page where the stack hosts it.")
    ] = False,
) -> None:
    """See the stack in a browser: devices, shadows, workflows, messages, and why.

    The URL signs in, once, within a minute. For a stack on AWS the console is served from here,
    until Ctrl-C.
    """
    given = context(ctx)
    home = given.home_to_change()
    if home.kind == "local":
        if upload:
            raise UsageError("--upload is for a stack on AWS that hosts its console.")
        state = LocalState.load(given.paths)
        _show(given, local_url(given.paths, state, name), no_browser=no_browser)
    elif upload:
        _upload(given, home)
    else:
        _serve(given, home, name, port, no_browser=no_browser)


def local_url(paths: Paths, state: LocalState, name: str | None = None) -> str:
    """The URL that signs in at the console of the local cloud. Raises ConsoleError."""
    origin = state.console_url
    if origin is None:
        how = " --console-port 4570" if not state.console_port else ""
        raise ConsoleError(
            f"The console does not run: run `playground up{how}`, which says why if it can't."
        )
    return sign_in_url(origin, starting.kept_key(paths), path_of(name))


def _show(given: Context, url: str, *, no_browser: bool) -> None:
    given.output.show({"url": url}, url)
    if not no_browser and has_screen() and not open_browser(given.paths, url):
        note("There is no browser to open it.")


def _upload(given: Context, home: Home) -> None:
    from playground.web.uploading import upload  # noqa: PLC0415 - as below

    with views.progress() as report:
        report.step("Building and uploading the console")
        url = upload(given.paths, home)
    given.output.show({"url": url}, url)


def _serve(
    given: Context, home: Home, name: str | None, port: int | None, *, no_browser: bool
) -> None:
    chosen = ports.choose(port, ports.CONSOLE_PORT_VARIABLE, CONSOLE_PORT)
    ports.require_free(chosen, "--port", command="console")
    with views.progress() as report:
        report.step("Building the console")
        Builder(given.paths).build()

    def ready(key: bytes) -> None:
        url = sign_in_url(f"http://{HOST}:{chosen}", key, path_of(name))
        _show(given, url, no_browser=no_browser)
        say("Ctrl-C ends the console, and removes the user that it signs in as.")

    from playground.web import foreground  # noqa: PLC0415 - loads a whole HTTP server

    foreground.serve(given.paths, home, chosen, ready)
