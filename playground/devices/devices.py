"""Read devices from catalog, registry and shadow, and change their settings.

The AWS SDK is loaded where it is called: see homes.py.
"""

import heapq
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from common import answers
from common.jsontext import read
from common.jsonvalues import encode
from playground.errors import UnknownDeviceError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient

# Whoever has the token can answer for the device.
HIDDEN = ("task_token",)

MOST_KEYS = 100
"""Of a BatchGetItem."""

Row = Mapping[str, Any]
Json = Any


@dataclass(frozen=True)
class Answer:
    """What the device said about one setting. `pending` when it said nothing."""

    key: str
    value: Json
    result: str
    reason: str = ""


@dataclass(frozen=True)
class Certificate:
    """Its status (ACTIVE, INACTIVE, ...), and when it expires: None when it is deleted."""

    status: str
    expires: datetime | None = None


@dataclass(frozen=True)
class Devices:
    """The devices of one home."""

    home: Home

    def rows(self) -> list[Row]:
        """All catalog rows, by name, without what nobody should see."""
        client: DynamoDBClient = self.home.client("dynamodb")
        pages = client.get_paginator("scan").paginate(
            TableName=self.home.output("DeviceCatalogTableName")
        )
        return _by_name(_plain(item) for page in pages for item in page["Items"])

    def newest(
        self, statuses: Collection[str], device_type: str | None, most: int
    ) -> tuple[list[Row], bool]:
        """The rows of these statuses and, if it is given, of that type, by name; of more than
        `most` the newest, and whether there are more.
        """
        client: DynamoDBClient = self.home.client("dynamodb")
        table = self.home.output("DeviceCatalogTableName")
        # A small catalog is read as it is. Only of a large one the index has to say what is new.
        if "LastEvaluatedKey" in client.scan(TableName=table, Limit=most + 1, Select="COUNT"):
            return self.of_status(statuses, device_type, most)
        there = (row for row in self.rows() if row["status"] in statuses)
        return [row for row in there if device_type in (None, row.get("device_type"))], False

    def of_status(
        self, statuses: Iterable[str], device_type: str | None = None, most: int | None = None
    ) -> tuple[list[Row], bool]:
        """The rows of these statuses, and of that type if one is given, by name; of more than
        `most` the newest, and whether there are more.

        At the cost of these: the catalog's index finds them. What the index says may be a moment
        old: the rows themselves have the last word.
        """
        client: DynamoDBClient = self.home.client("dynamodb")
        table = self.home.output("DeviceCatalogTableName")
        wanted = set(statuses)
        entries = heapq.merge(
            *(_newest(client, table, status, device_type, most) for status in sorted(wanted)),
            key=lambda entry: entry["created_at"]["S"],
            reverse=True,
        )
        names = dict.fromkeys(entry["thing_name"]["S"] for entry in entries)
        rows = self.rows_of(islice(names, most))
        more = most is not None and len(names) > most
        return [row for row in rows if row["status"] in wanted], more

    def rows_of(self, names: Iterable[str]) -> list[Row]:
        """The rows of these names, as far as there are any, by name."""
        client: DynamoDBClient = self.home.client("dynamodb")
        table = self.home.output("DeviceCatalogTableName")
        return _by_name(
            row for some in batched(names, MOST_KEYS) for row in _read_all(client, table, some)
        )

    def row(self, name: str) -> Row:
        """One catalog row. Raises UnknownDeviceError."""
        client: DynamoDBClient = self.home.client("dynamodb")
        table = self.home.output("DeviceCatalogTableName")
        found = client.get_item(
            TableName=table, Key={"thing_name": {"S": name}}, ConsistentRead=True
        ).get("Item")
        if found is None:
            raise UnknownDeviceError(
                f"There is no device {name}: `playground list` shows those that there are."
            )
        return _plain(found)

    def shadow(self, name: str) -> dict[str, Any]:
        """The classic shadow document; empty when there is none."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see above

        try:
            return _payload(self._data.get_thing_shadow(thingName=name))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise

    def certificate(self, certificate_id: str) -> Certificate:
        """How AWS IoT has the certificate; its status is `deleted` when it has none such."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see above

        client: IoTClient = self.home.client("iot")
        try:
            answer = client.describe_certificate(certificateId=certificate_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return Certificate("deleted")
            raise
        found = answer["certificateDescription"]
        # The certificate says it itself; the emulator has no `validity` beside it.
        expires = found.get("validity", {}).get("notAfter") or end_of(found["certificatePem"])
        return Certificate(found["status"], expires)

    def desire(self, name: str, settings: Mapping[str, Json]) -> None:
        """Update `desired`."""
        payload = encode({"state": {"desired": dict(settings)}})
        self._data.update_thing_shadow(thingName=name, payload=payload)

    def wait_answers(self, name: str, settings: Mapping[str, Json], limit: float) -> list[Answer]:
        """The device's answer to each setting; `pending` for those it has not answered after
        `limit` seconds.
        """
        deadline = time.monotonic() + limit
        while True:
            state = self.shadow(name).get("state", {})
            found = [answer_of(key, value, state) for key, value in settings.items()]
            if all(answer.result != "pending" for answer in found) or time.monotonic() > deadline:
                return found
            time.sleep(self.home.poll)

    @cached_property
    def _data(self) -> "IoTDataPlaneClient":
        client: IoTDataPlaneClient = self.home.client("iot-data")
        return client


def end_of(pem: str) -> datetime:
    """The last moment at which the certificate is valid (RFC 5280, 4.1.2.5)."""
    # It takes a tenth of a second, and only `show` needs it.
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    return load_pem_x509_certificate(pem.encode()).not_valid_after_utc


def batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    """So many at a time; Python 3.12 has it."""
    left = iter(names)
    while some := list(islice(left, size)):
        yield some


def _by_name(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["thing_name"]))


