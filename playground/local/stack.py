"""Build and deploy the stack with the real SAM CLI."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.base.processes import tail
from playground.errors import StackError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.home.shellenv import exports, lay_out, process_env
from playground.home.state import REGION, LocalState, one_at_a_time, secret_of
from playground.local import iot_log, packing, wheels
from playground.local.temporary import for_sam

SOURCES = ("template.yaml", "dashboard.yaml", "samconfig.toml", "functions", "statemachines")
LIMIT = 600.0
DEVICES_PER_SECOND_AND_CORE = 2
METRICS_FLOOR = 1
DELETION_LIMIT = 3600.0

# All functions have the same sources: SAM makes and packs one build for all then, where it would
# copy and pack it for each. The SAM CLI calls this experimental; without it everything is the same,
# and slower.
ONE_BUILD = ("SAM_CLI_BETA_BUILD_PERFORMANCE", "1")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Toolbox:
    """The SAM CLI, and the interpreter that its Python build and the local Lambda functions run
    on.
    """

    sam: Path
    python_bin: Path
    runtime: str


def toolbox(paths: Paths) -> Toolbox:
    """The tools of this project. Raises StackError when they are not installed."""
    sam = paths.tool("sam", "sam")
    # The build calls `pythonX.Y -m pip`, and of our environments only uv's own has pip.
    found = sorted(path.name for path in paths.tool("uv", "python").parent.glob("python3.*"))
    if not sam.exists() or not found:
        raise StackError("The SAM CLI is not installed: run `make up` in the project's folder.")
    return Toolbox(sam, paths.tool("uv", "python").parent, found[0])


def sources_hash(paths: Paths, runtime: str) -> str:
    """One hash over all that the deployed stack is made from."""
    digest = hashlib.sha256(runtime.encode())
    for name in SOURCES:
        top = paths.root / name
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(paths.root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def build(paths: Paths, state: LocalState, tools: Toolbox, say: Say) -> None:
    """`sam build` into `.playground/build`; without a network while the lock of the functions is
    the same.

    Raises StackError.
    """
    template = paths.root / "template.yaml"
    if not template.exists():
        raise StackError(f"There is no {template}.")
    command = [
        "build",
        "--cached",
        "--template-file",
        str(template),
        "--build-dir",
        str(paths.build),
    ]
    command += [
        "--cache-dir",
        str(paths.home / "build-cache"),
        *configuration(paths),
        *parameters(tools, state.stack_name, state.port),
    ]
    # Beside the directories that it is given, sam keeps its dependencies in .aws-sam of the
    # sources: two at once delete each other's.
    with one_at_a_time(
        paths.root / ".aws-sam" / "playground.lock", lambda: say("Waiting for another sam build")
    ):
        wheels.fetch(paths, tools.python_bin / tools.runtime, os.environ)
        run_sam(paths, state, tools, command, say)


def deploy(paths: Paths, state: LocalState, tools: Toolbox, say: Say) -> None:
    """`sam deploy` of what was built; an unchanged stack is fine. Raises StackError."""
    command = ["deploy", "--template-file", str(packing.pack(paths.build))]
    command += ["--stack-name", state.stack_name]
    command += [
        "--region",
        REGION,
        "--resolve-s3",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
    ]
    command += [
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_NAMED_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ]
    run_sam(
        paths,
        state,
        tools,
        [*command, *configuration(paths), *parameters(tools, state.stack_name, state.port)],
        say,
    )


def delete(paths: Paths, home: Home, say: Say) -> None:
    """`sam delete`, in either home: the stack, and what `sam deploy` uploaded for it. Raises
    StackError.

    AWS needs five minutes of it to delete a thing type.
    """
    tools = toolbox(paths)
    command = ["delete", "--stack-name", home.stack_name, "--region", home.region, "--no-prompts"]
    if home.kind == "local":
        run_sam(paths, LocalState.load(paths), tools, command, say)
    else:
        command += ["--profile", home.profile] if home.profile else []
        _run(paths, tools, command, dict(os.environ), say, DELETION_LIMIT)


def configuration(paths: Paths) -> list[str]:
    """The `local` part of the project's samconfig.toml, which SAM would seek beside the built
    template.
    """
    file = paths.root / "samconfig.toml"
    return ["--config-file", str(file), "--config-env", "local"] if file.exists() else []


def parameters(tools: Toolbox, stack_name: str, port: int) -> list[str]:
    """Local Lambda functions run on the emulator's interpreter, so packages must be built for that
    version.

    A device takes this machine half a second of CPU or more, its process included. Here is no
    Device Defender, which wants metrics reports to be rare.
    """
    pace = DEVICES_PER_SECOND_AND_CORE * (os.cpu_count() or 1)
    given = {
        "PythonRuntime": tools.runtime,
        "DevicesPerSecond": pace,
        "MetricsFloor": METRICS_FLOOR,
        "CountMessages": "true",  # which costs nothing here, and there are no other devices
        "IotLogGroup": iot_log.group(stack_name),
        # The emulator tells services apart by host name; browsers resolve this one by themselves.
        "LiveEndpoint": f"ws://iot.{REGION}.localhost:{port}",
    }
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in given.items())]


def run_sam(
    paths: Paths, state: LocalState, tools: Toolbox, arguments: Sequence[str], say: Say
) -> None:
    """Run SAM against the local cloud; lines go to `say` and to a log. Raises StackError with the
    last of them.
    """
    lay_out(paths)
    _run(paths, tools, arguments, process_env(exports(paths, state, secret_of(paths))), say, LIMIT)


def _run(  # noqa: PLR0913, PLR0917
    paths: Paths,
    tools: Toolbox,
    arguments: Sequence[str],
    env: dict[str, str],
    say: Say,
    limit: float,
) -> None:
    paths.make()
    log = paths.logs / f"sam-{arguments[0]}.log"
    env["PATH"] = f"{tools.python_bin}{os.pathsep}{env['PATH']}"
    env.setdefault(*ONE_BUILD)
    env |= wheels.variables(paths)
    with (
        for_sam(paths) as tmp,
        log.open("w") as out,
        subprocess.Popen(  # noqa: S603
            [str(tools.sam), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env | {"TMPDIR": str(tmp)},
            cwd=paths.root,
            text=True,
            errors="replace",
        ) as process,
    ):
        watchdog = threading.Timer(limit, process.kill)
        watchdog.start()
        try:
            for line in process.stdout or ():
                out.write(line)
                if line.strip():
                    say(line.strip())
            process.wait()
        except BaseException:  # Ctrl-C too: SAM must not go on alone
            process.terminate()
            raise
        finally:
            watchdog.cancel()
    if process.returncode != 0:
        raise StackError(f"`sam {arguments[0]}` failed ({log}):\n{tail(log)}")
