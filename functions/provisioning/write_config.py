"""WriteConfig: the config document to the bucket, and the first shadow with the settings' defaults.

A restart writes the document only: the shadow is the device's, and stays as it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, S3_CONFIG, session, transient_faults_named
from common.device_wish import OWNER_ATTRIBUTE, DeviceWish
from common.environment import Environment, environment
from common.identifiers import (
    CLAIMS,
    JITR,
    MAX_REQUEST_BYTES,
    NOWHERE,
    SHARED_CLAIM_OWN_KEY,
    config_key,
    identity_key,
    identity_of_restart,
    model_key,
    request_key,
)
from common.jsontext import read
from common.observability import Handler, logger, observed
from devices import wiring
from holding.restart import restart_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient
    from types_boto3_s3 import S3Client

MQTT_TLS_PORT = 8883
REFERENCE_SECONDS = 900
ITS_OWN_KEY = ("csr", JITR)
"""Methods by which a virtual device makes its key itself."""


@dataclass(frozen=True)
class ConfigRequest:
    """A new device, with the input of its provisioning, or the one that a restart holds."""

    thing_name: str
    asked: object = None
    restart_arn: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ConfigRequest":
        """From `{"thingName", "input"}`, or `{"thingName", "restart"}`."""
        return cls(event["thingName"], event.get("input"), event.get("restart"))


@dataclass(frozen=True)
class Device:
    """The device that the config is for."""

    thing_name: str
    device_type: str
    attributes: Mapping[str, str]
    model: Mapping[str, Any] | None
    identity: str
    csr: str | None = None
    """The request of a device that is not virtual, unless its owner's authority has signed it."""
    virtual: bool = True

    @classmethod
    def asked_for(cls, thing_name: str, asked: object) -> "Device":
        """As the input of its provisioning asks for it."""
        wish = DeviceWish.of(asked)
        return cls(
            thing_name,
            wish.device_type,
            wish.attributes,
            wish.model,
            wish.identity,
            wish.csr,
            virtual=wish.hosting != NOWHERE,
        )


