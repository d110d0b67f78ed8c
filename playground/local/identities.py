"""The devices' identities on this machine: which state directory is whose, by what lies in it.

A state directory is named after the task that runs on it, and tasks change with every start of the
local cloud. What is in it names the device: `<directory>/<thing>/identity.json`. So a device is
found again whatever was interrupted, and no identity goes that belongs to a device of the catalog.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from common.identifiers import NOWHERE
from playground.home.folder import remove_made
from playground.home.paths import is_there

IDENTITY_FILE = "identity.json"
GONE = ("FAILED", "TERMINATED")
RESTING = ("ONLINE", "OFFLINE", "QUARANTINED")


@dataclass(frozen=True)
class Owner:
    """A device of the catalog: its status, its task's ARN, the ids of certificates that may be its
    own.
    """

    thing_name: str
    status: str
    task_arn: str = ""
    certificates: frozenset[str] = field(default_factory=frozenset)
    virtual: bool = True
    """Whether it runs here, and its key is here."""

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Owner | None":
        """From the texts of a catalog row; None when its device is gone."""
        if row["status"] in GONE and "given_up_at" not in row:
            return None
        found = {row.get("certificate_id"), row.get("next_certificate_id")} - {None}
        return cls(
            row["thing_name"],
            row["status"],
            row.get("task_arn", ""),
            frozenset(map(str, found)),
            row.get("hosting") != NOWHERE,
        )

    @property
    def is_made(self) -> bool:
        """Whether it has to run: it is neither being made nor has it failed for good."""
        return self.status in RESTING


@dataclass
class Identities:
    """All state directories, as they were when it was asked first."""

    folder: Path

    def of(self, owner: Owner) -> Path | None:
        """The directory with the device's identity.

        Of several the one that holds a certificate of its own.
        """
        task_id = owner.task_arn.rpartition("/")[2]
        found = self._holders.get(owner.thing_name, [])
        ranked = sorted(
            found, key=lambda one: (one[1] in owner.certificates, one[0].name == task_id)
        )
        if ranked:
            return ranked[-1][0]
        # A device that has not come so far as to have an identity.
        own = self.folder / task_id
        return own if task_id and is_there(own) else None

    def certificate_of(self, owner: Owner) -> str | None:
        """Id of the certificate that the device would show; None when it has none."""
        folder = self.of(owner)
        holders = self._holders.get(owner.thing_name, [])
        return next((certificate for holder, certificate in holders if holder == folder), None)

    def move(self, owner: Owner, task_id: str) -> None:
        """Let the task run on the device's identity, unless the task has a directory already."""
        folder, wanted = self.of(owner), self.folder / task_id
        if folder is None or folder == wanted or wanted.exists():
            return
        folder.rename(wanted)
        holders = self._holders.get(owner.thing_name, [])
        self._holders[owner.thing_name] = [
            (wanted if holder == folder else holder, certificate) for holder, certificate in holders
        ]

    def sweep(self, tasks: Collection[str], owners: Iterable[Owner]) -> list[str]:
        """Remove directories of neither a task nor a device of the catalog; gives their names.

        What no task is called like is nobody's of ours, and stays.
        """
        kept = {self.of(owner) for owner in owners}
        swept = []
        for folder in sorted(self.folder.iterdir()):
            if folder.name not in tasks and folder not in kept:
                left = remove_made(self.folder, folder.name)
                swept += [] if left or is_there(folder) else [folder.name]
        return swept

    def _files(self) -> Iterator[Path]:
        """Every identity. Raises OSError for what can't be read: an identity that is overlooked
        would be removed.
        """
        for folder in self.folder.iterdir():
            for thing in folder.iterdir() if folder.is_dir() else ():
                if is_there(thing / IDENTITY_FILE):
                    yield thing / IDENTITY_FILE

    @cached_property
    def _holders(self) -> dict[str, list[tuple[Path, str]]]:
        found: dict[str, list[tuple[Path, str]]] = {}
        for file in sorted(self._files(), key=lambda one: one.stat().st_mtime):
            found.setdefault(file.parent.name, []).append((file.parents[1], _certificate(file)))
        return found


def _certificate(file: Path) -> str:
    """Id of the certificate in an identity; "" when it is damaged. Raises OSError when it can't be
    read.
    """
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return str(json.loads(file.read_bytes())["certificateId"])
    return ""