def _newest(
    client: "DynamoDBClient", table: str, status: str, device_type: str | None, most: int | None
) -> list[Mapping[str, Any]]:
    """Entries of the index, the newest device first: one more than `most`, if there are."""
    asked: dict[str, Any] = {
        "TableName": table,
        "IndexName": "status",
        "KeyConditionExpression": "#status = :status",
        "ProjectionExpression": "thing_name, created_at",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": status}},
        "ScanIndexForward": False,
    }
    if device_type is not None:
        asked["FilterExpression"] = "device_type = :type"
        asked["ExpressionAttributeValues"] |= {":type": {"S": device_type}}
    if most is not None:
        asked["PaginationConfig"] = {"PageSize": most + 1}
    pages = client.get_paginator("query").paginate(**asked)
    entries = (entry for page in pages for entry in page["Items"])
    return list(islice(entries, None if most is None else most + 1))


def _read_all(client: "DynamoDBClient", table: str, names: Iterable[str]) -> Iterator[Row]:
    """The rows of these names, again for those that DynamoDB has left out of its answer.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    """
    keys = [{"thing_name": {"S": name}} for name in names]
    asked: Any = {table: {"Keys": keys, "ConsistentRead": True}}
    while asked:
        answer = client.batch_get_item(RequestItems=asked)
        yield from map(_plain, answer["Responses"][table])
        asked = answer["UnprocessedKeys"]


def answer_of(key: str, wish: Json, state: Mapping[str, Any]) -> Answer:
    """What the device says to a wish, by the `state` of its shadow after that was written."""
    found = answers.answer(key, wish, state.get("desired", {}), state.get("reported", {}))
    return Answer(key, wish, found.result, found.reason)


def _payload(answer: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = read(answer["payload"].read())
    return document


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeDeserializer  # noqa: PLC0415 - see above

    read = TypeDeserializer().deserialize
    values = {key: read(value) for key, value in item.items() if key not in HIDDEN}
    return {
        key: sorted(value) if isinstance(value, set) else value for key, value in values.items()
    }
