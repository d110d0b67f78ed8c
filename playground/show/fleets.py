"""How fleets look at the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import quantiles
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from playground.devices.devices import Row
from playground.devices.fleets import Change, Fleet, Statuses
from playground.show.devices import STATUS_STYLES
from playground.show.views import fields_table, headed_table, moment

MOST_REASONS = 10
PERCENTILES = (50, 95, 99)


def fleets_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """All fleets, one per line."""
    table = headed_table("NAME", "STATUS", "DEVICES", "CREATED")
    for row in rows:
        table.add_row(
            Text(row["fleet_name"]), row["status"], str(row["devices"]), moment(row["created_at"])
        )
    return table


def groups_of(fleet: Fleet, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each group: how many devices it is to have, and how many are in which status."""
    status = {str(row["thing_name"]): str(row["status"]) for row in rows}
    asked = {group["name"]: group for group in fleet.file.get("groups", [])}
    found = []
    for name, names in fleet.groups.items():
        there = [status[one] for one in names if one in status]
        counts = {one: there.count(one) for one in dict.fromkeys(sorted(there))}
        kind = asked[name].get("deviceType", "generic")
        found.append({"name": name, "deviceType": kind, "count": len(names), "statuses": counts})
    return found


def fleet_text(fleet: Fleet, groups: Sequence[Mapping[str, Any]]) -> Group:
    """A fleet and its groups."""
    head = fields_table(
        {"name": fleet.name, "status": fleet.status, "created": moment(fleet.created_at)}
    )
    table = headed_table("GROUP", "TYPE", "DEVICES", "STATUSES")
    for group in groups:
        told = statuses_text(group["statuses"])
        table.add_row(Text(group["name"]), group["deviceType"], str(group["count"]), told)
    return Group(head, Text(), table)


def statuses_text(statuses: Statuses) -> Text:
    """So many in each status."""
    text = Text()
    for status, count in sorted(statuses.items()):
        text.append(", " if text else "")
        text.append(f"{count} {status}", style=STATUS_STYLES.get(status, ""))
    return text


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Of times, in whole milliseconds: `p50` is what half of them are within."""
    if not seconds:
        return {}
    found = quantiles([*seconds, *seconds], n=100, method="inclusive")
    return {f"p{part}": round(found[part - 1], 3) for part in PERCENTILES}


def change_data(change: Change) -> dict[str, Any]:
    """A change of settings, for programs."""
    return {
        "accepted": len(change.accepted),
        "rejected": dict(change.rejected),
        "pending": change.pending,
        "seconds": percentiles(change.seconds),
    }


def change_text(change: Change) -> Table:
    """A change of settings, for people."""
    told: dict[str, Any] = {"accepted": str(len(change.accepted))}
    if change.rejected:
        some = list(change.rejected.items())[:MOST_REASONS]
        told["rejected"] = "\n".join(
            [str(len(change.rejected)), *(f"{name}: {reason}" for name, reason in some)]
        )
    if change.pending:
        told["pending"] = f"{len(change.pending)}: {', '.join(change.pending[:MOST_REASONS])}"
    found = percentiles(change.seconds)
    if found:
        told["seconds"] = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    return fields_table(told)
