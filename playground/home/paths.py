"""Where things are: the project, found from this package, and the local cloud's files under
`.playground/`.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from playground.home import folder

DIR_VARIABLE = "PLAYGROUND_DIR"
PROJECT = Path(__file__).resolve().parents[2]


def is_there(path: Path) -> bool:
    """Whether there is something of that name. Raises OSError if nobody can tell; `exists` may say
    no.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@dataclass(frozen=True)
class Paths:
    """Every path that the command uses, from the project's root."""

    root: Path = PROJECT
    directory: Path | None = None

    @classmethod
    def here(cls) -> "Paths":
        """Those of this project and environment: PLAYGROUND_DIR names another folder than
        `.playground/`.

        A relative one is meant from where the command was called.
        """
        named = os.environ.get(DIR_VARIABLE)
        return cls(directory=Path(named).absolute() if named else None)

    @cached_property
    def home(self) -> Path:
        """What `playground reset` forgets. Absolute, and past all links: one folder has one
        name.
        """
        return (self.directory or self.root / ".playground").resolve()

    @property
    def lock(self) -> Path:
        """Beside the home, because `reset` removes that while it holds the lock."""
        return self.home.with_name(self.home.name + ".lock")

    @property
    def state(self) -> Path:
        """What is up: ports, process ids, hashes (JSON)."""
        return self.home / "state.json"

    @property
    def secret(self) -> Path:
        """Root secret of the local account, mode 0600."""
        return self.home / "secret"

    @property
    def ca(self) -> Path:
        """The emulator's certificate authority (PEM)."""
        return self.home / "ca.pem"

    @property
    def logs(self) -> Path:
        """Logs of emulator, agent, SAM and devices."""
        return self.home / "logs"

    @property
    def build(self) -> Path:
        """What `sam build` made for the local home; `.aws-sam/` stays the user's."""
        return self.home / "build"

    @property
    def devices(self) -> Path:
        """State directories of the devices, one per task id."""
        return self.home / "devices"

    @property
    def images(self) -> Path:
        """Device images, a directory each; in AWS they are in the repository."""
        return self.home / "images"

    @property
    def builds(self) -> Path:
        """How the builds of uploaded sources ended, a file each."""
        return self.home / "builds"

    @property
    def emulator(self) -> Path:
        """What the emulator keeps: all that is in the local cloud, keys that it has made too."""
        return self.home / "emulator"

    @property
    def running(self) -> Path:
        """One file per device process, so that a later agent finds what an earlier one left
        behind.
        """
        return self.home / "running"

    @property
    def listening(self) -> Path:
        """One file per `playground listen` that runs, named for its policy: for the next one, if it
        is killed.
        """
        return self.home / "listening"

    @property
    def authorities(self) -> Path:
        """Keys of the user's own authorities, a file (0600) for each stack; those on AWS too."""
        return self.home / "authorities"

    @property
    def agent_ready(self) -> Path:
        """Where the agent says that it has begun, by its process id."""
        return self.home / "agent.ready"

    @property
    def console_key(self) -> Path:
        """Who has it can sign in at the console: mode 0600."""
        return self.home / "console.key"

    @property
    def console_open(self) -> Path:
        """A page that leads a browser to the console, mode 0600."""
        return self.home / "console-open.html"

    @property
    def sessions(self) -> Path:
        """One file per terminal session, with the home that it was told of last."""
        return self.home / "sessions"

    @property
    def tmp(self) -> Path:
        """What the emulator and SAM have for a temporary directory."""
        return self.home / "tmp"

    def tool(self, environment: str, name: str) -> Path:
        """A program of one of the environments, such as `tool("sam", "sam")`."""
        return self.root / ".venvs" / environment / "bin" / name

    def make(self) -> None:
        """Create the folders; `.playground/` holds keys, so it is the user's alone.

        Raises FolderError when there is somebody else's folder.
        """
        folder.claim(self.home)
        # The folder itself may have been there before, and be open to others.
        for kept in (
            self.logs,
            self.devices,
            self.images,
            self.builds,
            self.running,
            self.emulator,
            self.tmp,
        ):
            kept.mkdir(mode=0o700, exist_ok=True)
