"""How fleets look at the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from playground.devices.devices import Row
from playground.fleets.figures import percentiles
from playground.fleets.fleets import Change, Fleet, Statuses
from playground.fleets.page import page
from playground.show.devices import STATUS_STYLES
from playground.show.views import fields_table, headed_table, moment

if TYPE_CHECKING:
    from playground.fleets.run import Now

MOST_REASONS = 10


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


def now_text(now: "Now") -> str:
    """A run in one line, while it goes on."""
    changes = percentiles(now.tally.changes)
    told = [
        f"{now.online} of {now.devices} online",
        f"{now.rate:.0f} messages/s",
        f"{now.lost} lost",
    ]
    if changes or now.pending:
        told.append(f"changes: p95 {changes.get('p95', 0.0):.2f} s, {now.pending} pending")
    return ", ".join(told)


def now_data(now: "Now") -> dict[str, Any]:
    """A run as it is now, for programs."""
    return {
        "online": now.online,
        "devices": now.devices,
        "messagesPerSecond": round(now.rate, 1),
        **now.tally.data(),
    }


def report_text(report: Mapping[str, Any]) -> Group:
    """A report and its stages, for the terminal."""
    table = headed_table(*STAGE_COLUMNS)
    for stage in _stages(report):
        table.add_row(*map(Text, stage))
    return Group(fields_table(_head(report)), Text(), table)


def report_page(report: Mapping[str, Any]) -> str:
    """A report and its stages, with pictures."""
    return page(report, _head(report), STAGE_COLUMNS, _stages(report))


def _head(report: Mapping[str, Any]) -> dict[str, str]:
    cost, ended = report["cost"], report["total"]["disconnects"]
    speed = report.get("speed", 1)
    return {
        "fleet": report["fleet"],
        "devices": str(report["devices"]),
        "started": moment(report["startedAt"]),
        **({"speed": f"{speed} times"} if speed != 1 else {}),
        "seconds": f"{report['seconds']:.1f}",
        "ended by": ended_by(report["endedBy"]),
        "disconnects": ", ".join(f"{count} {reason}" for reason, count in ended.items()) or "none",
        "cost": f"{cost['so_far']:.4f} dollars before the run, {cost['hour']:.4f} an hour",
    }


def _stages(report: Mapping[str, Any]) -> list[list[str]]:
    return [stage_cells(one) for one in [*report["stages"], {"name": "all", **report["total"]}]]


STAGE_COLUMNS = (
    "STAGE",
    "SECONDS",
    "MESSAGES",
    "LOST",
    "DELAY",
    "CHANGES",
    "ANSWERED IN",
    "RECONNECTS",
    "BACK IN",
)
"""`DELAY`, `ANSWERED IN`, `BACK IN` are p50, p95 and p99 in seconds."""


def stage_cells(stage: Mapping[str, Any]) -> list[str]:
    """A stage of a report, in the order of the columns."""
    messages, changes, back = stage["messages"], stage["changes"], stage["reconnects"]
    refused = [(changes["rejected"], "rejected"), (changes["pending"], "pending")]
    told = [str(changes["accepted"]), *(f"{number} {what}" for number, what in refused if number)]
    away = [f"{back['pending']} pending"] if back["pending"] else []
    return [
        stage["name"],
        f"{stage['seconds']:.0f}" if "seconds" in stage else "",
        str(messages["heard"]),
        str(messages["lost"]),
        _three(messages["delay"]),
        ", ".join(told),
        _three(changes["seconds"]),
        ", ".join([str(back["done"]), *away]),
        _three(back["seconds"]),
    ]


def ended_by(found: Mapping[str, Any] | str | None) -> str:
    """What has ended a run."""
    if found is None:
        return "its last stage"
    if isinstance(found, str):
        return found
    lasting = f" for {found['for']:g} s" if found["for"] else ""
    return f"{found['measure']} was {found['value']:g}, above {found['above']:g}{lasting}"


def _three(figures: Mapping[str, float]) -> str:
    return " ".join(f"{value:.3f}" for value in figures.values())
