"""The one local cloud that the workflow and the end-to-end tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mocks import write_mock_configuration
from tests.playground_cloud import UP_LIMIT, Cloud, free_port


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Real emulator with AUTH=true, real SAM CLI, real task agent, real devices; taken down afterwards."""
    folder: Path = tmp_path_factory.mktemp("playground")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "PLAYGROUND_DIR": str(folder / "home"),
        "SFN_MOCK_CONFIG": str(write_mock_configuration(folder)),
        # Retries wait a twentieth of their time.
        "SFN_WAIT_SCALE": "0.05",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    running = Cloud(folder / "home", environment)
    try:
        running.playground("up", "--port", str(free_port()), "--mqtt-port", str(free_port()), timeout=UP_LIMIT)
        yield running
    finally:
        running.playground("down", timeout=UP_LIMIT)


@pytest.fixture
def nothing_left(cloud: Cloud) -> Iterator[None]:
    """Fails a test that leaves anything behind in any service."""
    from tests.census import census  # noqa: PLC0415 - only the tests that count need it

    before = census(cloud)
    yield
    assert census(cloud) == before
