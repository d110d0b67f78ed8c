"""How settings look at the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from common.jsonvalues import Json, same
from playground.devices.settings import Setting
from playground.show.views import as_words, headed_table


def settings_table(settings: Sequence[Setting], types: Sequence[str] = ()) -> Table:
    """Two lines a setting. With `types`, all that there are, also which of them have it."""
    table = headed_table("SETTING", "WHAT IT TAKES, AND WHAT IT DOES")
    for one in settings:
        table.add_row(one.key, _told(one, types))
    return table


def device_table(settings: Sequence[Setting], shadow: Mapping[str, Any]) -> Table:
    """The settings of a device, with what it reports, and what is desired where that is another."""
    desired, reported = shadow.get("desired", {}), shadow.get("reported", {})
    table = headed_table("SETTING", "NOW", "WHAT IT TAKES, AND WHAT IT DOES")
    for one in settings:
        now = Text(_words(reported[one.key]) if one.key in reported else "-")
        if one.key in desired and not same(desired[one.key], reported.get(one.key)):
            now.append(f"\ndesired: {_words(desired[one.key])}", style="yellow")
        table.add_row(one.key, now, _told(one))
    return table


def _told(one: Setting, types: Sequence[str] = ()) -> Text:
    parts = [one.rule]
    if one.default is not None:
        parts.append(f"{_words(one.default)} unless set")
    if one.set_by is not None:
        parts.append(f"set by {one.set_by} alone")
    if not set(types) <= set(one.device_types):
        parts.append(f"{', '.join(one.device_types)} only")
    return Text("; ".join(parts)).append(f"\n{one.does}", style="dim")


def _words(value: Json) -> str:
    return value if isinstance(value, str) else as_words(value)
