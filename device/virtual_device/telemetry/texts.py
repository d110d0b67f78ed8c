"""Texts that are made: by a pattern, or of what looks random, the same for the same moment."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import shake_256
from typing import Protocol

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.generators import turn_of
from virtual_device.telemetry.held import word
from virtual_device.telemetry.moment import Moment, is_number

SPEC = r"(?:0?[1-9][0-9]?)?(?:[dxX]|(?:\.[0-9])?f)"
"""How a number is written: width, decimals and kind, as `06.2f`."""

PATTERN = r"(?:[^{}]|\{\{|\}\}|\{[^{}:]+(?::" + SPEC + r")?\})*"
"""Text with `{name}` or `{name:06.2f}` in it; `{{` and `}}` are braces."""

THING = "thing"
"""The place that needs no member: the thing's name."""

WORDS = (
    "amber", "anchor", "apple", "arrow", "basin", "beacon", "birch", "breeze", "bridge",
    "cedar", "cliff", "cloud", "copper", "coral", "crane", "delta", "dune", "ember", "falcon",
    "fern", "field", "flint", "forest", "garden", "glacier", "granite", "harbor", "hazel",
    "heron", "island", "ivory", "jasper", "juniper", "lagoon", "lake", "lantern", "lark",
    "maple", "marble", "meadow", "mill", "moss", "north", "oak", "ocean", "orchid", "pebble",
    "pine", "quartz", "raven", "reef", "ridge", "river", "saddle", "sage", "shore", "spruce",
    "stone", "summit", "thistle", "tide", "valley", "willow", "wren",
)  # fmt: skip
"""64 of them."""

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}:]+)(?::(" + SPEC + r"))?\}")


class Told(Protocol):
    """A member, as a pattern sees it."""

    def there(self, moment: Moment) -> bool:
        """Whether there is anything to say."""

    def value(self, moment: Moment) -> Json:
        """What it says."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with places that members fill."""

    pattern: str
    members: Mapping[str, Told]
    numeric = False

    def value(self, moment: Moment) -> str:
        """With nothing in the place of a member that is left out."""

        def filled(match: re.Match[str]) -> str:
            name, form = match.groups()
            if name is None:
                return match.group()[0]
            member = self.members.get(name)
            if member is None:
                return moment.name
            return _written(member.value(moment), form) if member.there(moment) else ""

        return _PLACE.sub(filled, self.pattern)


def places(pattern: str) -> list[tuple[str, str | None]]:
    """The names in a pattern, each with how its number is written."""
    found = (match.groups() for match in _PLACE.finditer(pattern))
    return [(name, form) for name, form in found if name is not None]


def _written(value: Json, form: str | None) -> str:
    if form is None or not is_number(value):
        return word(value)
    assert isinstance(value, int | float)  # noqa: S101 - is_number
    return format(value if form[-1] == "f" else round(value), form)


@dataclass(frozen=True, slots=True)
class Hex:
    """So many hexadecimal digits, with `separator` after every second one."""

    key: str
    length: int
    upper: bool
    separator: str
    once: bool
    every: float | None
    numeric = False

    def value(self, moment: Moment) -> str:
        """Lower case unless `upper`."""
        digits = _bytes(self, moment, (self.length + 1) // 2).hex()[: self.length]
        if self.separator:
            digits = self.separator.join(digits[n : n + 2] for n in range(0, len(digits), 2))
        return digits.upper() if self.upper else digits


@dataclass(frozen=True, slots=True)
class Base64:
    """So many bytes, as Base64."""

    key: str
    length: int
    once: bool
    every: float | None
    numeric = False

    def value(self, moment: Moment) -> str:
        """With padding."""
        return b64encode(_bytes(self, moment, self.length)).decode()


@dataclass(frozen=True, slots=True)
class Uuid:
    """A UUID of version 4 (RFC 9562)."""

    key: str
    once: bool
    every: float | None
    numeric = False

    def value(self, moment: Moment) -> str:
        """In lower case."""
        raw = bytearray(_bytes(self, moment, 16))
        raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
        text = raw.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass(frozen=True, slots=True)
class Words:
    """So many words with a space between."""

    key: str
    count: int
    once: bool
    every: float | None
    numeric = False

    def value(self, moment: Moment) -> str:
        """Of `WORDS`."""
        return " ".join(WORDS[byte % len(WORDS)] for byte in _bytes(self, moment, self.count))


def _bytes(text: Hex | Base64 | Uuid | Words, moment: Moment, count: int) -> bytes:
    turn = "" if text.once else turn_of(moment, text.every)
    return shake_256(f"{moment.seed}/{text.key}/{turn}".encode()).digest(count)
