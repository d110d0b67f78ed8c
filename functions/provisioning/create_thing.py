"""CreateThing: claims the name in the catalog, then registers the thing with its type and its group.

Refuses bad input and a name that exists before anything is made.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common import environment
from common.catalog import Catalog
from common.clients import CONFIG, error_code, session, transient_faults_named
from common.errors import InvalidInput, ThingExists
from common.identifiers import DEVICE_TYPES, IDENTITIES, checked_thing_name, made_up_name, owner_of
from common.observability import about, logger, metrics, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_iot import IoTClient

# https://docs.aws.amazon.com/iot/latest/apireference/API_AttributePayload.html
ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
OWNER_ATTRIBUTE = "execution"
MAX_ATTRIBUTES = 20

FIELDS = ("deviceType", "thingName", "attributes", "model", "identity")
# Of compact JSON in UTF-8: the model travels in the workflow's data, which holds 256 KB, more than once.
MAX_MODEL_BYTES = 16_384


@dataclass(frozen=True)
class ThingRequest:
    """What `start-execution` asked for, checked."""

    thing_name: str
    device_type: str
    attributes: Mapping[str, str]
    execution_arn: str
    model: Mapping[str, Any] | None = None
    identity: str = "keys"

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ThingRequest":
        """From `{"input": <execution input>, "execution": <execution ARN>}`; raises InvalidInput."""
        asked = event["input"]
        if not isinstance(asked, dict):
            raise InvalidInput("input", 'must be a JSON object such as {} or {"deviceType": "bulb"}')
        for field in sorted(asked.keys() - set(FIELDS)):
            raise InvalidInput(field, f"is not a field of this workflow; it knows {', '.join(FIELDS)}")
        return cls(
            thing_name=checked_thing_name(asked.get("thingName", made_up_name(event["execution"]))),
            device_type=_checked_device_type(asked.get("deviceType", "generic")),
            attributes=_checked_attributes(asked.get("attributes", {})),
            execution_arn=event["execution"],
            model=_checked_model(asked["model"]) if "model" in asked else None,
            identity=_checked_identity(asked.get("identity", "keys")),
        )


@dataclass(frozen=True)
class Settings:
    """Where this stack keeps its things."""

    thing_type_prefix: str
    thing_group: str


def create_thing(request: ThingRequest, iot: "IoTClient", catalog: Catalog, settings: Settings) -> None:
    """Make the thing; repeatable by the same execution. Raises ThingExists for a name that is somebody else's."""
    _refuse_foreign_thing(request, iot)
    if not catalog.claim(request.thing_name, request.device_type, request.execution_arn, request.identity):
        raise ThingExists(f"thingName: a device {request.thing_name} exists already; delete it or choose another name")
    try:
        # The owner attribute makes this call idempotent for one execution and exclusive against all others: AWS IoT
        # accepts a repeated CreateThing only when its configuration is the same.
        iot.create_thing(
            thingName=request.thing_name,
            thingTypeName=settings.thing_type_prefix + request.device_type,
            attributePayload={"attributes": {**request.attributes, OWNER_ATTRIBUTE: owner_of(request.execution_arn)}},
        )
    except iot.exceptions.ResourceAlreadyExistsException as error:
        # Somebody registered it since the look above. CleanUp gives the name back, and leaves their thing alone.
        raise _taken(request.thing_name) from error
    iot.add_thing_to_thing_group(thingGroupName=settings.thing_group, thingName=request.thing_name)


def _refuse_foreign_thing(request: ThingRequest, iot: "IoTClient") -> None:
    try:
        thing = iot.describe_thing(thingName=request.thing_name)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return
        raise
    if thing.get("attributes", {}).get(OWNER_ATTRIBUTE) != owner_of(request.execution_arn):
        raise _taken(request.thing_name)


def _taken(thing_name: str) -> ThingExists:
    return ThingExists(f"thingName: a thing {thing_name} exists already in AWS IoT; choose another name")


def _checked_device_type(value: object) -> str:
    if value not in DEVICE_TYPES:
        raise InvalidInput("deviceType", f"must be one of {', '.join(DEVICE_TYPES)}, got {value!r}")
    return str(value)


def _checked_identity(value: object) -> str:
    if value not in IDENTITIES:
        raise InvalidInput("identity", f"must be one of {', '.join(IDENTITIES)}, got {value!r}")
    return str(value)


def _checked_attributes(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise InvalidInput("attributes", f"must be an object of strings, got {value!r}")
    if len(value) > MAX_ATTRIBUTES:
        raise InvalidInput("attributes", f"at most {MAX_ATTRIBUTES} attributes, got {len(value)}")
    for name, text in value.items():
        if not ATTRIBUTE_NAME.fullmatch(name) or name == OWNER_ATTRIBUTE:
            raise InvalidInput(
                "attributes", f"{name!r} can't name an attribute: {ATTRIBUTE_NAME.pattern}, not 'execution'"
            )
        if not isinstance(text, str) or not ATTRIBUTE_VALUE.fullmatch(text):
            raise InvalidInput(f"attributes.{name}", f"must be a string that matches {ATTRIBUTE_VALUE.pattern}")
    return value


def _checked_model(value: object) -> Mapping[str, Any]:
    """Shape and size only: what the generators are is the device's to know, which refuses to start with a bad model."""
    if not isinstance(value, dict) or not isinstance(value.get("telemetry"), dict):
        raise InvalidInput("model", "must be a device model: an object whose telemetry is an object")
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_MODEL_BYTES:
        raise InvalidInput("model", f"at most {MAX_MODEL_BYTES} bytes as JSON, got {size}")
    return value


iot_client = session.client("iot", config=CONFIG)
device_catalog = Catalog(session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE")))
stack = Settings(environment.required("THING_TYPE_PREFIX"), environment.required("THING_GROUP"))


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """State CreateThing. Gives `{thingName, deviceType, attributes, model, identity}`; model is null without one."""
    request = ThingRequest.from_event(event)
    about(thing_name=request.thing_name)  # which may be made up
    with transient_faults_named():
        create_thing(request, iot_client, device_catalog, stack)
    metrics.add_metric("ThingsCreated", unit="Count", value=1)
    logger.info("thing created", device_type=request.device_type)
    return {
        "thingName": request.thing_name,
        "deviceType": request.device_type,
        "attributes": dict(request.attributes),
        "model": request.model,
        "identity": request.identity,
    }
