"""The device on its bench."""

from collections.abc import Iterator

import pytest

from tests.unit.jobs.bench import Bench, Dance, parse
from virtual_device.jobs import operations
from virtual_device.jobs.operation import Kind


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setitem(operations.ROWS, "dance", Kind("dance", "for tests", parse, Dance))
    yield Bench()
    Dance.all.clear()
