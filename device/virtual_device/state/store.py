"""The state directory: a directory per thing (0700) with `identity.json`, `settings.json`,
`firmware.json` (0600).

Files are replaced as a whole: written aside, flushed to the disk, renamed; only settings are not
flushed, for what a power cut takes of them is found again in what the device last reported. The
identity is one file, so there is no moment at which half of one can be found.

A thing's directory has its name. Where there is one already that differs in case alone, it is
`<name>~<digest>`: on a file system that folds case both would be one directory, and `~` is in no
thing's name.
"""

import json
import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from virtual_device.base.descriptors import PASSING
from virtual_device.base.errors import ConfigInvalidError, StateCorruptError, StateUnusableError
from virtual_device.base.jsonvalue import Json, JsonObject, NotJsonError, read_object
from virtual_device.state.config import Config, Identity
from virtual_device.telemetry.thing import THING_NAME

log = logging.getLogger(__name__)

IDENTITY_FILE = "identity.json"
SETTINGS_FILE = "settings.json"
FIRMWARE_FILE = "firmware.json"
DOCUMENT_VERSION = 1
TWIN = "~"

UNFINISHED = re.compile(
    r"\.(identity|settings|firmware|rotation|request|claimed|manifest)\.json\.[a-z0-9_]{8}"
)
"""What `_replace` writes to. Nothing else in a directory that somebody names is ours to remove."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device that is ready to connect: what it is, who it is, and where both came from.

    The sources are digests of the URLs: enough to tell the same again, of no use to fetch anything.
    """

    config: Config
    identity: Identity
    config_source: str = ""
    identity_source: str = field(default="")
    seat: str = ""
    """The seat that it has on a host (`seat.Seat`); empty for a device that has none."""


def digest(url: str) -> str:
    """What is kept of a URL that must not be kept."""
    return sha256(url.encode()).hexdigest()


