"""Read devices from catalog, registry and shadow, and change their settings."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from playground.errors import SettingError, UnknownDeviceError
from playground.homes import Home

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient

# Whoever has the token can answer for the device.
HIDDEN = ("task_token",)

Row = Mapping[str, Any]
Json = Any


@dataclass(frozen=True)
class Answer:
    """What the device said about one setting. `pending` when it said nothing."""

    key: str
    value: Json
    result: str
    reason: str = ""


def parse_settings(pairs: Sequence[str]) -> dict[str, Json]:
    """`KEY=VALUE` pairs as a dict; a VALUE that is no JSON is a string. Raises SettingError."""
    settings: dict[str, Json] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise SettingError(f"{pair!r} is not KEY=VALUE, such as time=5.")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text
    return settings


def parse_attributes(pairs: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` pairs as thing attributes, which are strings. Raises SettingError."""
    split = [pair.partition("=") for pair in pairs]
    for key, separator, value in split:
        if not separator or not key:
            raise SettingError(f"{key + separator + value!r} is not KEY=VALUE, such as room=kitchen.")
    return {key: value for key, _, value in split}


@dataclass(frozen=True)
class Devices:
    """The devices of one home."""

    home: Home

    def rows(self) -> list[Row]:
        """All catalog rows, by name, without what nobody should see."""
        client: DynamoDBClient = self.home.client("dynamodb")
        pages = client.get_paginator("scan").paginate(TableName=self.home.output("DeviceCatalogTableName"))
        return sorted(
            (_plain(item) for page in pages for item in page["Items"]), key=lambda row: str(row["thing_name"])
        )

    def row(self, name: str) -> Row:
        """One catalog row. Raises UnknownDeviceError."""
        client: DynamoDBClient = self.home.client("dynamodb")
        table = self.home.output("DeviceCatalogTableName")
        found = client.get_item(TableName=table, Key={"thing_name": {"S": name}}, ConsistentRead=True).get("Item")
        if found is None:
            raise UnknownDeviceError(f"There is no device {name}: `playground list` shows those that there are.")
        return _plain(found)

    def shadow(self, name: str) -> dict[str, Any]:
        """The classic shadow document; empty when there is none."""
        try:
            return _payload(self._data().get_thing_shadow(thingName=name))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise

    def certificate_status(self, certificate_id: str) -> str:
        """ACTIVE, INACTIVE, ...; `deleted` when there is no such certificate."""
        client: IoTClient = self.home.client("iot")
        try:
            return client.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return "deleted"
            raise

    def desire(self, name: str, settings: Mapping[str, Json]) -> None:
        """Update `desired`."""
        payload = json.dumps({"state": {"desired": dict(settings)}}).encode()
        self._data().update_thing_shadow(thingName=name, payload=payload)

    def wait_answers(self, name: str, settings: Mapping[str, Json], limit: float) -> list[Answer]:
        """The device's answer to each setting; `pending` for those it has not answered after `limit` seconds."""
        deadline = time.monotonic() + limit
        while True:
            reported = self.shadow(name).get("state", {}).get("reported", {})
            found = [answer_of(key, value, reported) for key, value in settings.items()]
            if all(answer.result != "pending" for answer in found) or time.monotonic() > deadline:
                return found
            time.sleep(self.home.poll)

    def _data(self) -> "IoTDataPlaneClient":
        client: IoTDataPlaneClient = self.home.client("iot-data")
        return client


def answer_of(key: str, value: Json, reported: Mapping[str, Any]) -> Answer:
    """What `reported` says to a desired value. A shadow holds no null, so for null the key has to be gone."""
    rejection = reported.get("rejected", {}).get(key)
    if value is None:
        return Answer(key, value, "pending" if key in reported or rejection else "accepted")
    if rejection is not None and rejection.get("value") == value:
        return Answer(key, value, "rejected", str(rejection.get("reason", "")))
    return Answer(key, value, "accepted" if key in reported and reported[key] == value else "pending")


def _payload(answer: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer["payload"].read())
    return document


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer().deserialize
    values = {key: read(value) for key, value in item.items() if key not in HIDDEN}
    return {key: sorted(value) if isinstance(value, set) else value for key, value in values.items()}
