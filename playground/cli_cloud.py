"""The commands that concern the local cloud, and what was left behind in either home."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Any

import typer

from playground import exit_codes, views
from playground.cli_context import Yes, context
from playground.cli_users import password_text
from playground.destroy import Demolition
from playground.devices import Devices
from playground.errors import NoStackError, NotUpError
from playground.homes import Home, find_home, local_home
from playground.listen_leftovers import sweep_listeners
from playground.local import cloud, stack
from playground.local.state import LocalState, secret_of
from playground.sam_local import function_variables, relay
from playground.shellenv import exports, shell_text
from playground.sweep import sweep
from playground.users import FIRST_USER, Users
from playground.views import note, say

app = typer.Typer()


@app.command()
def up(
    ctx: typer.Context,
    port: Annotated[int | None, typer.Option(help="Port of the AWS endpoint (4566).", min=1, max=65535)] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Port of MQTT over TLS (8883).", min=1, max=65535)] = None,
) -> None:
    """Start the local cloud, or bring it up to date with the sources."""
    given = context(ctx)
    with views.progress() as report:
        state = cloud.up(given.paths, cloud.UpOptions(port, mqtt_port, given.stack_name), report)
    first_password = Users(local_home(given.paths, state)).first()
    say(f"The playground is up: AWS at {state.endpoint}, MQTT at localhost:{state.mqtt_port}.\n\nNext:")
    say('  eval "$(.venvs/bin/playground env)"   aws, sam and playground use it, in this shell')
    say("  playground create                     provision a device")
    say("  playground token                      a token for the HTTP API; `playground api` is its URL")
    say("  playground down                       stop; what there is stays")
    if first_password:
        say("\nThe first user of the HTTP API: " + password_text(FIRST_USER, first_password))
    given.output.show(running(state))


@app.command()
def down(ctx: typer.Context) -> None:
    """Stop the local cloud; it remembers everything."""
    with views.progress() as report:
        was_up = cloud.down(context(ctx).paths, report)
    say("The playground is down; `playground up` brings it back." if was_up else "It was not up.")
    context(ctx).output.show({"was_up": was_up})


@app.command()
def reset(ctx: typer.Context, yes: Yes = False) -> None:  # noqa: FBT002
    """Stop the local cloud and forget everything in it."""
    paths = context(ctx).paths
    if not yes:
        typer.confirm("Remove every device and all data of the local cloud?", abort=True, err=True)
    with views.progress() as report:
        cloud.reset(paths, report)
    say("Forgotten.")


@app.command()
def status(ctx: typer.Context) -> None:
    """What runs, where, and how many devices there are."""
    given = context(ctx)
    state = LocalState.load(given.paths)
    found = running(state)
    if state.up:
        found |= stack_in(find_home(given.paths, given.stack_name, "local"))
    given.output.show(found, views.status_table(found))


def stack_in(home: Home) -> dict[str, Any]:
    """The stack and its devices; nothing when it is not deployed, which is said."""
    try:
        rows = [row for row in Devices(home).rows() if row.get("status") != "TERMINATED"]
    except NoStackError as error:
        note(str(error))
        return {}
    online = sum(row.get("status") == "ONLINE" for row in rows)
    return {"stack": home.stack_name, "devices": len(rows), "online": online}


def running(state: LocalState) -> dict[str, Any]:
    """What of the local cloud runs, and where."""
    return {
        "up": state.up,
        "endpoint": state.endpoint if state.up else None,
        "mqtt_port": state.mqtt_port if state.up else None,
        "agent": state.agent is not None and state.agent.alive(),
    }


@app.command()
def env(
    ctx: typer.Context,
    for_sam: Annotated[bool, typer.Option("--sam", help="The file for sam local invoke --env-vars.")] = False,  # noqa: FBT002
) -> None:
    """Print the exports that point any AWS tool at the local cloud: eval "$(playground env)"."""
    if for_sam:
        functions = function_variables(context(ctx).home())
        context(ctx).output.show(functions, json.dumps(functions, indent=2))
        return
    paths = context(ctx).paths
    state = LocalState.load(paths)
    if not state.up:
        raise NotUpError("The local cloud is not up: run `playground up`.")
    variables = exports(paths, state, secret_of(paths))
    context(ctx).output.show(variables, shell_text(variables))


@app.command("relay")
def run_relay(
    ctx: typer.Context,
    bind: Annotated[str, typer.Option(help="Address that containers reach; Docker's bridge on Linux.")] = "172.17.0.1",
) -> None:
    """Let containers reach the local cloud, until Ctrl-C: for `sam local invoke`."""
    state = LocalState.load(context(ctx).paths)
    if not state.up:
        raise NotUpError("The local cloud is not up: run `playground up`.")
    note(f"http://{bind}:{state.port} leads to the local cloud. Ctrl-C ends this.")
    with suppress(KeyboardInterrupt):
        asyncio.run(relay(bind, state.port, state.port))


@app.command("sweep")
def run_sweep(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")] = False,  # noqa: FBT002
    older_than: Annotated[int, typer.Option(help="Spare what has changed in these last seconds.", min=0)] = 300,
) -> None:
    """Remove what no workflow has removed: of executions that were aborted, of functions that were killed."""
    given = context(ctx)
    home = given.home()
    found = sweep(home, older_than, dry_run=dry_run) + sweep_listeners(given.paths, home, dry_run=dry_run)
    if not found:
        note("Nothing is there that should not be.")
    given.output.show({"findings": found}, views.swept_table(found) if found else None)
    if any(result.outcome == "failed" for result in found):
        raise typer.Exit(exit_codes.FAILED)


@app.command()
def destroy(ctx: typer.Context, yes: Yes = False) -> None:  # noqa: FBT002
    """Remove every device and the stack; call it again after an interruption."""
    given = context(ctx)
    home = given.home()
    if not yes:
        typer.confirm(
            f"Remove every device and the stack {home.stack_name} from the {home.label}?", abort=True, err=True
        )
    with views.progress() as report:
        demolition = Demolition(home, report, lambda: stack.delete(given.paths, home, report.line))
        left = demolition.run()
        if home.kind == "local":
            cloud.forget_stack(given.paths)
    say("This could not be removed:" if left else f"Gone: the stack {home.stack_name} and all that it made.")
    told = "\n".join(f"{one.what}: {one.why}" for one in left)
    given.output.show({"stack": home.stack_name, "left": left}, told or None)
    if left:
        raise typer.Exit(exit_codes.FAILED)
