"""The commands of the build of the device image in AWS."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.template import RESOURCES

pytestmark = pytest.mark.processes

SOURCES = b"what was uploaded"
DIGEST = hashlib.sha256(SOURCES).hexdigest()


@pytest.mark.skipif(
    shutil.which("sha256sum") is None, reason="the build's machine has it, this one has not"
)
@pytest.mark.parametrize(
    ("key", "built"),
    [
        (f"source/{DIGEST}.zip", True),
        (f"source/{hashlib.sha256(b'of somebody else').hexdigest()}.zip", False),
        ("source/latest; true.zip", False),
        (f"source/x\n{DIGEST}.zip", False),
    ],
)
def test_sources_go_by_their_own_name_only(tmp_path: Path, key: str, built: bool) -> None:  # noqa: FBT001
    """The build's own commands, with programs in the place of aws and docker."""
    # given
    aws, docker = tmp_path / "aws", tmp_path / "docker"
    aws.write_text(
        '#!/bin/sh\nif [ "$2" = get-object ]; then for last; do :; done; cp '
        f'{tmp_path}/uploaded "$last"; fi\n'
    )
    docker.write_text(f'#!/bin/sh\ncat > /dev/null < /dev/null; echo "$1" >> {tmp_path}/done\n')
    aws.chmod(0o755)
    docker.chmod(0o755)
    (tmp_path / "uploaded").write_bytes(SOURCES)
    project = RESOURCES["DeviceBuild"]["Properties"]
    phases = yaml.safe_load(project["Source"]["BuildSpec"])["phases"]
    commands = [
        command for phase in ("pre_build", "build") for command in phases[phase]["commands"]
    ]
    script = "\n".join(commands).replace("/tmp/", f"{tmp_path}/")
    variables = {
        variable["Name"]: "x" for variable in project["Environment"]["EnvironmentVariables"]
    }
    environment = {**variables, "SOURCE_KEY": key, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    # when
    done = subprocess.run(
        ["bash", "-e", "-c", script], env=environment, capture_output=True, check=False
    )
    # then
    said = (tmp_path / "done").read_text().split() if (tmp_path / "done").exists() else []
    assert (done.returncode == 0, said.count("push")) == ((True, 2) if built else (False, 0)), (
        done.stderr
    )
