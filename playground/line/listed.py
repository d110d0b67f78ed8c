"""A list of serial numbers as somebody has it: a file, or words of a command line. All of it is
checked before anything is done with it.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.errors import InvalidInput
from common.identifiers import checked_batch, checked_thing_name
from common.jsonvalues import told
from playground.base.input_files import STDIN, content_of, name_of
from playground.devices.serials import Entry
from playground.errors import InputFileError, UsageError

HEADER = ["serial", "batch"]
MOST_BYTES = 33_554_432


def batch_of(value: str | None) -> str | None:
    """What `--batch` says. Raises UsageError."""
    try:
        return None if value is None else checked_batch(value)
    except InvalidInput as error:
        raise UsageError(f"--batch: {error.rule}.") from None


def entries_of(file: Path, batch: str | None) -> list[Entry]:
    """Those of a CSV file with the header `serial,batch`; with a batch, of a file with a serial
    number a line. Raises InputFileError, which names the first line at fault and the rule.
    """
    name = name_of(file)
    try:
        text = content_of(file, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(f"{name} must be UTF-8: byte {error.start} is not.") from None
    found: dict[str, Entry] = {}
    for number, serial, of_batch in _lines(name, text, batch):
        where = f"{name}, line {number}"
        entry = Entry(_serial(where, serial), _batch(where, of_batch), where)
        if serial in found:
            raise InputFileError(f"{where}: serial: {serial} stands in {found[serial].where} too.")
        found[serial] = entry
    if not found:
        raise InputFileError(f"{name} has no serial number in it.")
    return list(found.values())


def named(words: Iterable[str], batch: str | None) -> list[Entry]:
    """Entries that are meant by words: serial numbers, or the files that are lists of some. An
    entry without a batch means all that the serial number is listed for. Raises UsageError,
    InputFileError.
    """
    found: dict[tuple[str, str | None], Entry] = {}
    for word in words:
        if _is_list(word):
            for entry in entries_of(Path(word), batch):
                found[entry.serial, entry.batch] = entry
        else:
            found[word, batch] = Entry(_typed(word), batch, word)
    return list(found.values())


def _lines(name: str, text: str, batch: str | None) -> Iterator[tuple[int, str, str]]:
    """Number, serial number and batch of each line that has something in it."""
    if batch is not None:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield number, line.strip(), batch
        return
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        if next(rows, []) != HEADER:
            raise InputFileError(
                f"{name}, line 1: must be the header serial,batch; or give --batch, and a serial "
                "number a line."
            )
        for row in rows:
            if len(row) not in {0, len(HEADER)}:
                raise InputFileError(
                    f"{name}, line {rows.line_num}: must be a serial number and a batch, has "
                    f"{len(row)} values."
                )
            if row:
                yield rows.line_num, row[0].strip(), row[1].strip()
    except csv.Error as error:
        raise InputFileError(f"{name}, line {rows.line_num}: is no CSV: {error}.") from None


def _serial(where: str, value: str) -> str:
    try:
        return checked_thing_name(value)
    except InvalidInput as error:
        raise InputFileError(f"{where}: serial: {error.rule}.") from None


def _batch(where: str, value: str) -> str:
    try:
        return checked_batch(value)
    except InvalidInput as error:
        raise InputFileError(f"{where}: batch: {error.rule}.") from None


def _is_list(word: str) -> bool:
    """Whether it can be read: a folder with a device's name (`create NAME --own`) can't."""
    path = Path(word)
    try:
        return path == STDIN or (path.exists() and not path.is_dir())
    except (OSError, ValueError):  # it is too long for a file's name, or has a NUL in it
        return False


def _typed(word: str) -> str:
    try:
        return checked_thing_name(word)
    except InvalidInput as error:
        raise UsageError(f"{told(word)} is no file, and no serial number: {error.rule}.") from None
