"""The catalog's table, for those commands that read rows."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


@pytest.fixture
def afresh() -> None:
    from tests.unit.tables import forget_all  # noqa: PLC0415 - few tests need moto's DynamoDB

    forget_all()


@pytest.fixture
def table(afresh: None) -> "Table":
    from tests.unit.tables import create_catalog  # noqa: PLC0415

    return create_catalog()