class Store:
    """The state directory of this process. Made with mode 0700 when it isn't there. Raises
    `StateUnusableError`.

    Several threads may use it at once, for different things: their files have nothing in common,
    and which directory is whose is looked up by one thread at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        _make_private(directory)
        self._there = set(_names(directory))
        self._folded: dict[str, set[str]] = {}
        self._looking_up = threading.Lock()
        for name in self._there:
            self._folded.setdefault(name.casefold(), set()).add(name)
        # A process that was killed while it wrote has left the file half-written, perhaps with a
        # key in it.
        for name in filter(_is_a_things, self._there):
            for unfinished in filter(UNFINISHED.fullmatch, _names(directory / name)):
                with suppress(OSError):
                    (directory / name / unfinished).unlink()

    def stored(self) -> Iterator[str]:
        """Names of the things whose identity is kept here. Raises `StateUnusableError`."""
        for directory in _names(self._directory):
            name = directory.partition(TWIN)[0]
            if not THING_NAME.fullmatch(name) or self._of(name).name != directory:
                continue
            if IDENTITY_FILE in _names(self._directory / directory):
                yield name

    def load(self, thing_name: str) -> Enrolment | None:
        """The kept identity, None when there is none. Raises `StateCorruptError`."""
        path = self._path(thing_name, IDENTITY_FILE)
        document = _read(path)
        if document is None:
            return None
        try:
            return _enrolment(document, thing_name)
        except ConfigInvalidError as error:
            raise StateCorruptError(
                f"{path} is damaged ({error}); nothing of it is used"
            ) from error

    def save(self, enrolment: Enrolment) -> None:
        """Keep an identity. Raises `StateUnusableError`."""
        self._write(enrolment.config.thing.name, IDENTITY_FILE, _as_document(enrolment))

    def load_settings(self, thing_name: str) -> JsonObject | None:
        """The kept settings, None when there are none. Raises `StateCorruptError`."""
        path = self._path(thing_name, SETTINGS_FILE)
        document = _read(path)
        if document is None:
            return None
        settings = document.get("settings")
        if document.get("version") != DOCUMENT_VERSION or not isinstance(settings, dict):
            raise StateCorruptError(f"{path} is damaged (no settings in it); nothing of it is used")
        return settings

    def save_settings(self, thing_name: str, settings: JsonObject) -> None:
        """Keep settings. Raises `StateUnusableError`; then older ones aren't kept either, for they
        would be a lie.
        """
        try:
            document = {"version": DOCUMENT_VERSION, "settings": dict(settings)}
            self._write(thing_name, SETTINGS_FILE, document, durable=False)
        except StateUnusableError:
            with suppress(OSError):
                self._path(thing_name, SETTINGS_FILE).unlink()
            raise

    def load_document(self, thing_name: str, name: str) -> dict[str, Json] | None:
        """The JSON object in any other file of the thing, None when there is none. Raises
        `StateCorruptError`.
        """
        return _read(self._path(thing_name, name))

    def save_document(self, thing_name: str, name: str, document: Mapping[str, object]) -> None:
        """Keep a JSON object in a file of the thing. Raises `StateUnusableError`."""
        self._write(thing_name, name, document)

    def remove_document(self, thing_name: str, name: str) -> None:
        """Keep it no longer, if it is there at all. Raises `StateUnusableError`."""
        path = self._path(thing_name, name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(f"{path} can't be removed", error) from error

    def forget(self, thing_name: str) -> None:
        """Remove all that is kept of a thing, the identity last: until that is gone, one sees whose
        the rest is. Raises `StateUnusableError`; then it can be asked for again.
        """
        directory = self._of(thing_name)
        try:
            for name in sorted(_names(directory), key=IDENTITY_FILE.__eq__):
                _remove(directory / name)
            if directory.is_dir():
                directory.rmdir()
        except OSError as error:
            raise _unusable(f"{directory} can't be removed", error) from error
        with self._looking_up:
            self._there.discard(directory.name)
            self._folded.get(thing_name.casefold(), set()).discard(thing_name)

    def _path(self, thing_name: str, name: str) -> Path:
        return self._of(thing_name) / name

    def _of(self, thing_name: str) -> Path:
        """The thing's directory, the same for as long as it is there.

        Goes by what the directory itself says: to ask for a name is answered for another case too.
        """
        own = f"{thing_name}{TWIN}{sha256(thing_name.encode()).hexdigest()[:8]}"
        with self._looking_up:
            if thing_name in self._there and own not in self._there:
                return self._directory / thing_name
            alike = self._folded.setdefault(thing_name.casefold(), set())
            name = own if own in self._there or alike - {thing_name} else thing_name
            self._there.add(name)
            alike.add(thing_name)
            return self._directory / name

    def _write(
        self, thing_name: str, name: str, document: Mapping[str, object], *, durable: bool = True
    ) -> None:
        directory = self._of(thing_name)
        _make_private(directory)
        try:
            _replace(directory, name, json.dumps(document).encode(), durable=durable)
        except OSError as error:
            raise _unusable(f"{directory / name} can't be written", error) from error


def _is_a_things(directory: str) -> bool:
    return THING_NAME.fullmatch(directory.partition(TWIN)[0]) is not None


def _replace(directory: Path, name: str, content: bytes, *, durable: bool) -> None:
    """Write `name` so that a reader finds the old content or the new, whole; `durable`: after a
    power cut too.
    """
    descriptor, temporary = tempfile.mkstemp(
        prefix=f".{name}.", dir=directory
    )  # made with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).replace(directory / name)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    if not durable:
        return
    parent = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _remove(path: Path) -> None:
    """A file, or a directory that somebody has put there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_mode & 0o077:
            directory.chmod(0o700)
    except PermissionError as error:
        # A volume that was mounted for us may belong to another user and yet be writable.
        if not os.access(directory, os.W_OK | os.X_OK):
            raise _unusable(f"{directory} can't be used", error) from error
        log.warning("%s is open to others and can't be closed: %s", directory, error)
    except OSError as error:
        raise _unusable(f"{directory} can't be used", error) from error


def _names(directory: Path) -> list[str]:
    """What is in it; nothing when it is not there or no directory."""
    try:
        found = sorted(path.name for path in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unusable(f"{directory} can't be read", error) from error
    return found


def _unusable(what: str, error: OSError) -> StateUnusableError:
    return StateUnusableError(f"{what}: {error}", permanent=error.errno not in PASSING)


def _read(path: Path) -> dict[str, Json] | None:
    try:
        content = path.read_bytes()
        if path.stat().st_mode & 0o077:
            log.warning("%s was open to others; closed", path)
            path.chmod(0o600)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(f"{path} can't be read", error) from error
    try:
        return read_object(content)
    except NotJsonError as error:
        raise StateCorruptError(f"{path} is damaged ({error}); nothing of it is used") from error


def _enrolment(document: JsonObject, thing_name: str) -> Enrolment:
    config = Config.from_document(_part(document, "config"))
    if config.thing.name != thing_name:
        raise ConfigInvalidError(f"it belongs to {config.thing.name}")
    return Enrolment(
        config,
        Identity.from_document(document),
        str(document.get("configSource", "")),
        str(document.get("identitySource", "")),
        str(document.get("seat", "")),
    )


def _part(document: JsonObject, key: str) -> JsonObject:
    value = document.get(key)
    if not isinstance(value, dict):
        raise ConfigInvalidError(f"{key} is missing")
    return value


def _as_document(enrolment: Enrolment) -> dict[str, object]:
    document: dict[str, object] = {
        **enrolment.identity.as_document(),
        "config": enrolment.config.as_document(),
        "configSource": enrolment.config_source,
        "identitySource": enrolment.identity_source,
    }
    if enrolment.seat:
        document["seat"] = enrolment.seat
    return document
