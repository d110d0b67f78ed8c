"""Commands that are loaded when they are used: the modules of all of them take longer than most
commands.
"""

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand

from playground.line.table import Listed


class Later(TyperCommand):
    """A command, or a group of them, of which only the line in the help text is there yet.

    Typer makes a context of a command before all else, also where the Tab key asks, and goes by the
    command of that context from then on.
    """

    def __init__(self, listed: Listed, panel: str, equip: Callable[[str, Any], None]) -> None:
        super().__init__(listed.name, help=listed.told, hidden=listed.hidden, rich_help_panel=panel)
        self._listed = listed
        self._equip = equip

    @cached_property
    def loaded(self) -> Any:
        """The command itself, with the options of every command."""
        commands = typer.main.get_group(
            import_module(f"playground.cli.{self._listed.module}").app
        ).commands
        found = commands[self._listed.name]
        self._equip(self._listed.name, found)
        return found

    def make_context(self, *given: Any, **more: Any) -> Any:
        """That of the command itself."""
        return self.loaded.make_context(*given, **more)


def loaded(command: Any) -> Any:
    """The command itself, which may be here already."""
    return command.loaded if isinstance(command, Later) else command
