"""The HTTP API over doubles of AWS, and a device that it can be asked about."""

from typing import Any

import pytest

from tests.unit.api import Api
from tests.unit.stack import EXECUTION


@pytest.fixture
def api(context: Any, table: Any, iot: Any, shadows: Any, workflows: Any) -> Api:
    """All that it may ask is there, and empty."""
    return Api(context)


@pytest.fixture
def lamp(api: Api, catalog: Any) -> str:
    """A bulb that is being made."""
    catalog.claim("lamp", "bulb", EXECUTION)
    return "lamp"
