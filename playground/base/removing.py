"""Removing files and folders: what could not be removed is told, with the reason."""

import errno
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Left:
    """What is still there, and why."""

    path: Path
    why: str


def remove(path: Path) -> list[Left]:
    """Remove a file, a link (not what it leads to), or a folder with all in it; gives what is
    left.
    """
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            return _remove_folder(path)
        path.unlink(missing_ok=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [_left(path, error)]
    return []


def remove_if_empty(path: Path) -> list[Left]:
    """Remove a folder that nothing is in, and leave any other."""
    try:
        path.rmdir()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [] if error.errno in {errno.ENOTEMPTY, errno.EEXIST} else [_left(path, error)]
    return []


def _remove_folder(path: Path) -> list[Left]:
    left: list[Left] = []

    def note(_call: object, name: str, problem: Any) -> None:
        error = problem if isinstance(problem, BaseException) else problem[1]
        # Who removes the same at the same time is no trouble, and what keeps a folder has been
        # told.
        gone = isinstance(error, FileNotFoundError)
        told = (
            left and isinstance(error, OSError) and error.errno in {errno.ENOTEMPTY, errno.EEXIST}
        )
        if not gone and not told:
            left.append(_left(Path(name), error))

    if sys.version_info >= (3, 12):
        shutil.rmtree(path, onexc=note)
    else:
        shutil.rmtree(path, onerror=note)
    return left


def _left(path: Path, error: BaseException) -> Left:
    return Left(path, getattr(error, "strerror", None) or str(error))
