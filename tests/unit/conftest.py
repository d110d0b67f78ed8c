"""No test of this layer reaches a network, or an account of AWS."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit.stack import set_environment


@pytest.fixture(autouse=True, scope="module")
def no_network() -> Iterator[None]:
    """The template's environment, too; a test that changes it puts it back."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        yield
