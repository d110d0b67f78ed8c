"""Build the device image with the Docker that is here and push it to the stack's ECR repository."""

import base64
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playground.errors import ImageError
from playground.home.homes import Home
from playground.images.images import Images

if TYPE_CHECKING:
    from types_boto3_codebuild import CodeBuildClient
    from types_boto3_ecr import ECRClient
    from types_boto3_ecs import ECSClient


# With the containerd image store a build attests where it comes from: a manifest more with each
# push, without a tag, of the five that the repository keeps.
# https://docs.docker.com/build/metadata/attestations/
NO_ATTESTATIONS = ("--provenance=false", "--sbom=false")

# Docker's client may be there without its daemon.
ANSWER_LIMIT = 10.0


def docker_answers() -> bool:
    """Whether there is a Docker on this machine that builds."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603
            [docker, "info"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def build_and_push(folder: Path, home: Home, content_tag: str) -> None:
    """Build the folder for the platform that tasks run on; push it with its content tag and the
    stack's.

    Raises ImageError.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise ImageError(
            "Docker is not installed: leave out --with docker, and the stack builds the image."
        )
    uri = home.output("DeviceRepositoryUri")
    names = [f"{uri}:{tag}" for tag in (content_tag, Images(home).tag)]
    tags = [argument for name in names for argument in ("--tag", name)]
    arguments = [
        "--build-arg",
        f"BASE_IMAGE={base_image(home)}",
        "--build-arg",
        f"SOURCE={content_tag}",
    ]
    _run(
        [
            docker,
            "build",
            *NO_ATTESTATIONS,
            "--platform",
            platform(home),
            *arguments,
            *tags,
            str(folder),
        ]
    )
    user, password, registry = credentials(home)
    _run([docker, "login", "--username", user, "--password-stdin", registry], stdin=password)
    for name in names:
        _run([docker, "push", name])


def base_image(home: Home) -> str:
    """What the stack's own builds start from: its parameter DeviceBaseImage."""
    codebuild: CodeBuildClient = home.client("codebuild")
    (project,) = codebuild.batch_get_projects(names=[home.output("DeviceBuildProjectName")])[
        "projects"
    ]
    variables = project["environment"].get("environmentVariables", [])
    return next(variable["value"] for variable in variables if variable["name"] == "BASE_IMAGE")


def platform(home: Home) -> str:
    """Docker's name of the platform that device tasks run on."""
    ecs: ECSClient = home.client("ecs")
    definition = ecs.describe_task_definition(
        taskDefinition=home.output("DeviceTaskDefinitionArn")
    )["taskDefinition"]
    architecture = definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    return "linux/arm64" if architecture == "ARM64" else "linux/amd64"


def credentials(home: Home) -> tuple[str, str, str]:
    """User, password and address for `docker login`."""
    ecr: ECRClient = home.client("ecr")
    data = ecr.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return user, password, data["proxyEndpoint"]


def _run(command: Sequence[str], stdin: str = "") -> None:
    code = subprocess.run(command, input=stdin, text=True, check=False).returncode  # noqa: S603
    if code != 0:
        raise ImageError(
            f"`docker {command[1]}` failed with exit code {code}; its output is above."
        )
