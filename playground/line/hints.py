"""Help for who has typed the first thing that came to mind."""

from difflib import get_close_matches
from typing import Any

from playground.base.command_lines import command_line
from playground.line.examples import BEGIN

ALL_BUT_AN_OPTION = 0.75
"""How alike, of 1, a word and an option are if the word is that option with a slip of the pen."""


def short() -> str:
    """What somebody wants to know who has typed `playground` and nothing else."""
    width = max(len(line) for line, _ in BEGIN)
    return "\n".join(f"  {line:<{width}}  {told}".rstrip() for line, told in BEGIN)


def dashed(error: Any, words: list[str]) -> str | None:
    """How to name a thing that is called so, for who has used an option that there isn't.

    `error` is Typer's NoSuchOption, `words` the command line. None for a command that takes no
    name, and for what is all but an option.
    """
    given = next((word for word in words if word.startswith(error.option_name)), None)
    if error.ctx is None or given is None:
        return None
    if get_close_matches(given, error.possibilities or (), 1, ALL_BUT_AN_OPTION):
        return None
    if not any(one.param_type_name == "argument" for one in error.ctx.command.params):
        return None
    how = command_line(error.ctx.command_path.partition(" ")[2], given)
    return f"There is no option {given}. A name that begins with a dash stands after --: `{how}`."
