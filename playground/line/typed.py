"""What somebody has typed, piped or exported: read as it was meant, or refused with its name.

Nothing is asked of a cloud before all of it was read.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import typer

from common.device_wish import DeviceWish
from common.errors import InvalidInput
from common.jsontext import decode
from common.jsonvalues import Json, JsonSyntaxError, NotJsonError, is_unicode, path_of
from common.statuses import STATUSES
from playground.errors import SettingError, UsageError

OURS = ("PLAYGROUND_", "AWS_", "IOT_")
"""Beginnings of the names of environment variables that we, or the AWS SDK for us, read."""

BYTE_ORDER_MARK = "\ufeff"
MAX_SECRET_BYTES = 4096
LONGEST_WAIT = 86_400.0
"""Seconds that a command waits at most: a day."""


def settings_of(pairs: Sequence[str]) -> dict[str, Json]:
    """`KEY=VALUE` pairs as a dict; a VALUE that is no JSON is a string. Raises SettingError, which
    names the key."""
    return {key: _value(key, text) for key, text in _pairs(pairs, "time=5")}


def attributes_of(pairs: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` pairs as thing attributes, which are strings. Raises SettingError."""
    return dict(_pairs(pairs, "room=kitchen"))


def wish_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The input of the provisioning workflow, by the rules that the workflow itself holds it to.

    Raises UsageError with field and rule.
    """
    try:
        DeviceWish.of(dict(request))
    except InvalidInput as error:
        raise UsageError(f"{error}.") from None
    return dict(request)


def statuses_of(words: Iterable[str]) -> list[str]:
    """Statuses of the catalog, with commas between them or one by one, in any case.

    Raises UsageError.
    """
    given = [word.strip() for listed in words for word in listed.split(",")]
    for word in given:
        if word.upper() not in STATUSES:
            raise UsageError(f"--status: must be one of {', '.join(STATUSES)}, got {word!r}.")
    return list(dict.fromkeys(word.upper() for word in given))


def seconds(value: float | None) -> float | None:
    """The callback of an option of seconds: inf and nan are numbers for the parser of options.
    Raises BadParameter."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number of seconds.")
    return value


def secret_line(content: bytes) -> str:
    """The first line of what was piped, without what only a shell has added to it. Raises
    UsageError.

    PowerShell begins with a byte order mark and ends with CR and LF; neither is part of a password.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:2]:
        raise UsageError("The password on standard input must be UTF-8, and seems to be UTF-16.")
    line = content.split(b"\n", 1)[0]
    if len(line) > MAX_SECRET_BYTES:
        raise UsageError(
            f"The password on standard input must have at most {MAX_SECRET_BYTES} bytes."
        )
    try:
        text = without_marks(line.decode())
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The password on standard input must be UTF-8: byte {error.start} is not."
        ) from None
    if not text:
        raise UsageError("The password on standard input is empty.")
    return text


def without_marks(text: str) -> str:
    """Without a byte order mark before it and line ends behind it, which nobody has typed and
    nobody sees."""
    return text.removeprefix(BYTE_ORDER_MARK).rstrip("\r\n")


def mend(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take such marks off the variables that are read here: a file with CR and LF, sourced, leaves
    them."""
    for name in [name for name in environ if name.startswith(OURS)]:
        if (mended := without_marks(environ[name])) != environ[name]:
            environ[name] = mended


def words_of(words: Iterable[str]) -> list[str]:
    """The words of a command line without such marks: a list of names with CR and LF leaves some.

    Raises UsageError for what is no Unicode.
    """
    found = [without_marks(word) for word in words]
    for word in found:
        if not is_unicode(word):
            raise UsageError(
                f"{word.encode(errors='backslashreplace').decode()!r} is not valid UTF-8."
            )
    return found


def _pairs(pairs: Sequence[str], such_as: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise SettingError(f"{pair!r} is not KEY=VALUE, such as {such_as}.")
        if key in seen:
            raise SettingError(f"{key} is given twice.")
        seen.add(key)
        yield key, text


def _value(key: str, text: str) -> Json:
    try:
        return decode(text)
    except JsonSyntaxError:
        return text
    except NotJsonError as error:
        raise SettingError(f"{path_of((key, *error.place))}: {error.rule}.") from None
