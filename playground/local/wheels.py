"""The functions' packages as wheels on this machine, so that a build needs no network.

`sam build` calls `pip download` again when a source has changed, whether or not the packages have.
So they are fetched once for each lock, and pip is led to them. All of them are made of Python alone
and are the same for every system and version; a test holds the lock to that.
"""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from playground.base.removing import remove
from playground.errors import StackError
from playground.home.paths import Paths

LIMIT = 300.0


def lock_of(paths: Paths) -> Path:
    """What the functions need, with versions and hashes."""
    return paths.root / "functions" / "requirements.txt"


def folder(paths: Paths) -> Path:
    """Where the wheels of the present lock are; another lock has another folder."""
    digest = hashlib.sha256(lock_of(paths).read_bytes()).hexdigest()
    return paths.root / ".venvs" / "wheels" / digest[:16]


def variables(paths: Paths) -> Mapping[str, str]:
    """What leads pip to the wheels and to no index; empty while they are not here.

    As a URL, because pip takes a blank for the end of a path.
    """
    try:
        found = folder(paths)
    except OSError:
        return {}
    if not found.is_dir():
        return {}
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": found.absolute().as_uri(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def fetch(paths: Paths, python: Path, environ: Mapping[str, str]) -> None:
    """Have the wheels here, with `python`'s pip; nothing to do while the lock is the same.

    They are there as a whole or not at all. Raises StackError with one sentence.
    """
    target = folder(paths)
    if target.is_dir():
        return
    draft = target.with_name(f"{target.name}.draft")
    remove(draft)
    draft.mkdir(parents=True)
    command = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--retries", "1", "--timeout", "10", "--require-hashes", "--only-binary", ":all:"]
    try:
        done = subprocess.run(  # noqa: S603
            [*command, "--requirement", str(lock_of(paths)), "--dest", str(draft)],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(_sentence(done.stderr))
        draft.rename(target)
        # Those of other locks; a checkout that goes back fetches its own again.
        for old in target.parent.iterdir():
            if old != target:
                remove(old)
    except subprocess.TimeoutExpired as error:
        raise StackError(_sentence(f"it took longer than {LIMIT:.0f} s")) from error
    finally:
        remove(draft)


def _sentence(said: str) -> str:
    """Pip's last error, for it tells the whole story of its attempts before."""
    errors = [line.removeprefix("ERROR: ") for line in said.strip().splitlines() if line.strip()]
    return (
        "The functions' packages are not on this machine yet and the package index did "
        "not give them, so "
        "nothing was built: run it again with a network. pip: "
        f"{errors[-1] if errors else 'no word'}"
    )
