"""Generations of the emulator's state on disk: each a folder of its own, written whole or not
there.

    generations/00000007/manifest.json    what belongs to it, with size and SHA-256
    generations/00000007/services.json    the services' states, in the emulator's own format
    generations/blobs/<SHA-256>           objects' bodies and functions' code, shared by generations
    generations/unreadable/               the last one that could not be read, to look at

A new one is written beside the old ones, flushed to the disk and renamed. The one before stays, and
is used when the newest can't be read. Standard library only: the emulator's interpreter and the
command's both read it.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1
KEPT = 2
DRAFT = ".new"
MANIFEST = "manifest.json"


def running_marker(folder: Path) -> Path:
    """A file that is there while the emulator of this folder runs; only a clean end removes it."""
    return folder / "running"


class UnreadableError(Exception):
    """A generation of which something is missing or damaged; says what."""


@dataclass(frozen=True)
class Generation:
    """One that is whole: its number, when its moment was, and the digests of its files and
    blobs.
    """

    number: int
    at: datetime
    files: Mapping[str, str]
    blobs: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Services whose state the emulator could not give, and why."""


@dataclass(frozen=True)
class Contents:
    """What is to be written: files by name, blobs by SHA-256."""

    files: Mapping[str, bytes]
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Generations:
    """All generations below one folder."""

    folder: Path

    def numbers(self) -> list[int]:
        """Of those that are there, the newest first."""
        if not self.folder.is_dir():
            return []
        return sorted(
            (int(one.name) for one in self.folder.iterdir() if one.name.isdecimal()), reverse=True
        )

    def path(self, number: int) -> Path:
        """Where a generation is."""
        return self.folder / f"{number:08d}"

    def read(self, number: int) -> Generation:
        """What the manifest says, after every file and blob was held against it.

        Raises UnreadableError.
        """
        found = self.manifest(number)
        for name, digest in found.files.items():
            _check(self.path(number) / name, digest)
        for digest in found.blobs:
            _check(self.blob(digest), digest)
        return found

    def blob(self, digest: str) -> Path:
        """Where a blob is."""
        return self.folder / "blobs" / digest

    def newest(self) -> Generation | None:
        """By its manifest alone; None when there is none, or it can't be read."""
        for number in self.numbers()[:1]:
            with suppress(UnreadableError):
                return self.manifest(number)
        return None

    def write(self, contents: Contents, at: datetime) -> Generation | None:
        """A new generation; None when it would be the same as the newest.

        Raises OSError; then nothing is changed.
        """
        with self.held():
            digests = {name: _digest(content) for name, content in contents.files.items()}
            before = self.newest()
            if before and (before.files, before.left_out) == (digests, contents.left_out):
                return None
            number = max(self.numbers(), default=0) + 1
            made = Generation(number, at, digests, frozenset(contents.blobs), contents.left_out)
            self._write(made, contents)
            self._prune()
            return made

    def set_aside(self, number: int) -> None:
        """Take one that can't be read out of the way; only the last such is kept."""
        aside = self.folder / "unreadable"
        if aside.exists():
            shutil.rmtree(aside)
        self.path(number).rename(aside)

    @contextmanager
    def held(self) -> Iterator[None]:
        """One at a time, whichever process it is: one that writes may have outlived the emulator
        that began it.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def manifest(self, number: int) -> Generation:
        """What the manifest says; the files may be another matter. Raises UnreadableError."""
        path = self.path(number) / MANIFEST
        try:
            said: dict[str, Any] = json.loads(path.read_bytes())
            if said["format"] != FORMAT:
                raise UnreadableError(f"{path} is of format {said['format']}, not {FORMAT}")
            at, left_out = datetime.fromisoformat(said["at"]), said["left_out"]
            return Generation(number, at, said["files"], frozenset(said["blobs"]), left_out)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(f"{path} can't be read: {_why(error)}") from error

    def _write(self, made: Generation, contents: Contents) -> None:
        draft = self.folder / DRAFT
        if draft.exists():
            shutil.rmtree(draft)
        try:
            self._write_blobs(contents.blobs)
            draft.mkdir(mode=0o700)
            for name, content in contents.files.items():
                _write_durably(draft / name, content)
            _write_durably(draft / MANIFEST, _as_manifest(made))
            _flush(draft)
            draft.rename(self.path(made.number))
            _flush(self.folder)
        except OSError:
            # A full disk is not to stay full because of us.
            shutil.rmtree(draft, ignore_errors=True)
            with suppress(OSError):
                self._prune_blobs()
            raise

    def _write_blobs(self, blobs: Mapping[str, bytes]) -> None:
        folder = self.folder / "blobs"
        folder.mkdir(mode=0o700, exist_ok=True)
        for digest, content in blobs.items():
            path = folder / digest
            if path.exists() and path.stat().st_size == len(content):
                continue
            draft = folder / f".{digest}"
            _write_durably(draft, content)
            draft.rename(path)
        _flush(folder)

    def _prune(self) -> None:
        for number in self.numbers()[KEPT:]:
            # Renamed first: what is half removed must not look like a generation.
            gone = self.folder / f".gone-{number}"
            self.path(number).rename(gone)
        for gone in self.folder.glob(".gone-*"):
            shutil.rmtree(gone)
        self._prune_blobs()

    def _prune_blobs(self) -> None:
        kept: set[str] = set()
        for number in self.numbers():
            with suppress(UnreadableError):
                kept |= self.manifest(number).blobs
        for path in (self.folder / "blobs").iterdir():
            if path.name not in kept:
                path.unlink()


def _as_manifest(made: Generation) -> bytes:
    return json.dumps(
        {
            "format": FORMAT,
            "at": made.at.astimezone(UTC).isoformat(),
            "files": dict(made.files),
            "blobs": sorted(made.blobs),
            "left_out": dict(made.left_out),
        }
    ).encode()


def _check(path: Path, digest: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"{path} can't be read: {_why(error)}") from error
    if _digest(content) != digest:
        raise UnreadableError(f"{path} is damaged")


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
