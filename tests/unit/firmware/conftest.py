"""The server that images come from, and the device on its bench."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.doubles.image_server import ImageServer, image_server
from tests.unit.firmware.bench import CONTENT, Bench


@pytest.fixture(scope="module")
def one_server() -> Iterator[ImageServer]:
    with image_server() as running:
        yield running


@pytest.fixture
def server(one_server: ImageServer) -> ImageServer:
    one_server.content, one_server.short_by = CONTENT, 0
    one_server.asked.clear()
    return one_server


@pytest.fixture
def bench(tmp_path: Path, server: ImageServer) -> Bench:
    return Bench(tmp_path / "state", server)
