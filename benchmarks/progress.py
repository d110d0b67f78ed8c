"""What is being measured at the moment, on standard error: standard output is for the figures."""

from collections.abc import Iterator

from rich.console import Console
from rich.progress import track

console = Console(stderr=True)


def say(what: str) -> None:
    """A line about what begins now."""
    console.print(what, style="dim")


def counted(what: str, count: int) -> Iterator[int]:
    """Count up to `count`, with a bar on a terminal."""
    say(what)
    yield from track(range(count), description="", console=console, transient=True)
