"""How things look at the terminal. stdout carries results, stderr carries progress."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from playground.commands import Reply
from playground.devices import Answer, Row
from playground.history import Step, readable_cause
from playground.local.cloud import Reporter
from playground.models import Bundled
from playground.sweep import Swept
from playground.watch import Message, kind_of
from playground.workflows import Outcome

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

# What a shadow message says besides its state and version.
SHADOW_NOISE = ("metadata", "timestamp", "clientToken")

MARKS = {
    "pending": ("·", "dim"),
    "running": ("▸", "cyan"),
    "retrying": ("↻", "yellow"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}
STATUS_STYLES = {"ONLINE": "green", "OFFLINE": "yellow", "FAILED": "red", "QUARANTINED": "magenta", "TERMINATED": "dim"}
KIND_STYLES = {
    "telemetry": "green",
    "shadow": "cyan",
    "metrics": "bright_black",
    "event": "yellow",
    "presence": "magenta",
    "command": "blue",
    "workflow": "bold magenta",
}


def note(text: str) -> None:
    """A dim line on stderr."""
    err.print(escape(text), style="dim")


def print_json(value: Any) -> None:
    """A result for a program to read."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def models_text(models: Sequence[Bundled]) -> Text:
    """Name, description, sample message and replies of each model."""
    text = Text()
    for model in models:
        text.append(f"{model.name:<11}", style="bold").append(f"{model.description}\n")
        text.append(f"{'':<11}{json.dumps(model.sample)}\n", style="dim")
        for name, description in model.replies.items():
            text.append(f"{'':<11}answers {name}: {description}\n")
    return text


@contextmanager
def progress() -> Iterator[Reporter]:
    """Progress of `up`: at a terminal a spinner with the latest line, elsewhere plain lines."""
    if not err.is_terminal:
        yield Reporter(step=lambda text: err.print(escape(text)), line=lambda _text: None)
        return
    with err.status("") as status:
        current: list[str] = []
        began: list[datetime] = []

        def finish() -> None:
            if current:
                seconds = (datetime.now(UTC) - began[-1]).total_seconds()
                err.print(f"[green]✓[/] {escape(current[-1])} [dim]{seconds:.1f} s[/]")

        def step(text: str) -> None:
            finish()
            current.append(text)
            began.append(datetime.now(UTC))
            status.update(escape(text))

        def line(text: str) -> None:
            status.update(f"{escape(current[-1] if current else '')} [dim]{escape(text[: err.width // 2])}[/]")

        yield Reporter(step, line)
        finish()


@contextmanager
def live_steps() -> Iterator[Callable[[Sequence[Step]], None]]:
    """A function that shows the steps of a workflow: in place at a terminal, elsewhere a line per change."""
    if err.is_terminal:
        with Live(console=err, refresh_per_second=12) as live:
            yield lambda steps: live.update(steps_table(steps))
        return
    shown: dict[str, Step] = {}

    def print_changes(steps: Sequence[Step]) -> None:
        for step in steps:
            before = shown.get(step.name)
            if step.status != "pending" and (before is None or before.status != step.status):
                err.print(_step_text(step))
            shown[step.name] = step

    yield print_changes


def steps_table(steps: Sequence[Step]) -> Table:
    """All steps, one per line."""
    table = Table.grid(padding=(0, 1))
    for step in steps:
        table.add_row(_step_text(step))
    return table


def _step_text(step: Step) -> Text:
    mark, style = MARKS[step.status]
    text = Text(f"{mark} {step.name:<20} {step.status:<8}", style=style)
    seconds = step.seconds(datetime.now(UTC))
    if seconds is not None:
        text.append(f" {max(seconds, 0.0):6.2f} s", style="dim")
    if step.retries:
        text.append(f"  tried {step.retries + 1} times", style="yellow")
    if step.error:
        text.append(f"  {step.error}: {readable_cause(step.cause)}", style="red")
    return text


def swept_table(found: Sequence[Swept]) -> Table:
    """What a sweep found."""
    table = Table("outcome", "what", "name", "why", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.outcome, one.kind, escape(one.name), escape(one.error or one.reason))
    return table


def devices_table(rows: Sequence[Row]) -> Table:
    """The catalog."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("NAME", "TYPE", "STATUS", "IP", "LAST SEEN", "REASON"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        status = str(row.get("status", ""))
        table.add_row(
            str(row["thing_name"]),
            str(row.get("device_type", "")),
            Text(status, style=STATUS_STYLES.get(status, "")),
            str(row.get("ip", "")),
            str(row.get("last_seen_at", "")),
            str(row.get("status_reason") or row.get("quarantine_reason") or ""),
        )
    return table


def fields_table(fields: Mapping[str, Any]) -> Table:
    """Names and values, one pair per line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        table.add_row(name, Text(text))
    return table


def answer_text(answer: Answer) -> Text:
    """The device's answer to one setting."""
    value = json.dumps(answer.value)
    if answer.result == "accepted":
        return Text(f"✓ {answer.key} = {value}", style="green")
    if answer.result == "rejected":
        return Text(f"✗ {answer.key} = {value} refused: {answer.reason}", style="red")
    return Text(f"… {answer.key} = {value} not answered yet", style="yellow")


def reply_text(reply: Reply) -> Text:
    """How a command ended, on one line."""
    if reply.accepted:
        return Text(f"✓ {reply.command}", style="green")
    field, reason = reply.error.get("field", ""), reply.error.get("reason", "")
    return Text(f"✗ {reply.command} {reply.status}: {field} {reason}", style="red")


def commands_table(commands: Mapping[str, Any]) -> Table:
    """The device's answer to `help`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("COMMAND", "ARGUMENTS", "DOES"):
        table.add_column(heading, overflow="fold")
    for name, row in commands.items():
        arguments = "\n".join(
            f"{key}: {rule.get('rule', '')} ({json.dumps(rule.get('default'))})"
            for key, rule in row.get("arguments", {}).items()
        )
        table.add_row(name, Text(arguments), Text(str(row.get("description", ""))))
    return table


def message_text(message: Message) -> Text:
    """One MQTT message on one line: time, kind, topic, payload."""
    kind = kind_of(message.topic)
    text = Text(datetime.now(UTC).astimezone().strftime("%H:%M:%S "), style="dim")
    text.append(f"{kind:<9} ", style=KIND_STYLES[kind])
    text.append(f"{message.topic} ", style="bold")
    payload = message.payload
    if kind == "shadow" and isinstance(payload, dict):
        payload = {name: value for name, value in payload.items() if name not in SHADOW_NOISE}
    return text.append(payload if isinstance(payload, str) else json.dumps(payload))


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many executions went well, and how long they took."""
    good = sorted(outcome.seconds for outcome in outcomes if outcome.status == "SUCCEEDED")
    text = f"{len(good)} of {len(outcomes)} succeeded"
    if good:
        text += f"; seconds each: least {good[0]:.2f}, median {median(good):.2f}, most {good[-1]:.2f}"
    return text
