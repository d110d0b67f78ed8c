"""A command line that is wrong, in one sentence, and where to read on.

Typer tells it in a box of five lines, with the words of its parser.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, TypeGuard

# Typer keeps click's errors to itself, except one; its version is pinned, and tests go by these.
from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)

FEW = 3
"""Guesses at most."""


class DashedNameError(UsageError):
    """A name that was taken for an option; its message says all there is to say."""


def is_told_here(error: Exception) -> TypeGuard[UsageError]:
    """Whether it is about the command line, and not the help text that a group shows by itself."""
    return isinstance(error, UsageError) and not isinstance(error, NoArgsIsHelpError)


def usage_sentence(error: UsageError, command: str) -> str:
    """What is wrong, what may have been meant, and which help text has the rest: that of `command`
    where the error does not say it."""
    if isinstance(error, DashedNameError):
        return error.message
    told: dict[type[UsageError], Callable[[Any], str]] = {
        NoSuchOption: _no_option,
        MissingParameter: _missing,
        BadParameter: _bad_value,
        BadOptionUsage: lambda it: f"{it.option_name} needs a value",
    }
    say = next((say for kind, say in told.items() if isinstance(error, kind)), _other)
    return f"{say(error)}: see `{error.ctx.command_path if error.ctx else command} --help`."


def _no_option(error: NoSuchOption) -> str:
    params = error.ctx.command.params if error.ctx else []
    options = [name for param in params for name in param.opts]
    guesses = get_close_matches(error.option_name, options, FEW)
    return f"There is no option {error.option_name}{_meant(guesses)}"


def _meant(guesses: list[str]) -> str:
    return f" (did you mean {' or '.join(guesses)}?)" if guesses else ""


def _missing(error: MissingParameter) -> str:
    return f"{_name(error)} is missing"


def _name(error: BadParameter) -> str:
    """An option by its own name, an argument by the one in its usage."""
    param = error.param
    if param is None:
        return "A value"
    return param.opts[0] if param.param_type_name == "option" else str(param.display_name_raw)


def _bad_value(error: BadParameter) -> str:
    param, given = error.param, _given(error)
    rule = _rule(param) if param is not None else ""
    if not rule or error.__cause__ is None:
        return f"{_name(error)}: {error.message.rstrip('.')}"
    return f"{_name(error)} must be {rule}" + (f", not {given}" if given is not None else "")


def _given(error: BadParameter) -> object:
    """What was typed, by the error of the library that read it (pydantic)."""
    errors = getattr(error.__cause__, "errors", None)
    return errors()[0].get("input") if errors else None


def _rule(param: Any) -> str:
    """What a value has to be, in words; nothing for what has no such rule."""
    kind = param.type_descriptor
    if kind.is_choice and kind.choices:
        *most, last = map(str, kind.choices)
        return f"{', '.join(most)} or {last}" if most else last
    number = {int: "a whole number", float: "a number"}.get(kind.annotation, "")
    if not number:
        return ""
    ends = {"from": getattr(param, "min", None), "to": getattr(param, "max", None)}
    told = (f"{word} {end:,g}" for word, end in ends.items() if end is not None)
    return " ".join([number, *told])


def _other(error: UsageError) -> str:
    """No such command, a word too many, and whatever else the parser may say."""
    message = error.message.rstrip(".?")
    if message.startswith("No such command"):
        word, _, guesses = message.removeprefix("No such command ").partition(". Did you mean ")
        found = [guess.strip("'") for guess in guesses.split(", ") if guess][:FEW]
        return f"There is no command {word.strip(chr(39))}{_meant(found)}"
    if message.startswith("Got unexpected extra argument"):
        return f"Too much was given, {message.rpartition('(')[2].rstrip(')')}"
    return message
