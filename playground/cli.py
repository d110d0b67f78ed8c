"""The `playground` command: thin commands over plain functions."""

from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.markup import escape
from typer.core import TyperGroup

from playground import cli_certificates, cli_cloud, cli_devices, cli_jobs, cli_logs, cli_messages
from playground.cli_context import Context
from playground.errors import PlaygroundError
from playground.paths import Paths
from playground.views import err


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
for commands in (cli_cloud, cli_devices, cli_certificates, cli_messages, cli_logs):
    app.add_typer(commands.app)
app.add_typer(cli_jobs.app, name="job")


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
