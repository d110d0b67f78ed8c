"""The command that says what runs of the local cloud."""

from collections.abc import Mapping
from typing import Any

import typer
from rich.table import Table

from playground.devices.devices import Devices
from playground.errors import NoStackError, SecretError
from playground.home import folder
from playground.home.homes import Home, find_home
from playground.home.paths import Paths
from playground.home.state import HOST, LocalState, recall, secret_of
from playground.line.context import context
from playground.local.kept import ask
from playground.show.views import fields_table, note, say

app = typer.Typer()


@app.command()
def status(ctx: typer.Context) -> None:
    """Show what is running, where, and how many devices there are."""
    given = context(ctx)
    recalled = recall(given.paths)
    state, ours = recalled.state, folder.is_ours(given.paths.home)
    for sentence in (*(folder.close_to_others(given.paths.home) if ours else ()), *recalled.said):
        note(sentence)
    found = running(state)
    if state.up:
        try:
            found |= stack_in(find_home(given.paths, given.stack_name, "local"))
            found |= keeping(given.paths, state)
        except SecretError as error:
            note(str(error))
    given.output.show(found, status_table(found))


def stack_in(home: Home) -> dict[str, Any]:
    """The stack and its devices; nothing when it is not deployed, which is said."""
    try:
        rows = [row for row in Devices(home).rows() if row.get("status") != "TERMINATED"]
    except NoStackError as error:
        note(str(error))
        return {}
    online = sum(row.get("status") == "ONLINE" for row in rows)
    return {"stack": home.stack_name, "devices": len(rows), "online": online}


def keeping(paths: Paths, state: LocalState) -> dict[str, Any]:
    """Until when everything is kept; what is not is said."""
    kept = ask(state, secret_of(paths), "GET", "kept", limit=10)
    if kept is None:
        note("The emulator does not answer.")
        return {}
    if kept.trouble:
        say(kept.trouble)
    return {"kept": kept.at.isoformat() if kept.at else None, "not_kept": kept.trouble or None}


def running(state: LocalState) -> dict[str, Any]:
    """What of the local cloud runs, and where."""
    return {
        "up": state.up,
        "endpoint": state.endpoint if state.up else None,
        "mqtt_port": state.mqtt_port if state.up else None,
        "agent": state.agent is not None and state.agent.alive(),
        "console": state.console_url,
    }


def status_table(found: Mapping[str, Any]) -> Table:
    """What runs, and where."""
    fields = {
        "emulator": f"up, {found['endpoint']}" if found["up"] else "down",
        "mqtt": f"{HOST}:{found['mqtt_port']}" if found["up"] else "down",
        "agent": "up" if found["agent"] else "down",
        "console": f"up, {found['console']}" if found["console"] else "down",
    }
    more = ("stack", "devices", "online", "kept")
    return fields_table(fields | {name: found[name] for name in more if name in found})
