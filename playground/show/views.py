"""How things look at the terminal. stdout carries results, stderr carries progress."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from playground.base.plain import plain
from playground.base.reporting import Reporter
from playground.devices.history import Step, readable_cause, told
from playground.show.harmless import harmless

if TYPE_CHECKING:
    from playground.devices.executions import Outcome
    from playground.devices.sweep import Swept

T = TypeVar("T")

WHOLE_LINES = 10_000
"""Columns of a table that goes into a pipe or a file, where a line is a record."""


class Terminal(Console):
    """A console that lets the caller know when nobody reads it any more.

    It takes no orders from what it shows, and folds or cuts for a terminal only.
    """

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        """Rich takes 80 columns where there is no terminal, and any number that it is told."""
        found = super().size
        columns = max(found.width, LEAST_COLUMNS) if self.file.isatty() else WHOLE_LINES
        return ConsoleDimensions(columns, found.height)

    @property
    def is_redrawn(self) -> bool:
        """Whether lines can be written over; FORCE_COLOR asks for colours, and makes no terminal of
        a pipe.
        """
        return self.file.isatty() and not self.is_dumb_terminal

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Rich lets control characters of a text through; its own orders come as controls."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=harmless(segment.text))

    def on_broken_pipe(self) -> None:
        """Rich would end the program here, without the exit code that shells expect."""
        raise BrokenPipeError


LEAST_COLUMNS = 40
"""Columns of a table, of which a narrower terminal breaks the lines itself; Rich would leave cells
out.
"""

out = Terminal(soft_wrap=True, highlight=False)
err = Terminal(stderr=True, soft_wrap=True, highlight=False)

MARKS = {
    "pending": ("·", "dim"),
    "running": ("▸", "cyan"),
    "retrying": ("↻", "yellow"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}


def note(text: str) -> None:
    """A dim line on stderr."""
    err.print(Text(text), style="dim")


def say(text: str) -> None:
    """A line on stderr: words are not data."""
    err.print(Text(text))


@contextmanager
def goes_on(told: str) -> Iterator[None]:
    """Says at Ctrl-C what it does not end."""
    try:
        yield
    except KeyboardInterrupt:
        note(told)
        raise


def anything(value: Any) -> RenderableType:
    """Any JSON value: objects as names and values, arrays of objects or of arrays as a table, all
    else line by line.
    """
    if isinstance(value, dict):
        return fields_table(value)
    if not isinstance(value, list):
        return cell(value)
    if value and all(isinstance(item, list) for item in value):
        rows = Table(box=None, show_header=False, pad_edge=False)
        for item in value:
            rows.add_row(*map(cell, item))
        return rows
    if not value or not all(isinstance(item, dict) for item in value):
        return Text("\n".join(cell(item).plain for item in value))
    headings = list(dict.fromkeys(key for item in value for key in item))
    table = headed_table(*headings)
    for item in value:
        table.add_row(*(cell(item[key]) if key in item else "" for key in headings))
    return table


def cell(value: Any) -> Text:
    """A value on one line."""
    return Text(value if isinstance(value, str) else as_words(value))


def as_words(value: Any) -> str:
    """A value as JSON for people: with letters, where JSON for programs may have escapes."""
    return json.dumps(plain(value), ensure_ascii=False)


def clock(at: datetime) -> str:
    """When something happened, in seconds of UTC, wherever the machine is."""
    return at.astimezone(UTC).strftime("%H:%M:%SZ")


def moment(at: str | datetime | None) -> str:
    """A time in a table, in whole seconds of UTC; nothing when there is none, and what is no time
    as it is.
    """
    try:
        found = datetime.fromisoformat(at) if isinstance(at, str) else at
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if found else ""
    except (ValueError, OverflowError):
        return str(at)


def headed_table(*headings: str) -> Table:
    """A table with nothing but its headings yet; no cell loses a letter for want of space."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


