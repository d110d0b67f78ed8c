"""The one cloud behind the fault proxy that the workflow tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.fault_matrix.stage import Stage, own_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, shared_build: Path) -> Iterator[Stage]:
    """A cloud whose functions reach AWS through the fault proxy. Each test leaves it as it was."""
    folder: Path = tmp_path_factory.mktemp("faults")
    with own_stage(folder, shared_build) as running:
        yield running
