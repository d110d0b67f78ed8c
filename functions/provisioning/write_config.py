"""WriteConfig: the config document to the bucket, and the first shadow with the settings' defaults.

A restart writes the document only: the shadow is the device's, and stays as it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import environment
from common.clients import CONFIG, S3_CONFIG, session, transient_faults_named
from common.identifiers import MAX_REQUEST_BYTES, config_key, identity_key, model_key, request_key
from common.observability import logger, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient
    from types_boto3_s3 import S3Client

MQTT_TLS_PORT = 8883
REFERENCE_SECONDS = 900


@dataclass(frozen=True)
class DeviceRequest:
    """The device that the config is for."""

    thing_name: str
    device_type: str
    attributes: Mapping[str, str]
    model: Mapping[str, Any] | None = None
    keep_shadow: bool = False
    identity: str = "keys"

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "DeviceRequest":
        """From CreateThing's result, or from ClaimRestart's, with `keepShadow`."""
        return cls(
            thing_name=event["thingName"],
            device_type=event["deviceType"],
            attributes=event["attributes"],
            model=event.get("model"),
            keep_shadow=event.get("keepShadow", False),
            identity=event.get("identity", "keys"),
        )


@dataclass(frozen=True)
class ConfigWriter:
    """Writes what a device needs to know before it has ever connected."""

    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"
    s3: "S3Client"
    bucket: str

    def write(self, request: DeviceRequest) -> dict[str, str]:
        """Config document and first shadow; gives `{endpoint, configUri}`. Safe to repeat."""
        endpoint = self.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        key = config_key(request.thing_name)
        if request.identity == "csr":
            self._forget_earlier(request.thing_name)
        self._put(key, self._document(request, endpoint))
        if not request.keep_shadow:
            self._begin(request)
        return {"endpoint": endpoint, "configUri": f"s3://{self.bucket}/{key}"}

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

    def _begin(self, request: DeviceRequest) -> None:
        if request.model is not None:
            self._put(model_key(request.thing_name), request.model)
        self.iot_data.update_thing_shadow(
            thingName=request.thing_name,
            payload=json.dumps({"state": {"desired": first_desired(request)}}).encode(),
        )

    def _put(self, key: str, document: Mapping[str, Any]) -> None:
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(document).encode(),
            ContentType="application/json",
        )

    def _document(self, request: DeviceRequest, endpoint: str) -> dict[str, Any]:
        # The key pair is being made at this moment, in the other branch, or will be by the device:
        # the reference to what it picks up can be signed already, and this function never sees what
        # that leads to.
        identity_url = self.s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self.bucket, "Key": identity_key(request.thing_name)},
            ExpiresIn=REFERENCE_SECONDS,
        )
        document = {
            "version": 1,
            "thingName": request.thing_name,
            "deviceType": request.device_type,
            "endpoint": endpoint,
            "port": MQTT_TLS_PORT,
            "identityUrl": identity_url,
            "attributes": dict(request.attributes),
        }
        if request.identity == "csr":
            document["csrUrl"] = self._request_url(request.thing_name)
        return document if request.model is None else {**document, "model": request.model}


OF_TYPE: Mapping[str, dict[str, Any]] = {"bulb": {"status": "off"}, "switch": {"position": "off"}}


def first_desired(request: DeviceRequest) -> dict[str, Any]:
    """The settings with their defaults (docs/contracts.md, "Classic shadow")."""
    desired: dict[str, Any] = {
        "time": 60,
        "topic": f"dt/playground/{request.thing_name}/telemetry",
        "unit": "metric",
        "debug": "off",
    }
    return desired | OF_TYPE.get(request.device_type, {})


writer = ConfigWriter(
    iot=session.client("iot", config=CONFIG),
    iot_data=session.client("iot-data", config=CONFIG),
    s3=session.client("s3", config=S3_CONFIG),
    bucket=environment.required("CONFIG_BUCKET"),
)


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """State WriteConfig. Takes what `DeviceRequest.from_event` takes, gives `{endpoint,
    configUri}`.
    """
    request = DeviceRequest.from_event(event)
    with transient_faults_named():
        written = writer.write(request)
    logger.info("config written", config_uri=written["configUri"])
    return written
