"""The device on its bench."""

import pytest

from tests.unit.rotation.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
