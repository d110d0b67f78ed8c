"""Where a command goes, said once a session: not before each answer, again when it has changed.

A session is what POSIX calls one: all that was started from one terminal window, one login over
SSH, or one job of CI (getsid(2)).
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from playground.base.processes import birth
from playground.errors import FolderError
from playground.home.folder import claim
from playground.home.paths import Paths


@dataclass(frozen=True)
class Session:
    """One session, by its leader. `name` is None when that can't be told from another: it is new
    each time, then."""

    name: str | None

    @classmethod
    def here(cls) -> "Session":
        """The one that this process belongs to."""
        return cls(name_of(os.getsid(0)))

    def hears_first(self, paths: Paths, label: str) -> bool:
        """Whether the session was told of another home last, or of none; from now on of this."""
        if self.name is None:
            return True
        file = paths.sessions / self.name
        with suppress(OSError):
            if file.read_text(encoding="utf-8") == label:
                return False
        # Whoever can't write there is told each time.
        with suppress(OSError, FolderError):
            claim(paths.home)
            paths.sessions.mkdir(mode=0o700, exist_ok=True)
            forget_ended(paths.sessions)
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            draft.write_text(label, encoding="utf-8")
            draft.replace(file)
        return True


def name_of(leader: int) -> str | None:
    """A number may be another process's one day: with its beginning it is not."""
    with suppress(OSError):
        if born := birth(leader):
            return f"{leader}-{sha256(born.encode()).hexdigest()[:12]}"
    return None


def forget_ended(folder: Path) -> None:
    """Remove what is known of sessions that are over."""
    for file in folder.iterdir():
        number = file.name.partition("-")[0]
        if not number.isdigit() or name_of(int(number)) != file.name.partition(".")[0]:
            file.unlink(missing_ok=True)