@dataclass(frozen=True)
class Devices:
    """Those that exist: what was asked for stands in the row, in the thing, and in the bucket."""

    table: "Table"
    iot: "IoTClient"
    s3: "S3Client"
    bucket: str

    def held_by(self, restart_arn: str, thing_name: str) -> Device:
        """The device of a restart. Raises RestartLost when that does not hold it any more."""
        row = self.table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True).get("Item")
        held = restart_of(self.table, thing_name, restart_arn).checked(row)
        return Device(
            thing_name,
            held["device_type"],
            self._attributes(thing_name),
            self._model(thing_name),
            identity_of_restart(held.get("identity", "keys")),
        )

    def _attributes(self, thing_name: str) -> Mapping[str, str]:
        attributes = self.iot.describe_thing(thingName=thing_name).get("attributes", {})
        return {name: value for name, value in attributes.items() if name != OWNER_ATTRIBUTE}

    def _model(self, thing_name: str) -> Mapping[str, Any] | None:
        key = model_key(thing_name)
        # Listed first: without the permission to list, S3 answers 403 for what is not there.
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents"):
            return None
        model: dict[str, Any] = read(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return model


@dataclass(frozen=True)
class ConfigWriter:
    """Writes what a device needs to know before it has ever connected."""

    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"
    s3: "S3Client"
    bucket: str
    provisioning_template: str

    def write(self, device: Device) -> dict[str, str]:
        """The config document; gives `{endpoint, configUri}`. Safe to repeat."""
        endpoint = self.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        key = config_key(device.thing_name)
        if device.identity in ITS_OWN_KEY:
            self._forget_earlier(device.thing_name)
        if device.csr is not None:
            request = device.csr.strip() + "\n"
            self.s3.put_object(
                Bucket=self.bucket, Key=request_key(device.thing_name), Body=request.encode()
            )
        self._put(key, self._document(device, endpoint))
        return {"endpoint": endpoint, "configUri": f"s3://{self.bucket}/{key}"}

    def begin(self, device: Device) -> None:
        """What a device has from its first day: model and shadow. Safe to repeat."""
        if device.model is not None:
            self._put(model_key(device.thing_name), device.model)
        self.iot_data.update_thing_shadow(
            thingName=device.thing_name,
            payload=json.dumps({"state": {"desired": first_desired(device)}}).encode(),
        )

    def _forget_earlier(self, thing_name: str) -> None:
        """Request and certificate of the task before: the next one makes a key of its own."""
        for key in (request_key(thing_name), identity_key(thing_name)):
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def _request_url(self, thing_name: str) -> str:
        """Good for one request: of that size, there, and only while there is none
        (docs/security-keys.md).
        """
        return self.s3.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self.bucket,
                "Key": request_key(thing_name),
                "ContentLength": MAX_REQUEST_BYTES,
                "IfNoneMatch": "*",
            },
            ExpiresIn=REFERENCE_SECONDS,
        )

    def _put(self, key: str, document: Mapping[str, Any]) -> None:
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(document).encode(),
            ContentType="application/json",
        )

    def _document(self, device: Device, endpoint: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "version": 1,
            "thingName": device.thing_name,
            "deviceType": device.device_type,
            "endpoint": endpoint,
            "port": MQTT_TLS_PORT,
            "attributes": dict(device.attributes),
        }
        if not device.virtual:
            return document  # Its owner gets it, with files instead of references.
        # The key pair is being made at this moment, in the other branch, or will be by the device:
        # the reference to what it picks up can be signed already, and this function never sees what
        # that leads to.
        document["identityUrl"] = self.s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self.bucket, "Key": identity_key(device.thing_name)},
            ExpiresIn=REFERENCE_SECONDS,
        )
        if device.identity in ITS_OWN_KEY:
            document["csrUrl"] = self._request_url(device.thing_name)
        if device.identity in CLAIMS:
            # What the reference leads to is a claim: the device gets its own certificate with it.
            document["provisioningTemplate"] = self.provisioning_template
        if device.identity == SHARED_CLAIM_OWN_KEY:
            document["ownKey"] = True
        return document if device.model is None else {**document, "model": device.model}


FIRST_SHADOW: Mapping[str, Any] = read((Path(__file__).parent / "first_shadow.json").read_bytes())


def first_desired(device: Device) -> dict[str, Any]:
    """The settings with their defaults (docs/contracts.md, "Classic shadow"). The table is the
    device's own: `make settings` writes first_shadow.json from it. A device that is not virtual
    knows none of them.
    """
    if not device.virtual:
        return {}
    return {
        key: _of(device, first["value"])
        for key, first in FIRST_SHADOW.items()
        if device.device_type in first.get("deviceTypes", [device.device_type])
    }


def _of(device: Device, value: Any) -> Any:
    return value.replace("{thingName}", device.thing_name) if isinstance(value, str) else value


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State WriteConfig of both workflows. Takes what `ConfigRequest.from_event` takes, gives
    `{endpoint, configUri}`.
    """
    iot_client = session.client("iot", config=CONFIG)
    s3_client = session.client("s3", config=S3_CONFIG)
    bucket = environment.required("CONFIG_BUCKET")
    devices = Devices(wiring.catalog_table(environment, session), iot_client, s3_client, bucket)
    writer = ConfigWriter(
        iot_client,
        session.client("iot-data", config=CONFIG),
        s3_client,
        bucket,
        environment.required("PROVISIONING_TEMPLATE"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        request = ConfigRequest.from_event(event)
        with transient_faults_named():
            if request.restart_arn is not None:
                written = writer.write(devices.held_by(request.restart_arn, request.thing_name))
            else:
                device = Device.asked_for(request.thing_name, request.asked)
                written = writer.write(device)
                writer.begin(device)
        logger.info("config written", config_uri=written["configUri"])
        return written

    return handler


handler = observed(build(environment, session))
