"""Build the console's page with npm, when its sources have changed.

Node.js is in an environment of its own (requirements/node.txt), so nobody has to install it. The
packages are those of console/package-lock.json, from whichever registry the user's own npm settings
name; none of them runs a script while it is installed.

`python -m playground.web.building` is a build of its own, beside a demo that has begun.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from common.jsontext import decode_object
from common.jsonvalues import NotJsonError
from playground.base.processes import start_detached
from playground.errors import ConsoleError
from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.running import BUILDER
from playground.home.state import one_at_a_time

ALSO_READ = (
    "docs/methods.json",
    "docs/openapi.json",
    "functions/control_plane/settings.json",
    "requirements/node.txt",
)
"""What the build reads beside its own folder, and what builds."""

NO_SOURCES = ("node_modules", "dist", "generated", "tests", "coverage")
STAMP = ".built-from"
LIMIT = 600.0
BESIDE = 19
"""How much a build beside a demo stands back (nice)."""

MOST_LOCK_BYTES = 16_777_216
NETWORK = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)\b")
TELLING = re.compile(r"error(?!.*(?:\b(?:code|errno|syscall) |A complete log))", re.IGNORECASE)
"""Which line of npm's says what is wrong."""

OURS = {
    "NODE_USE_SYSTEM_CA": "1",
    # A registry that can't be reached is told of before the stack is deployed, and not long after.
    "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_timeout": "30000",
}
"""Unless the user says otherwise."""

LEADING_AWAY = ("AWS_", "BOTO_", "SAM_CLI_", "npm_lifecycle_", "npm_package_")
"""How variables begin that are nothing to npm; those of its own settings (npm_config_) stay."""


