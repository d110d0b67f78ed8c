"""The commands that concern the local cloud, and what was left behind in either home."""

import asyncio
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

import typer

from playground import views
from playground.cli_context import AsJson, context
from playground.cli_users import password_text
from playground.destroy import Demolition
from playground.devices import Devices
from playground.errors import NotUpError
from playground.homes import find_home, local_home
from playground.local import cloud, stack
from playground.local.state import LocalState, secret_of
from playground.sam_local import function_variables, relay
from playground.shellenv import exports, shell_text
from playground.sweep import sweep
from playground.users import FIRST_USER, Users
from playground.views import note, out, print_json

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
    out.print(f"The playground is up: AWS at {state.endpoint}, MQTT at localhost:{state.mqtt_port}.\n\nNext:")
    out.print('  eval "$(.venvs/bin/playground env)"   aws, sam and playground use it, in this shell', markup=False)
    out.print("  playground create                     provision a device")
    out.print("  playground token                      a token for the HTTP API; `playground api` is its URL")
    out.print("  playground down                       stop; what there is stays")
    if first_password:
        out.print("\nThe first user of the HTTP API: " + password_text(FIRST_USER, first_password), markup=False)


@app.command()
def down(ctx: typer.Context) -> None:
    """Stop the local cloud; it remembers everything."""
    with views.progress() as report:
        was_up = cloud.down(context(ctx).paths, report)
    out.print("The playground is down; `playground up` brings it back." if was_up else "It was not up.")


@app.command()
def reset(ctx: typer.Context, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:  # noqa: FBT002
    """Stop the local cloud and forget everything in it."""
    paths = context(ctx).paths
    if not yes:
        typer.confirm("Remove every device and all data of the local cloud?", abort=True)
    with views.progress() as report:
        cloud.reset(paths, report)
    out.print("Forgotten.")


@app.command()
def status(ctx: typer.Context, as_json: AsJson = False) -> None:  # noqa: FBT002
    """What runs, where, and how many devices there are."""
    given = context(ctx)
    state = LocalState.load(given.paths)
    fields: dict[str, Any] = {
        "emulator": f"up, {state.endpoint}" if state.up else "down",
        "mqtt": f"localhost:{state.mqtt_port}" if state.up else "down",
        "agent": "up" if state.agent is not None and state.agent.alive() else "down",
    }
    if state.up:
        home = find_home(given.paths, given.stack_name, "local")
        rows = [row for row in Devices(home).rows() if row.get("status") != "TERMINATED"]
        fields |= {
            "stack": home.stack_name,
            "devices": len(rows),
            "online": sum(row.get("status") == "ONLINE" for row in rows),
        }
    print_json(fields) if as_json else out.print(views.fields_table(fields))


@app.command()
def env(
    ctx: typer.Context,
    as_json: AsJson = False,  # noqa: FBT002
    for_sam: Annotated[bool, typer.Option("--sam", help="The file for sam local invoke --env-vars.")] = False,  # noqa: FBT002
) -> None:
    """Print the exports that point any AWS tool at the local cloud: eval "$(playground env)"."""
    if for_sam:
        print_json(function_variables(context(ctx).home()))
        return
    paths = context(ctx).paths
    state = LocalState.load(paths)
    if not state.up:
        raise NotUpError("The local cloud is not up: run `playground up`.")
    variables = exports(paths, state, secret_of(paths))
    print_json(variables) if as_json else typer.echo(shell_text(variables))


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
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Remove what no workflow has removed: of executions that were aborted, of functions that were killed."""
    found = sweep(context(ctx).home(), older_than, dry_run=dry_run)
    if as_json:
        print_json([asdict(result) for result in found])
    elif found:
        out.print(views.swept_table(found))
    else:
        note("Nothing is there that should not be.")
    if any(result.outcome == "failed" for result in found):
        raise typer.Exit(1)


@app.command()
def destroy(ctx: typer.Context, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:  # noqa: FBT002
    """Remove every device and the stack; call it again after an interruption."""
    given = context(ctx)
    home = given.home()
    if not yes:
        typer.confirm(f"Remove every device and the stack {home.stack_name} from the {home.label}?", abort=True)
    with views.progress() as report:
        demolition = Demolition(home, report, lambda: stack.delete(given.paths, home, report.line))
        left = demolition.run()
        if home.kind == "local":
            cloud.forget_stack(given.paths)
    if not left:
        out.print(f"Gone: the stack {home.stack_name} and all that it made.", markup=False)
        return
    out.print("This could not be removed:\n")
    for one in left:
        out.print(f"{one.what}: {one.why}", markup=False)
    raise typer.Exit(1)