@contextmanager
def progress() -> Iterator[Reporter]:
    """Progress of `up`: at a terminal a spinner with the latest line, elsewhere plain lines."""
    if not err.is_redrawn:
        yield Reporter(step=lambda text: err.print(escape(text)), line=lambda _text: None)
        return
    with err.status("", spinner="dots" if err.encoding.startswith("utf") else "line") as status:
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
            status.update(
                f"{escape(current[-1] if current else '')} [dim]{escape(text[: err.width // 2])}[/]"
            )

        yield Reporter(step, line)
        finish()


@contextmanager
def live(
    line: Callable[[T], Text], news: Callable[[T], tuple[str, object]]
) -> Iterator[Callable[[Sequence[T]], None]]:
    """A function that shows a few things: in place at a terminal, elsewhere a line per change.

    `news` gives a thing's name, and what has to change for another line; None is worth no line.
    """
    if err.is_redrawn:
        with Live(console=err, refresh_per_second=12) as display:
            yield lambda things: display.update(_below_each_other(map(line, things)))
        return
    shown: dict[str, object] = {}

    def print_changes(things: Sequence[T]) -> None:
        for thing in things:
            name, now = news(thing)
            if now is not None and shown.get(name) != now:
                err.print(line(thing))
            shown[name] = now

    yield print_changes


def _below_each_other(texts: Iterable[Text]) -> Table:
    table = Table.grid(padding=(0, 1))
    for text in texts:
        table.add_row(text)
    return table


def live_steps() -> AbstractContextManager[Callable[[Sequence[Step]], None]]:
    """A function that shows the steps of a workflow."""
    return live(
        _step_text, lambda step: (step.name, None if step.status == "pending" else step.status)
    )


def _step_text(step: Step) -> Text:
    mark, style = MARKS[step.status]
    text = Text(f"{mark} {step.name:<20} {step.status:<8}", style=style)
    seconds = step.seconds(datetime.now(UTC))
    if seconds is not None:
        text.append(f" {max(seconds, 0.0):6.2f} s", style="dim")
    if step.retries:
        text.append(f"  tried {step.retries + 1} times", style="yellow")
    if step.error:
        text.append(f"  {told(step.error, readable_cause(step.cause))}", style="red")
    return text


def swept_table(found: "Sequence[Swept]") -> Table:
    """What a sweep found."""
    table = headed_table("OUTCOME", "WHAT", "NAME", "WHY")
    for one in found:
        table.add_row(one.outcome, one.kind, Text(one.name), Text(one.error or one.reason))
    return table


def fields_table(fields: Mapping[str, Any]) -> Table:
    """Names and values, one pair per line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        text = value if isinstance(value, str) else as_words(value)
        table.add_row(str(name), Text(text))
    return table


def outcome_table(outcome: Mapping[str, Any]) -> Table:
    """What an execution gave, by what one goes on with. Its ARNs and addresses are in --output
    json.
    """
    return fields_table(
        {name: value for name, value in outcome.items() if not name.endswith(("Arn", "Uri"))}
    )


def executions_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Executions of a workflow, one per line."""
    table = headed_table("STATUS", "NAME", "SECONDS", "ERROR")
    for one in found:
        error = f"{one['error']}: {one['cause']}" if one["error"] or one["cause"] else ""
        name = str(one["output"].get("thingName", ""))
        table.add_row(one["status"], Text(name), f"{one['seconds']:.2f}", Text(error))
    return table


def summary(outcomes: "Sequence[Outcome]") -> str:
    """How many executions went well, and how long they took."""
    good = sorted(outcome.seconds for outcome in outcomes if outcome.status == "SUCCEEDED")
    text = f"{len(good)} of {len(outcomes)} succeeded"
    if good:
        text += (
            f"; seconds each: least {good[0]:.2f}, median {median(good):.2f}, most {good[-1]:.2f}"
        )
    return text