@dataclass
class Builder:
    """Builds `console/` of one project; the page is in `folder`."""

    paths: Paths
    _running: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def sources(self) -> Path:
        """The page's project."""
        return self.paths.root / "console"

    @property
    def folder(self) -> Path:
        """What was built last."""
        return self.sources / "dist"

    @property
    def lock(self) -> Path:
        """Who builds, or reads what was built, holds it."""
        return self.paths.root / ".venvs" / "console.lock"

    @property
    def log(self) -> Path:
        """What npm has said."""
        return self.paths.logs / "console-build.log"

    def built(self) -> str:
        """The digest of the sources that the page was built from; empty when there is no page."""
        try:
            found = (self.folder / STAMP).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return found if (self.folder / "index.html").is_file() else ""

    def up_to_date(self) -> bool:
        """Whether the page is that of the sources."""
        return self.built() == digest(self.paths.root)

    def build_beside(self) -> None:
        """Have another process build, Node.js included, which goes on when this one ends. Whoever
        builds meanwhile waits for it.
        """
        self.paths.make()
        environ = os.environ | {DIR_VARIABLE: str(self.paths.home)}
        command = [sys.executable, "-m", BUILDER, str(self.paths.root)]
        log = self.paths.logs / "console-beside.log"
        log.unlink(missing_ok=True)
        start_detached(command, log=log, env=environ, cwd=self.paths.root)

    def build(self) -> str:
        """Build if anything has changed; gives the digest. Raises ConsoleError, and the page of
        before is still there.
        """
        if not (self.sources / "package.json").is_file():
            raise ConsoleError(f"There is no {self.sources}.")
        with one_at_a_time(self.lock):
            wanted = digest(self.paths.root)
            if self.built() == wanted:
                return wanted
            npm = _npm(self.paths)
            self.paths.make()
            self.log.write_bytes(b"")
            if not installed(self.sources):
                self._run([*npm, "ci", "--omit=dev", "--ignore-scripts"])
            made = self.sources / "node_modules" / ".page"
            self._run([*npm, "run", "build", "--", "--outDir", str(made), "--emptyOutDir"])
            if not (made / "index.html").is_file():
                raise ConsoleError(f"The build of the console has made no page ({self.log}).")
            (made / STAMP).write_text(wanted, encoding="utf-8")
            _put(made, self.folder)
        return wanted

    def end(self) -> None:
        """End a build that runs in another thread."""
        self._ended.set()
        if self._running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGTERM)

    def _run(self, command: Sequence[str]) -> None:
        with self.log.open("ab") as out:
            self._running = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.sources,
                env=environment(self.paths.root),
                start_new_session=True,
            )
        if self._ended.is_set():
            self.end()
        try:
            code = self._running.wait(LIMIT)
        except BaseException:  # Ctrl-C too: npm must not go on alone
            self.end()
            raise
        if code != 0:
            raise ConsoleError(f"The console was not built: {self._why()} ({self.log}).")

    def _why(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        if NETWORK.search(text):
            return "the npm registry did not answer, see your npm and network settings"
        said = [line.strip() for line in text.splitlines() if TELLING.search(line)]
        return said[0][:200] if said else "npm has failed"


@contextmanager
def building(builder: Builder) -> Iterator["Building"]:
    """Build beside what the block does; an interruption of the block ends the build."""
    with ThreadPoolExecutor(1, "console") as pool:
        try:
            yield Building(pool.submit(builder.build))
        except BaseException:
            builder.end()
            raise


@dataclass(frozen=True)
class Building:
    """A build that goes on."""

    _future: Future[str]

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._future.done()

    def result(self) -> str:
        """Wait for it; the digest. Raises ConsoleError."""
        return self._future.result()


def digest(root: Path) -> str:
    """One hash over all that the page is made from."""
    found = hashlib.sha256()
    for file in [*_sources(root / "console"), *(root / name for name in ALSO_READ)]:
        name = file.relative_to(root).as_posix().encode()
        content = file.read_bytes()
        found.update(b"%d %s\0%d\0" % (len(name), name, len(content)) + content)
    return found.hexdigest()


def installed(sources: Path) -> bool:
    """Whether the packages that a build needs are there, as the lock file has them."""
    try:
        wanted = _packages(sources / "package-lock.json")
        there = _packages(sources / "node_modules" / ".package-lock.json")
    except (OSError, NotJsonError):
        return False
    return all(
        there.get(name, {}).get("integrity") == one.get("integrity")
        for name, one in wanted.items()
        if name and not {"dev", "optional", "devOptional", "peer"} & one.keys()
    )


def environment(root: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Of npm: the user's own, without what leads to an AWS account; nothing is written outside the
    project.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(LEADING_AWAY) and name != "NODE_ENV"
    }
    return {**OURS, "npm_config_cache": str(root / ".venvs" / "npm"), **kept} | {
        "PATH": f"{root / '.venvs' / 'node' / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "NO_COLOR": "1",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
    }


def _packages(file: Path) -> dict[str, dict[str, object]]:
    found = decode_object(file.read_bytes(), MOST_LOCK_BYTES).get("packages")
    if not isinstance(found, dict):
        raise NotJsonError("has no packages")
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def _sources(console: Path) -> Iterator[Path]:
    """By name, whatever order the file system has."""
    for entry in sorted(console.iterdir()):
        hidden = entry.name.startswith(".") and entry.name != ".npmrc"
        if entry.name in NO_SOURCES or hidden or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _sources(entry)
        else:
            yield entry


def _npm(paths: Paths) -> list[str]:
    """npm, by the Node.js that it is to run on. Raises ConsoleError when it is not installed."""
    node, npm = paths.tool("node", "node"), paths.tool("node", "npm")
    if not node.exists() or not npm.exists():
        raise ConsoleError("Node.js is not installed: run `make up` in the project's folder.")
    return [str(node), str(npm)]


def _put(made: Path, target: Path) -> None:
    """Put a folder in another one's place; who reads holds the lock."""
    before = made.with_name(".page-before")
    shutil.rmtree(before, ignore_errors=True)
    with suppress(FileNotFoundError):
        target.rename(before)
    made.rename(target)
    shutil.rmtree(before, ignore_errors=True)


def _install_node(builder: Builder) -> None:
    """By the one program that makes environments; it does nothing when there is one."""
    with one_at_a_time(builder.lock):
        program = builder.paths.root / "playground" / "bootstrap.py"
        command = [sys.executable, str(program), "node"]
        subprocess.run(command, check=True, timeout=LIMIT)  # noqa: S603


def _interrupted(*_signal: object) -> None:
    raise SystemExit(1)


def main(root: str) -> int:
    """Build the page of a project, and say in the log why not."""
    signal.signal(signal.SIGTERM, _interrupted)
    os.nice(BESIDE)
    builder = Builder(Paths(Path(root), Paths.here().home))
    try:
        _install_node(builder)
        builder.build()
    except (ConsoleError, subprocess.SubprocessError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
