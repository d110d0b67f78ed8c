"""The `playground` command: thin commands over plain functions."""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.markup import escape
from typer.core import TyperGroup

from playground import models, views
from playground.commands import ask
from playground.demo import Screen, run_demo
from playground.destroy import Demolition
from playground.devices import Devices, parse_attributes, parse_settings
from playground.errors import NotUpError, PlaygroundError, SettingError, WorkflowError
from playground.homes import Choice, Home, find_home
from playground.local import cloud, stack
from playground.local.state import LocalState, secret_of
from playground.paths import Paths
from playground.sam_local import function_variables, relay
from playground.shellenv import exports, shell_text
from playground.sweep import sweep
from playground.views import err, live_steps, note, out, print_json
from playground.watch import watching
from playground.workflows import DEPROVISION, PROVISION, Outcome, Workflow


class OneSentenceGroup(TyperGroup):
    """Turns an error into one sentence and exit code 1; with --debug the traceback comes through."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (PlaygroundError, BotoCoreError, ClientError) as error:
            if ctx.params.get("debug"):
                raise
            err.print(f"[red]{escape(sentence(error))}[/]")
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def sentence(error: Exception) -> str:
    """What to tell about an error."""
    if isinstance(error, EndpointConnectionError):
        return f"{error} Run `playground up`, or unset AWS_ENDPOINT_URL if it points at a local cloud that is down."
    return str(error)


app = typer.Typer(
    cls=OneSentenceGroup, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


@dataclass(frozen=True)
class Context:
    """The global options."""

    choice: Choice
    stack_name: str | None
    paths: Paths

    def home(self) -> Home:
        """The home in use, which is said on stderr."""
        home = find_home(self.paths, self.stack_name, self.choice)
        note(home.label)
        return home


def context(ctx: typer.Context) -> Context:
    """The global options of this call."""
    found = ctx.obj
    if not isinstance(found, Context):
        raise TypeError(found)
    return found


Name = Annotated[str, typer.Argument(help="Thing name.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def options(
    ctx: typer.Context,
    home: Annotated[str, typer.Option(envvar="PLAYGROUND_HOME", help="auto, local or aws.")] = "auto",
    stack: Annotated[str | None, typer.Option(envvar="PLAYGROUND_STACK", help="Stack name.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,  # noqa: ARG001, FBT002
) -> None:
    """An AWS IoT account to play in, on this machine or in AWS."""
    if home not in ("auto", "local", "aws"):
        raise typer.BadParameter(f"{home} is not auto, local or aws", param_hint="--home")
    ctx.obj = Context(home, stack, Paths.here())  # type: ignore[arg-type]


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
    out.print(f"The playground is up: AWS at {state.endpoint}, MQTT at localhost:{state.mqtt_port}.\n\nNext:")
    out.print('  eval "$(.venvs/bin/playground env)"   aws, sam and playground use it, in this shell', markup=False)
    out.print("  playground create                     provision a device")
    out.print("  playground down                       stop; what there is stays")


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


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a parameter is an option
    ctx: typer.Context,
    device_type: Annotated[str | None, typer.Option("--type", help="A name of `playground models`; generic.")] = None,
    name: Annotated[str | None, typer.Option(help="Thing name; made up when left out.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="Thing attribute, KEY=VALUE; can be repeated.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    model: Annotated[Path | None, typer.Option(help="Model file instead of the type's own.", metavar="FILE")] = None,
) -> None:
    """Provision a device and show each step."""
    if name and count > 1:
        raise SettingError("A name is for one device: leave out --name or --count.")
    request: dict[str, Any] = {"deviceType": device_type, "thingName": name}
    request = {key: value for key, value in request.items() if value}
    if attribute:
        request["attributes"] = parse_attributes(attribute)
    if model:
        request["model"] = models.checked(context(ctx).paths, model)
    workflow = Workflow(context(ctx).home(), PROVISION)
    if count > 1:
        run_many(workflow, [request] * count)
        return
    with live_steps() as show:
        outcome = workflow.run(request, show)
    print_json(outcome.require())
    note(f"{outcome.seconds:.2f} s")


@app.command("models")
def show_models(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="A device type: print its model file.", metavar="[NAME]")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the models that devices come with, each with a sample of its telemetry."""
    paths = context(ctx).paths
    if name:
        typer.echo(models.text_of(paths, name), nl=False)
        return
    found = models.bundled(paths)
    print_json([asdict(model) for model in found]) if as_json else out.print(views.models_text(found))


