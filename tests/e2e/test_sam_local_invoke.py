"""`sam local invoke`, in Docker, against the local cloud: the code on disk, the real table and
bucket.

Three of the functions, each a container: what all have in common is proven by three, and the rest
costs minutes.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.home.paths import PROJECT
from playground.stack.sam_local import HOST_OF_CONTAINERS
from tests.playground_cloud import COMMAND, Cloud

pytestmark = pytest.mark.thorough

IMAGE = f"public.ecr.aws/lambda/python:{sys.version_info.major}.{sys.version_info.minor}-x86_64"


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    """Skip where no engine answers, or where it does not have the image and could only get it from
    the internet.
    """
    try:
        found = subprocess.run(
            ["docker", "image", "inspect", IMAGE], capture_output=True, timeout=20, check=False
        )
    except FileNotFoundError:
        pytest.skip("Docker is not installed")
    if found.returncode != 0:
        pytest.skip(
            f"no Docker engine answers, or it has no {IMAGE} (.ci/lambda-image makes a stand-in)"
        )


@pytest.fixture(scope="module")
def relay(cloud: Cloud) -> Iterator[None]:
    """`playground relay`, while the tests run; Docker Desktop needs none."""
    if HOST_OF_CONTAINERS == "host.docker.internal":
        yield
        return
    process = subprocess.Popen(
        [str(COMMAND), "relay"], env=cloud.environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "leads to the local cloud" in process.stderr.readline()
    yield
    process.terminate()
    process.communicate(timeout=10)


@pytest.fixture(scope="module")
def variables(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that `playground env --sam` prints."""
    path = tmp_path_factory.mktemp("sam") / "stack.env.json"
    path.write_text(cloud.playground("env", "--sam").stdout)
    return path


@pytest.mark.usefixtures("nothing_left", "relay")
@pytest.mark.timeout(900)
def test_functions_on_disk_work_on_the_local_cloud(cloud: Cloud, variables: Path) -> None:
    def invoke(function: str, sample: str) -> dict[str, Any]:
        event = PROJECT / "events" / f"{sample}.json"
        done = cloud.run(
            *("sam", "local", "invoke", function, "--skip-pull-image", "--event", str(event)),
            *(
                "--template",
                str(cloud.folder / "build" / "template.yaml"),
                "--env-vars",
                str(variables),
            ),
            *(
                "--parameter-overrides",
                f"PythonRuntime=python{sys.version_info.major}.{sys.version_info.minor}",
            ),
        )
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        assert "errorType" not in answer, answer
        return answer

    # when
    name = invoke("CreateThingFunction", "create_thing")["thingName"]
    certificate = invoke("CreateCertificateFunction", "create_certificate")["certificateId"]
    # then
    row = cloud.row(name)
    assert (row["status"], row["certificate_id"]) == ("PROVISIONING", certificate)
    # finally
    assert invoke("CleanUpFunction", "clean_up")["undone"] is True
    assert cloud.row(name)["status"] == "FAILED"
