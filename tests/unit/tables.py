"""The stack's tables and its bucket in moto, each empty.

They are made at moto itself: to go through a client, which every second test would do, takes a
hundred times as long.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID

from tests.unit.built import SESSION
from tests.unit.remembered import remember
from tests.unit.stack import BUCKET, ENVIRONMENT, HOSTS, SERIALS, TABLE

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

remember()

REGION = ENVIRONMENT["AWS_DEFAULT_REGION"]


def forget_all() -> None:
    """No table and no bucket. To begin a new mock for every test takes twice as long."""
    for service in ("dynamodb", "s3"):
        get_backend(service).reset()


def create_table(
    name: str, keys: Sequence[str], attributes: Sequence[str], indexes: Sequence[Any] = ()
) -> "Table":
    """With these keys, one or two, and the attributes of the indexes; they are text, but for
    `bucket`, a number.
    """
    get_backend("dynamodb")[ACCOUNT_ID][REGION].create_table(
        name=name,
        schema=_schema(*keys),
        attr=[
            {"AttributeName": one, "AttributeType": "N" if one == "bucket" else "S"}
            for one in attributes
        ],
        global_indexes=list(indexes),
        billing_mode="PAY_PER_REQUEST",
        throughput=None,
        indexes=[],
        streams=None,
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    return _table(name)


def create_catalog() -> "Table":
    """The catalog's table."""
    by_status = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["device_type"]}
    return create_table(
        TABLE,
        ["thing_name"],
        ["thing_name", "task_arn", "status", "created_at", "expires_at"],
        [
            {
                "IndexName": "task_arn",
                "KeySchema": _schema("task_arn"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "status",
                "KeySchema": _schema("status", "created_at"),
                "Projection": by_status,
            },
            {
                "IndexName": "expires_at",
                "KeySchema": _schema("expires_at"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )


def create_hosts() -> "Table":
    """The table of hosts and seats."""
    return create_table(HOSTS, ["host", "entry"], ["host", "entry"])


def create_serials() -> "Table":
    """The list of serial numbers."""
    return create_table(SERIALS, ["serial", "batch"], ["serial", "batch"])


def create_bucket() -> None:
    """The config bucket."""
    get_backend("s3")[ACCOUNT_ID]["aws"].create_bucket(BUCKET, REGION)


@cache
def _table(name: str) -> "Table":
    return SESSION.resource("dynamodb").Table(name)


def _schema(*names: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]