@app.command("list")
def list_devices(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were deleted.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the devices of the catalog."""
    rows = [row for row in Devices(context(ctx).home()).rows() if everything or row.get("status") != "TERMINATED"]
    if as_json:
        print_json(rows)
    elif rows:
        out.print(views.devices_table(rows))
    else:
        note("No devices yet: `playground create` makes one.")


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Show one device: catalog row, certificate and shadow."""
    devices = Devices(context(ctx).home())
    row = dict(devices.row(name))
    if certificate := row.get("certificate_id"):
        row["certificate_status"] = devices.certificate_status(str(certificate))
    state = devices.shadow(name).get("state", {})
    if as_json:
        print_json({"catalog": row, "shadow": state})
        return
    out.print(views.fields_table(row))
    for part in ("desired", "reported", "delta"):
        if part in state:
            out.print(f"\n[bold]{part}[/]")
            out.print(views.fields_table(state[part]))


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_settings(
    ctx: typer.Context,
    name: Name,
    settings: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="VALUE is JSON, or text.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the device's answer.")] = 10.0,
) -> None:
    """Change settings through the device's shadow, and wait for its answer."""
    wanted = parse_settings(settings)
    devices = Devices(context(ctx).home())
    online = devices.row(name).get("status") == "ONLINE"
    devices.desire(name, wanted)
    if not online:
        out.print(f"{escape(name)} is not online: it takes this when it comes back.")
        return
    answers = devices.wait_answers(name, wanted, timeout)
    for answer in answers:
        out.print(views.answer_text(answer))
    if any(answer.result == "pending" for answer in answers):
        raise SettingError(f"{name} has not answered within {timeout:g} s; it takes the change when it can.")
    if any(answer.result == "rejected" for answer in answers):
        raise typer.Exit(1)


@app.command("command", context_settings={"ignore_unknown_options": True})
def give_command(  # noqa: PLR0913, PLR0917 - arguments and options
    ctx: typer.Context,
    name: Name,
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="`help` lists those that the device knows.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE...]", help="VALUE is JSON, or text.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the device's reply.", min=0.1)] = 15.0,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Give a device a command over MQTT, and wait for its reply."""
    reply = ask(context(ctx).home(), name, command, parse_settings(arguments or []), timeout)
    if as_json:
        print_json(asdict(reply))
    elif command == "help" and reply.accepted:
        out.print(views.commands_table(reply.result))
    else:
        out.print(views.reply_text(reply))
        if reply.result:
            out.print(views.fields_table(reply.result))
    if not reply.accepted:
        raise typer.Exit(1)


@app.command()
def watch(ctx: typer.Context, name: Name) -> None:
    """Show what a device says and is told, until Ctrl-C."""
    home = context(ctx).home()
    Devices(home).row(name)
    with watching(home, name) as watcher:
        note("Ctrl-C ends this.")
        for message in watcher.messages():
            out.print(views.message_text(message))


@app.command()
def delete(ctx: typer.Context, names: Annotated[list[str], typer.Argument(metavar="NAME...")]) -> None:
    """Retire devices and show each step."""
    home = context(ctx).home()
    workflow = Workflow(home, DEPROVISION)
    for name in names:
        Devices(home).row(name)
    if len(names) > 1:
        run_many(workflow, [{"thingName": name} for name in names])
        return
    with live_steps() as show_steps:
        outcome = workflow.run({"thingName": names[0]}, show_steps)
    outcome.require()
    out.print(f"{escape(names[0])} is gone.")


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


@app.command()
def demo(ctx: typer.Context) -> None:
    """A tour: provision a device, see its telemetry, change it through its shadow."""
    home = context(ctx).home()
    screen = Screen(
        say=lambda text: out.print(text, markup=False),
        show=lambda message: out.print(views.message_text(message)),
        steps=live_steps,
    )
    name = run_demo(home, screen)
    out.print(f"\n{name} goes on. Look at it, change it, stop it:\n", markup=False)
    for command in (f"watch {name}", f"set {name} status=on unit=imperial", f"show {name}", f"delete {name}"):
        out.print(f"  .venvs/bin/playground {command}", markup=False)
    if home.kind == "local":
        out.print("  make down", markup=False)


def run_many(workflow: Workflow, requests: list[dict[str, Any]]) -> None:
    """Run many executions with a line each, then a summary. Raises WorkflowError when one failed."""

    def done(outcome: Outcome) -> None:
        name = outcome.output.get("thingName", "")
        text = f"{outcome.error}: {outcome.cause}" if outcome.error or outcome.cause else f"{name}"
        out.print(f"{outcome.status} {text} {outcome.seconds:.2f} s", markup=False)

    outcomes = workflow.run_many(requests, done)
    note(views.summary(outcomes))
    failed = sum(outcome.status != "SUCCEEDED" for outcome in outcomes)
    if failed:
        raise WorkflowError(f"{failed} of {len(outcomes)} failed.")
