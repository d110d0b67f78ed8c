"""The `sam` of the local cloud's shell: the SAM CLI, with what it needs to know of this machine.

SAM builds for the runtime that the template names, with a Python of that version, and `sam deploy`
without a build deploys the sources as they are, without their packages. In the local cloud's shell
this command names the Python that is there, and says what is missing before anything changes.
Anywhere else, and for every other command of SAM, the arguments go through as they are.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playground.home.paths import Paths
from playground.local import wheels

READS_A_TEMPLATE = (
    ("build",),
    ("deploy",),
    ("sync",),
    ("validate",),
    ("local", "invoke"),
    ("local", "start-api"),
    ("local", "start-lambda"),
)
OVERRIDES = "--parameter-overrides"
PARAMETER = "PythonRuntime"
OWN_TEMPLATE = ("-t", "--template", "--template-file")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def arguments_of(given: Sequence[str], runtime: str) -> list[str]:
    """The arguments with the runtime named, where a template is read and they do not name one."""
    arguments = list(given)
    words = tuple(one for one in arguments if not one.startswith("-"))
    reads = any(words[: len(command)] == command for command in READS_A_TEMPLATE)
    if not reads or any(PARAMETER in one for one in arguments):
        return arguments
    # SAM takes both ways to write parameters, and not both at once.
    long = any("ParameterKey=" in one for one in arguments)
    override = (
        f"ParameterKey={PARAMETER},ParameterValue={runtime}" if long else f"{PARAMETER}={runtime}"
    )
    for number, one in enumerate(arguments):
        if one == OVERRIDES:
            return [*arguments[: number + 1], override, *arguments[number + 1 :]]
        if one.startswith(f"{OVERRIDES}="):
            return [*arguments[:number], f"{one} {override}", *arguments[number + 1 :]]
    return [*arguments, OVERRIDES, override]


def is_local(environ: Mapping[str, str]) -> bool:
    """Whether AWS tools of this environment speak to this machine."""
    return urlsplit(environ.get("AWS_ENDPOINT_URL", "")).hostname in LOOPBACK


def refusal(given: Sequence[str], folder: Path) -> str:
    """Why this is no good idea, in one sentence; "" when nothing is against it."""
    deploys = next((one for one in given if not one.startswith("-")), "") == "deploy"
    names_template = any(one.split("=")[0] in OWN_TEMPLATE for one in given)
    if not deploys or names_template or (folder / ".aws-sam" / "build" / "template.yaml").exists():
        return ""
    return (
        "Nothing is built yet, so nothing was deployed: run `sam build` first, then `sam deploy`."
    )


def environment(paths: Paths, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which SAM finds a Python with pip, which its build calls, and pip the
    packages.
    """
    python = paths.tool("uv", "python").parent
    path = os.pathsep.join(filter(None, (str(python), environ.get("PATH", ""))))
    return {
        "SAM_CLI_BETA_BUILD_PERFORMANCE": "1",
        **environ,
        **wheels.variables(paths),
        "PATH": path,
    }


def main() -> None:
    """Become the SAM CLI."""
    paths, given, environ = Paths.here(), sys.argv[1:], dict(os.environ)
    if is_local(environ):
        if sentence := refusal(given, Path.cwd()):
            sys.exit(sentence)
        runtime = "python{}.{}".format(*sys.version_info[:2])
        given, environ = arguments_of(given, runtime), environment(paths, environ)
    sam = str(paths.tool("sam", "sam"))
    os.execve(sam, [sam, *given], environ)  # noqa: S606 - the user's own command line  # nosec B606
