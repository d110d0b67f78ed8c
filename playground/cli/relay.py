"""The command that lets containers reach the local cloud."""

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from playground.errors import NotUpError
from playground.home.state import LocalState
from playground.line.context import context
from playground.show.views import note
from playground.stack.relaying import relay

app = typer.Typer()


@app.command("relay")
def run_relay(
    ctx: typer.Context,
    bind: Annotated[
        str,
        typer.Option(help="Address that containers can reach. Default: Docker's bridge on Linux."),
    ] = "172.17.0.1",
) -> None:
    """Let containers reach the local cloud, until Ctrl-C: for `sam local invoke`."""
    state = LocalState.load(context(ctx).paths)
    if not state.up:
        raise NotUpError("The local cloud is not up: run `playground up`.")
    note(f"http://{bind}:{state.port} leads to the local cloud. Ctrl-C ends this.")
    with suppress(KeyboardInterrupt):
        asyncio.run(relay(bind, state.port, state.port))
