"""The local cloud's folder is the playground's own: it carries a mark, and nothing else is removed.

`PLAYGROUND_DIR` may name any folder. One that is not there or empty becomes the playground's; one
that holds anything else is refused. Within its own folder the playground knows what it makes by
name, and leaves alone, and tells of, what somebody else has put there.
"""

import json
import os
import re
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path

from playground.base.removing import Left, remove, remove_if_empty
from playground.errors import FolderError

MARK = "PLAYGROUND.TAG"
"""The file that says whose the folder is."""

DRAFT = ".new"

FIRST_LINE = "This folder belongs to the AWS IoT Playground."
TEXT = (
    f"{FIRST_LINE}\n`playground reset` removes what the playground has put here, and "
    "nothing else.\n"
)

ANYTHING = ".*"
TASK_ID = "[0-9a-f-]{32,36}"
IMAGE = r"[0-9a-f]{64}(\.draft|\.gone)?"

NO_FOLDER = ""

CONTENT = {
    r"state\.(json(\.damaged)?|\d+)": NO_FOLDER,
    "secret": NO_FOLDER,
    r"ca\.pem": NO_FOLDER,
    r"consent\.(json|draft)": NO_FOLDER,
    r"agent\.ready": NO_FOLDER,
    r"console(\.key|-open\.html)(\.\d+)?": NO_FOLDER,
    r"build\.toml": NO_FOLDER,
    "logs": ANYTHING,
    "aws": ANYTHING,
    "build": ANYTHING,
    "build-cache": ANYTHING,
    "emulator": ANYTHING,
    "tmp": ANYTHING,
    "devices": TASK_ID,
    "images": IMAGE,
    "running": TASK_ID,
    "builds": r"[\w.+-]+\.(json|\d+)",
    "listening": r"[\w+=,.@-]+",
    # Not those of AWS: who resets the local cloud keeps them.
    "authorities": r"local-[\w-]+\.pem(\.\d+)?",
    "sessions": r"\d+-[0-9a-f]{12}(\.\d+)?",
}
"""What the playground makes, by whole names: files, and folders with what is in them."""

BEFORE_MARKS = ("logs", "devices", "images", "builds", "running", "emulator", "tmp")
SECRET = re.compile(r"[\w-]{40}")


def is_ours(home: Path) -> bool:
    """Whether the playground may change what is in the folder. Raises OSError if nobody can
    tell.
    """
    try:
        with (home / MARK).open(encoding="utf-8", errors="replace") as file:
            return file.readline(200).rstrip() == FIRST_LINE
    except (FileNotFoundError, NotADirectoryError):
        return _is_from_before_marks(home)


def claim(home: Path) -> None:
    """Make the folder, for its owner alone, with the mark in it. Raises FolderError."""
    if os.pathsep in str(home):
        raise FolderError(
            f"{home} has a {os.pathsep} in its name, which no list of folders (PATH) can hold."
        )
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FolderError(f"{home} is not a folder, so it can't hold the local cloud.") from error
    if (home / MARK).is_file() and is_ours(home):
        return
    require_ours(home)
    # Of its own: two may make the same folder at once.
    draft = home / f"{MARK}.{os.getpid()}-{threading.get_ident()}{DRAFT}"
    draft.write_text(TEXT, encoding="utf-8")
    draft.replace(home / MARK)


def require_ours(home: Path) -> None:
    """Raise FolderError unless it is the playground's, or nobody's: empty, or not there."""
    if home.exists() and not home.is_dir():
        raise FolderError(f"{home} is not a folder, so it can't hold the local cloud.")
    # In this order: somebody else may put the mark there between the two looks.
    if not is_free(home) and not is_ours(home):
        raise FolderError(
            f"{home} holds files that do not belong to the playground (it has no {MARK} in it), so "
            "nothing in it was touched. Set PLAYGROUND_DIR to an empty folder or to a new one."
        )


def is_free(home: Path) -> bool:
    """Whether nothing is in it that anybody could miss."""
    try:
        # Whoever is killed while he makes the mark leaves its draft.
        return all(_is_draft(entry.name) for entry in home.iterdir())
    except FileNotFoundError:
        return True


def close_to_others(home: Path) -> list[str]:
    """Take from others what the folder allows them; a sentence for each part that was open."""
    said = []
    for path in (home, *(home / name for name in (*BEFORE_MARKS, "listening", "secret"))):
        try:
            found = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(found) or not found & 0o077:
            continue
        before = f"{path} was open to others ({stat.S_IMODE(found):04o})"
        try:
            path.chmod(stat.S_IMODE(found) & 0o700)
        except OSError as error:
            said.append(f"{before} and can't be closed: {error.strerror}.")
            continue
        read = path.name == "secret"
        warned = (
            " Anyone who has read it can use this local cloud: `playground reset` makes a new one."
            if read
            else ""
        )
        said.append(f"{before}; it is closed now.{warned}")
    return said


@dataclass(frozen=True)
class Forgotten:
    """What is still there: what could not be removed, and why, and what is somebody else's."""

    left: list[Left] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


def forget(home: Path) -> Forgotten:
    """Remove what the playground has made; the mark and the folder too, when nothing else is in it.

    Raises FolderError when the folder is not the playground's.
    """
    require_ours(home)
    done = Forgotten()
    for path in sorted(home.iterdir()) if home.exists() else ():
        if path.name != MARK and not _is_draft(path.name):
            _forget(path, done)
    if not done.left and not done.foreign:
        for path in (*_drafts(home), home / MARK):
            done.left.extend(remove(path))
        done.left.extend(remove_if_empty(home))
    return done


def _is_draft(name: str) -> bool:
    return name.startswith(f"{MARK}.") and name.endswith(DRAFT)


def _drafts(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if _is_draft(path.name)] if home.exists() else []


def _forget(path: Path, done: Forgotten) -> None:
    inner = _content_of(path.name)
    if inner is None or (inner == NO_FOLDER) == path.is_dir():
        done.foreign.append(path)
    elif path.is_symlink():
        target = path.resolve()
        done.left.extend(remove(path) or [Left(target, f"{path} was a link that led there")])
    elif inner == NO_FOLDER:
        done.left.extend(remove(path))
    else:
        for made in sorted(path.iterdir()):
            if re.fullmatch(inner, made.name, re.DOTALL):
                done.left.extend(remove(made))
            else:
                done.foreign.append(made)
        done.left.extend(remove_if_empty(path))


def remove_made(folder: Path, name: str) -> list[Left]:
    """Remove one thing that the playground has made; what has another name is left alone."""
    pattern = _content_of(folder.name)
    made = pattern is not None and re.fullmatch(pattern, name, re.DOTALL)
    return remove(folder / name) if made else []


def _content_of(name: str) -> str | None:
    """What the things in this folder are called; None when the playground makes no such folder."""
    return next((inner for outer, inner in CONTENT.items() if re.fullmatch(outer, name)), None)


def _is_from_before_marks(home: Path) -> bool:
    """Whether an older version has made it: it made all these, and a secret or a state like
    that.
    """
    folders = all((home / name).is_dir() for name in BEFORE_MARKS)
    return folders and (_has_secret(home / "secret") or _has_state(home / "state.json"))


def _has_secret(file: Path) -> bool:
    try:
        return (
            SECRET.fullmatch(file.read_text(encoding="utf-8", errors="replace").strip()) is not None
        )
    except FileNotFoundError:
        return False


def _has_state(file: Path) -> bool:
    try:
        found = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"port", "mqtt_port", "emulator", "agent"} <= found.keys()
