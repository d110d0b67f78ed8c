"""Text that somebody else has written, so that a terminal takes no orders from it.

Devices write topics, payloads, logs and reasons. A control sequence (ECMA-48, 5.3 and 5.6) in one
of them could clear the screen, name the window or fill the clipboard of whoever looks; an override
of the direction (UAX #9) shows another text than there is.
"""

import re

_DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
_HALVES = "\ud800-\udfff"  # of a surrogate pair, which no encoding takes
_ORDERS = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTIONS}{_HALVES}]")
_PICTURES = 0x2400
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def harmless(text: str) -> str:
    """The same with a picture in place of each control character but tab and line feed."""
    return _ORDERS.sub(lambda found: _picture(found[0]), text)


def escaped(text: str) -> str:
    """The same JSON document with those as escapes, which JSON itself wants for some of them
    only.
    """
    return _ORDERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _picture(character: str) -> str:
    return chr(_PICTURES + ord(character)) if character < " " else _REPLACEMENT
