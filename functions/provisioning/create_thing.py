"""CreateThing: claims the name in the catalog, then registers the thing with its type and its
group.

Refuses bad input and a name that exists before anything is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import CONFIG, error_code, session, transient_faults_named
from common.device_wish import OWNER_ATTRIBUTE, DeviceWish
from common.environment import Environment, environment
from common.errors import ThingExists
from common.identifiers import NOWHERE, made_up_name, owner_of
from common.observability import Handler, about, logger, metrics, observed
from devices import wiring
from devices.catalog import Catalog

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient


@dataclass(frozen=True)
class ThingRequest:
    """What `start-execution` asked for, checked."""

    thing_name: str
    device_type: str
    attributes: Mapping[str, str]
    execution_arn: str
    identity: str = "keys"
    ttl: timedelta | None = None
    hosting: str = "task"
    batch: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ThingRequest":
        """From `{"input": <execution input>, "execution": <execution ARN>}`; raises
        InvalidInput.
        """
        wish = DeviceWish.of(event["input"])
        return cls(
            thing_name=wish.thing_name or made_up_name(event["execution"]),
            device_type=wish.device_type,
            attributes=wish.attributes,
            execution_arn=event["execution"],
            identity=wish.identity,
            ttl=wish.ttl,
            hosting=wish.hosting,
            batch=wish.batch,
        )


@dataclass(frozen=True)
class Settings:
    """Where this stack keeps its things."""

    thing_type_prefix: str
    thing_group: str


def create_thing(
    request: ThingRequest, iot: "IoTClient", catalog: Catalog, settings: Settings
) -> None:
    """Make the thing; repeatable by the same execution. Raises ThingExists for a name that is
    somebody else's.
    """
    _refuse_foreign_thing(request, iot)
    if not catalog.claim(
        request.thing_name,
        request.device_type,
        request.execution_arn,
        request.identity,
        request.ttl,
        request.hosting,
        request.batch,
    ):
        raise ThingExists(
            f"thingName: a device {request.thing_name} exists already; delete it or "
            "choose another name"
        )
    try:
        # The owner attribute makes this call idempotent for one execution and exclusive against all
        # others: AWS IoT accepts a repeated CreateThing only when its configuration is the same.
        iot.create_thing(
            thingName=request.thing_name,
            thingTypeName=settings.thing_type_prefix + request.device_type,
            attributePayload={
                "attributes": {
                    **request.attributes,
                    OWNER_ATTRIBUTE: owner_of(request.execution_arn),
                }
            },
        )
    except iot.exceptions.ResourceAlreadyExistsException as error:
        # Somebody registered it since the look above. CleanUp gives the name back, and leaves their
        # thing alone.
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
    return ThingExists(
        f"thingName: a thing {thing_name} exists already in AWS IoT; choose another name"
    )


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State CreateThing. Gives `{thingName, deviceType, identity, hosting}`: a name may be made
    up, a type the one of those that name none, and the last two tell which way the workflow goes.
    """
    iot_client = session.client("iot", config=CONFIG)
    device_catalog = wiring.catalog(environment, session)
    device_image = wiring.image(environment, session)
    stack = Settings(environment.required("THING_TYPE_PREFIX"), environment.required("THING_GROUP"))

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = ThingRequest.from_event(event)
        about(thing_name=request.thing_name)  # which may be made up
        with transient_faults_named():
            if request.hosting != NOWHERE:
                # Without an image no task could start: refused before anything is made.
                device_image.digest()
            create_thing(request, iot_client, device_catalog, stack)
        metrics.add_metric("ThingsCreated", unit="Count", value=1)
        logger.info("thing created", device_type=request.device_type)
        return {
            "thingName": request.thing_name,
            "deviceType": request.device_type,
            "identity": request.identity,
            "hosting": request.hosting,
        }

    return handler


handler = observed(build(environment, session))
