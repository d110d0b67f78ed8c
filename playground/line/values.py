"""Words of a command line that mean what they say, taken without the library that reads all others.

Typer reads every value with pydantic, an absent one too. To load that takes as long as most
commands, and it changes nothing about a word.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

# Typer has no public way to it; its version is pinned, and tests go by this.
from typer._coercion import RuntimeParam, TypeDescriptor, build_runtime_param

from common.jsonvalues import is_unicode


@dataclass(frozen=True)
class Reading(RuntimeParam):
    """How one parameter is read: by Typer, unless that would give the same again."""

    descriptor: TypeDescriptor

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        kind: Any = self.annotation
        origin: Any = get_origin(kind)
        if kind is str and _is_word(value):
            return value
        if kind == list[str] and isinstance(value, list | tuple) and all(map(_is_word, value)):
            return list(value)
        if origin is Literal and value in get_args(kind):
            return value
        # From the command line it would be a word: it is the default.
        if kind in {int, float} and type(value) is kind:
            return value
        return build_runtime_param(self.descriptor).coerce(value, param=param, ctx=ctx)


def _is_word(value: Any) -> bool:
    """An environment variable may hold what is no Unicode, and Typer refuses it."""
    return isinstance(value, str) and is_unicode(value)


def read_plainly(param: Any) -> None:
    """Have a parameter of Typer's read so."""
    found = param.type_descriptor
    param._runtime_param = Reading(found.parameter_info, found.annotation, found)
