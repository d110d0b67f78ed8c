"""The code of a function is there once, and what an execution environment has written goes with it.

AWS: the code is in `/var/task`, the same read-only content for all execution environments of a
function; when Lambda ends an environment, its file system is gone.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
Emulator: each process of a function has a folder of its own in the temporary directory, with a copy
of the package and of all that is in it (8 MB here), which stays when the process ends after an
error or a time-out, and when the emulator ends. The folder is still each process's own here; the
code in it is a link to the one copy of equal packages.
"""

import contextlib
import hashlib
import shutil
import tempfile
import threading
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

CODE = "code"
PACKAGES = "lambda-packages"
WORKERS = "ministack-lambda-*"

_lock = threading.Lock()


class _Package(zipfile.ZipFile):
    """A function's package, which is unpacked once."""

    def extractall(self, path: Any = None, *more: Any, **named: Any) -> None:
        """Into the worker's folder; of its code, a link to what was unpacked before."""
        if path is None or Path(path).name != CODE or self.filename is None:
            super().extractall(path, *more, **named)
            return
        package, folder = Path(self.filename), Path(path)
        with _lock:
            unpacked = _packages() / hashlib.sha256(package.read_bytes()).hexdigest()
            if not unpacked.is_dir():
                draft = unpacked.with_suffix(".draft")
                shutil.rmtree(draft, ignore_errors=True)
                super().extractall(draft, *more, **named)
                draft.rename(unpacked)
                _remove_unused(unpacked)
            folder.rmdir()
            folder.symlink_to(unpacked, target_is_directory=True)
        package.unlink()


def _packages() -> Path:
    found = Path(tempfile.gettempdir()) / PACKAGES
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def _remove_unused(new: Path) -> None:
    """Of packages that no function has any more."""
    used = {new}
    for folder in Path(tempfile.gettempdir()).glob(WORKERS):
        with contextlib.suppress(OSError):  # no link, or gone in this moment
            used.add((folder / CODE).readlink())
    for unpacked in set(_packages().iterdir()) - used:
        shutil.rmtree(unpacked, ignore_errors=True)


def _tidy(invoke: Callable[..., Any]) -> Callable[..., Any]:
    def tidy(worker: Any, *given: Any, **named: Any) -> Any:
        try:
            return invoke(worker, *given, **named)
        finally:
            if worker._proc is None:
                worker._discard_tmpdir()

    return tidy


def fill() -> None:
    """Unpack once, and remove a worker's folder with its process."""
    lambda_runtime.zipfile = types.SimpleNamespace(**{**vars(zipfile), "ZipFile": _Package})
    lambda_runtime.Worker.invoke = _tidy(lambda_runtime.Worker.invoke)
