"""A folder with a device's sources, and a home to push to."""

from importlib.metadata import version
from pathlib import Path

import pytest

from playground.home.paths import Paths
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.push.cloud import Bucket, CodeBuild, Home


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A folder that looks like a device, and is quick to import."""
    folder = tmp_path / "project" / "device"
    (folder / "virtual_device").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch")
    (folder / "requirements.txt").write_text(
        f"pytest=={version('pytest')} \\\n    --hash=sha256:00\n"
    )
    (folder / "virtual_device" / "__init__.py").write_text("")
    (folder / "virtual_device" / "__main__.py").write_text("")
    return folder


@pytest.fixture
def home() -> Home:
    return Home("aws", Bucket(), MemoryEcr("devices"), CodeBuild())


@pytest.fixture
def paths(device: Path, tmp_path: Path) -> Paths:
    found = Paths(device.parent, tmp_path / "home")
    found.make()
    return found
