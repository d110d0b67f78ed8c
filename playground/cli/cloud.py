"""The commands that start and stop the local cloud, and those that remove all there is."""

from typing import Annotated

import typer

from playground import exit_codes
from playground.cli.status import running
from playground.cli.users import tell_first_user
from playground.home.homes import local_home
from playground.home.state import HOST
from playground.line.context import Yes, context
from playground.local import cloud, stack
from playground.show import views
from playground.show.views import say
from playground.stack.destroy import Demolition

app = typer.Typer()


@app.command()
def up(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="Port of the AWS endpoint (4566).", min=1, max=65535)
    ] = None,
    mqtt_port: Annotated[
        int | None, typer.Option(help="Port of MQTT over TLS (8883).", min=1, max=65535)
    ] = None,
    console_port: Annotated[
        int | None,
        typer.Option(help="Port of the console (4570); 0 for no console.", min=0, max=65535),
    ] = None,
    for_demo: Annotated[  # noqa: FBT002
        bool, typer.Option("--for-demo", hidden=True, help="The demo tells the rest.")
    ] = False,
) -> None:
    """Start the local cloud, or bring it up to date with the sources."""
    given = context(ctx)
    with views.progress() as report:
        state = cloud.up(
            given.paths,
            cloud.UpOptions(port, mqtt_port, given.stack_name, console_port, for_demo),
            report,
        )
    say(
        f"The playground is up: AWS at {state.endpoint}, MQTT at {HOST}:{state.mqtt_port}.\n\nNext:"
    )
    say(
        '  eval "$(.venvs/bin/playground env)"   point aws, sam and playground at it, in this shell'
    )
    if state.console_url:
        say("  playground console                    see it in the browser")
    say("  playground create                     provision a device")
    say(
        "  playground token                      a token for the HTTP API; `playground "
        "api` is its URL"
    )
    say("  playground down                       stop; devices and data are kept")
    given.output.show(running(state))
    if not for_demo:
        tell_first_user(local_home(given.paths, state))


@app.command()
def down(ctx: typer.Context) -> None:
    """Stop the local cloud; devices and data are kept."""
    with views.progress() as report:
        done = cloud.down(context(ctx).paths, report)
    if done.lost:
        say(f"The playground is down. {done.lost}")
    else:
        say(
            "The playground is down; `playground up` brings it back."
            if done.was_up
            else "It was not up."
        )
    context(ctx).output.show({"was_up": done.was_up, "lost": done.lost or None})
    if done.lost:
        raise typer.Exit(exit_codes.FAILED)


@app.command()
def reset(ctx: typer.Context, yes: Yes = False) -> None:  # noqa: FBT002
    """Stop the local cloud and delete everything in it."""
    paths = context(ctx).paths
    if not yes:
        typer.confirm("Remove every device and all data of the local cloud?", abort=True, err=True)
    with views.progress() as report:
        done = cloud.reset(paths, report)
    for path in done.foreign:
        say(f"{path} does not belong to the playground and was not removed.")
    for one in done.left:
        say(f"{one.path} is still there: {one.why}.")
    if done.left:
        say("Not everything was removed.")
        raise typer.Exit(exit_codes.FAILED)
    say("Forgotten.")


@app.command()
def destroy(ctx: typer.Context, yes: Yes = False) -> None:  # noqa: FBT002
    """Remove every device and the stack; call it again after an interruption."""
    given = context(ctx)
    home = given.home_to_change()
    if not yes:
        typer.confirm(
            f"Remove every device and the stack {home.stack_name} from the {home.label}?",
            abort=True,
            err=True,
        )
    with views.progress() as report:
        demolition = Demolition(home, report, lambda: stack.delete(given.paths, home, report.line))
        left = demolition.run()
        if home.kind == "local":
            cloud.forget_stack(given.paths)
    say(
        "This could not be removed:"
        if left
        else f"Removed: the stack {home.stack_name} and everything that it made."
    )
    told = "\n".join(f"{one.what}: {one.why}" for one in left)
    given.output.show({"stack": home.stack_name, "left": left}, told or None)
    if left:
        raise typer.Exit(exit_codes.FAILED)
