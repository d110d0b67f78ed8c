"""What the machine that the command runs on says of text, width and files, made such that nothing
is lost by it.

No import that takes time, and none of what reads these settings: it runs before everything else.
"""

import codecs
import io
import locale
import os
import re
import sys
from collections.abc import MutableMapping
from typing import TextIO

WIDTHS = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
A_WIDTH = re.compile(r"[1-9][0-9]{1,3}", re.ASCII)
"""From 10 to 9,999. What is less holds no table, and some terminals in scripts say 0."""

PLAIN = {
    "✓": "+",
    "✗": "x",
    "▸": ">",
    "↻": "~",
    "·": ".",
    "…": "...",
    "\N{REPLACEMENT CHARACTER}": "?",
}
"""How our own marks look where there are none."""

HANDLER = "playground"


def settle() -> None:
    """Settle all of it, for this process."""
    for name in useless(os.environ):
        del os.environ[name]
    _read_files_as_utf8()
    codecs.register_error(HANDLER, in_plain_characters)
    sys.stdout = _complete(sys.stdout)
    sys.stderr = _complete(sys.stderr)


def useless(environ: MutableMapping[str, str]) -> list[str]:
    """Variables that are to say how wide a terminal is, and do not."""
    return [name for name in WIDTHS if name in environ and not A_WIDTH.fullmatch(environ[name])]


def in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    """For characters that a terminal or file can't take: our marks in ASCII, all else as JSON
    escapes it.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    if character in PLAIN:
        return PLAIN[character]
    if "\u2400" <= character <= "\u241f":  # the picture of a control character, see harmless.py
        return f"^{chr(ord(character) - 0x2400 + 64)}"
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _read_files_as_utf8() -> None:
    """The project's files are UTF-8, whatever the locale says: begin again in Python's UTF-8 mode
    (PEP 540).

    What the terminal takes stays as it was.
    """
    if sys.flags.utf8_mode or codecs.lookup(locale.getencoding()).name == "utf-8":
        return
    os.environ["PYTHONUTF8"] = "1"
    if sys.stdout is not None:
        os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    # This very program with its own arguments.
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 # nosec B606


def _complete(stream: TextIO | None) -> TextIO:
    """One that takes any character; Python has none at all for a descriptor that was closed."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8", errors=HANDLER)  # noqa: PTH123 - to the end of the process
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=HANDLER)
    return stream
