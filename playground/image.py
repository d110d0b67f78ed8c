"""Build the device image with Docker and push it to the stack's ECR repository; `make image`."""

import argparse
import base64
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from playground.errors import PlaygroundError
from playground.homes import Home, find_home
from playground.paths import Paths

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_ecs import ECSClient


class ImageError(PlaygroundError):
    """Docker is missing, or one of its commands failed."""


def build_and_push(paths: Paths, home: Home, tag: str) -> str:
    """Build `device/` for the platform that the task definition asks for and push it. Gives the image's name."""
    docker = shutil.which("docker")
    if docker is None:
        raise ImageError("Docker is not installed, and which builds the device image; the local cloud needs none.")
    image = f"{home.output('DeviceRepositoryUri')}:{tag}"
    _run([docker, "build", "--platform", platform(home), "--tag", image, str(paths.root / "device")])
    user, password, registry = credentials(home)
    _run([docker, "login", "--username", user, "--password-stdin", registry], stdin=password)
    _run([docker, "push", image])
    return image


def platform(home: Home) -> str:
    """Docker's name of the platform that device tasks run on."""
    ecs: ECSClient = home.client("ecs")
    definition = ecs.describe_task_definition(taskDefinition=home.output("DeviceTaskDefinitionArn"))["taskDefinition"]
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
        raise ImageError(f"`docker {command[1]}` failed with exit code {code}; its output is above.")


def main() -> int:
    """Exit code 0 when the image is in the repository."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default=None)
    parser.add_argument("--tag", default="latest")
    arguments = parser.parse_args()
    paths = Paths.here()
    try:
        image = build_and_push(paths, find_home(paths, arguments.stack, "aws"), arguments.tag)
    except (PlaygroundError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{image}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
