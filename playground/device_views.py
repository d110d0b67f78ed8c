"""How devices, their models and their answers look at the terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from playground.commands import Reply
from playground.devices import Answer, Row
from playground.models import Bundled
from playground.views import fields_table, headed_table, moment

STATUS_STYLES = {"ONLINE": "green", "OFFLINE": "yellow", "FAILED": "red", "QUARANTINED": "magenta", "TERMINATED": "dim"}


def devices_table(rows: Sequence[Row]) -> Table:
    """The catalog."""
    table = headed_table("NAME", "TYPE", "STATUS", "IP", "LAST SEEN", "REASON")
    for row in rows:
        status = str(row.get("status", ""))
        table.add_row(
            str(row["thing_name"]),
            str(row.get("device_type", "")),
            Text(status, style=STATUS_STYLES.get(status, "")),
            str(row.get("ip", "")),
            moment(row.get("last_seen_at")),
            str(row.get("status_reason") or row.get("quarantine_reason") or ""),
        )
    return table


def shown_device(found: Mapping[str, Any]) -> Group:
    """A device: its row, and the parts of its shadow."""
    parts: list[RenderableType] = [fields_table(found["catalog"])]
    for part in ("desired", "reported", "delta"):
        if part in found["shadow"]:
            parts += [Text(f"\n{part}", style="bold"), fields_table(found["shadow"][part])]
    return Group(*parts)


def models_table(models: Sequence[Bundled]) -> Table:
    """Name, description, sample message and replies of each model."""
    table = headed_table("TYPE", "DESCRIPTION, A MESSAGE, AND WHAT IT ANSWERS")
    for model in models:
        table.add_row(model.name, Text(model.description))
        table.add_row("", Text(json.dumps(model.sample), style="dim"))
        for name, description in model.replies.items():
            table.add_row("", Text(f"answers {name}: {description}"))
    return table


def answer_text(answer: Answer) -> Text:
    """The device's answer to one setting."""
    value = json.dumps(answer.value)
    if answer.result == "accepted":
        return Text(f"✓ {answer.key} = {value}", style="green")
    if answer.result == "rejected":
        return Text(f"✗ {answer.key} = {value} refused: {answer.reason}", style="red")
    return Text(f"… {answer.key} = {value} not answered yet", style="yellow")


def answers_text(answers: Sequence[Answer]) -> Text:
    """The device's answer to each setting, one per line."""
    return Text("\n").join(answer_text(answer) for answer in answers)


def reply_text(reply: Reply) -> Text:
    """How a command ended, on one line."""
    if reply.accepted:
        return Text(f"✓ {reply.command}", style="green")
    field, reason = reply.error.get("field", ""), reply.error.get("reason", "")
    return Text(f"✗ {reply.command} {reply.status}: {field} {reason}", style="red")


def shown_reply(reply: Reply) -> RenderableType:
    """How a command ended, and what came of it."""
    if reply.command == "help" and reply.accepted:
        return commands_table(reply.result)
    return Group(reply_text(reply), fields_table(reply.result)) if reply.result else reply_text(reply)


def commands_table(commands: Mapping[str, Any]) -> Table:
    """The device's answer to `help`."""
    table = headed_table("COMMAND", "ARGUMENTS", "DOES")
    for name, row in commands.items():
        arguments = "\n".join(
            f"{key}: {rule.get('rule', '')} ({json.dumps(rule.get('default'))})"
            for key, rule in row.get("arguments", {}).items()
        )
        table.add_row(name, Text(arguments), Text(str(row.get("description", ""))))
    return table
