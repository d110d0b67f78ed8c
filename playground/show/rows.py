"""A table of which each row stays one line: what a terminal has no room for ends in an ellipsis."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from playground.show.views import WHOLE_LINES

GAP = 2
"""Columns between two cells."""

PICTURES = {ord("\n"): "␊", ord("\r"): "␍", ord("\t"): "␉"}
"""What would break a line, and how it is shown: harmless.py does it for all other controls."""


@dataclass
class Line:
    """A text on one line, however long it is."""

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As much of it as the terminal has columns; all of it in a pipe or a file."""
        yield fitting(self.text, options.max_width, console)


@dataclass
class Rows:
    """Headings and rows. `first_cut` says which columns give way, and the least that each keeps;
    with `whole` none does, and the terminal breaks the line.

    In a pipe or a file nothing is cut: there a line is a record.
    """

    headings: Sequence[str]
    first_cut: Sequence[tuple[str, int]] = ()
    whole: bool = False
    rows: list[list[Text]] = field(default_factory=list)

    def add(self, *cells: str | Text) -> None:
        """A row: as many cells as there are headings."""
        self.rows.append([Text(cell) if isinstance(cell, str) else cell for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The headings and each row, a line each."""
        lines = [[Text(heading, style="bold") for heading in self.headings], *self.rows]
        lines = [[_on_one_line(cell) for cell in line] for line in lines]
        room = WHOLE_LINES if self.whole else options.max_width
        widths = self._widths(lines, room)
        for line in lines:
            pairs = zip(line, widths, strict=True)
            cells = [fitting(cell, width, console) for cell, width in pairs]
            yield fitting(_joined(cells, widths), room, console)

    def _widths(self, lines: Sequence[Sequence[Text]], room: int) -> list[int]:
        widths = [max(line[at].cell_len for line in lines) for at in range(len(self.headings))]
        over = sum(widths) + GAP * (len(widths) - 1) - room if room < WHOLE_LINES else 0
        for heading, least in self.first_cut:
            at = list(self.headings).index(heading)
            taken = min(max(over, 0), max(widths[at] - max(least, len(heading)), 0))
            widths[at] -= taken
            over -= taken
        return widths


def fitting(text: Text, width: int, console: Console) -> Text:
    """The text, or its beginning and an ellipsis."""
    if width >= WHOLE_LINES or text.cell_len <= width:
        return text
    mark = "…" if console.encoding.startswith("utf") else "..."
    shorter = text.copy()
    shorter.truncate(max(width - len(mark), 0), overflow="crop")
    shorter.rstrip()
    return shorter.append(mark[:width])


def _on_one_line(text: Text) -> Text:
    """A line end in a value is shown as the picture of it, as every control character is."""
    if not set(map(chr, PICTURES)) & set(text.plain):
        return text
    return Text(text.plain.translate(PICTURES), style=text.style)


def _joined(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell).append(" " * (width - cell.cell_len + GAP))
    line.rstrip()
    return line
