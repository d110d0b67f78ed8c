"""What all commands have: the global options, and the home that they lead to."""

from dataclasses import dataclass
from typing import Annotated

import typer

from playground.homes import Choice, Home, find_home
from playground.paths import Paths
from playground.views import note


@dataclass(frozen=True)
class Context:
    """The global options."""

    choice: Choice
    stack_name: str | None
    paths: Paths

    def home(self) -> Home:
        """The home in use, which is said on stderr."""
        home = find_home(self.paths, self.stack_name, self.choice)
        note(home.label)
        return home


def context(ctx: typer.Context) -> Context:
    """The global options of this call."""
    found = ctx.obj
    if not isinstance(found, Context):
        raise TypeError(found)
    return found


Name = Annotated[str, typer.Argument(help="Thing name.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
