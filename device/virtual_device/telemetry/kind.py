"""What a row of the table of generators has: see kinds.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.rules import Rule

REQUIRED = object()
"""In the place of a default: there is none."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A member of a generator's object. A default of None isn't checked: the argument is not
    there.
    """

    name: str
    rule: Rule
    default: object = REQUIRED


Arguments = Mapping[str, Any]
"""Arguments that have passed their rules, with defaults for those left out."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A row. `build` gets the member's path and its arguments; `fault` says what is wrong between
    them, and where.
    """

    name: str
    about: str
    arguments: tuple[Argument, ...]
    build: Callable[[str, Arguments], Generator]
    fault: Callable[[Arguments], tuple[str, str] | None] = lambda _arguments: None
    one_of: tuple[str, ...] = ()
    """Arguments of which there must be exactly one."""


def defaults(kind: Kind) -> dict[str, object]:
    """The arguments that may be left out."""
    return {
        argument.name: argument.default
        for argument in kind.arguments
        if argument.default is not REQUIRED
    }
