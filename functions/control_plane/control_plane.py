"""ControlPlane: the function behind every route of the HTTP API."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from common.clients import CONFIG, NEVER_REPEAT, S3_CONFIG, session
from common.environment import Environment, environment
from common.linking import LinkDevices
from common.observability import Handler, observed
from control_plane.commands import Commands
from control_plane.devices import Devices
from control_plane.document import document
from control_plane.executions import Executions
from control_plane.fleets import Fleets
from control_plane.links import Links
from control_plane.listing import Listing
from control_plane.machines import WORKFLOWS, Machines
from control_plane.request import Answer, Request
from control_plane.routes import Act, resolver_of
from control_plane.settings import Settings
from control_plane.shadow import Shadows
from control_plane.upkeep import Upkeep
from devices.catalog import Catalog

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


def get_document(_request: Request) -> Answer:
    """The OpenAPI document itself."""
    return Answer(200, document())


def machines_of(environment: Environment, session: "Session") -> Machines:
    """The workflows that can be asked for."""
    return Machines(
        session.client("stepfunctions", config=CONFIG),
        {name: environment.required("MACHINES_PREFIX") + name for name in WORKFLOWS},
    )


def acts_of(environment: Environment, session: "Session") -> Mapping[str, Act]:
    """What answers each operation of the document.

    A capability adds its own: a file in openapi/, an object with `acts`, a route in template.yaml.
    """
    dynamodb = session.resource("dynamodb", config=CONFIG)
    table = dynamodb.Table(environment.required("CATALOG_TABLE"))
    replies = dynamodb.Table(environment.required("COMMAND_REPLIES_TABLE"))
    iot = session.client("iot", config=CONFIG)
    iot_data = session.client("iot-data", config=CONFIG)
    machines = machines_of(environment, session)
    link_devices = LinkDevices(
        # Less than this function may run.
        session.client("lambda", config=NEVER_REPEAT.merge(Config(read_timeout=24))),
        environment.required("LINK_FUNCTION"),
    )
    fleets = Fleets(
        dynamodb.Table(environment.required("FLEETS_TABLE")),
        session.client("s3", config=S3_CONFIG),
        environment.required("CONFIG_BUCKET"),
        machines,
    )
    floor = int(environment.required("METRICS_FLOOR"))
    return {
        "getDocument": get_document,
        **Devices(Catalog(table), Listing(table, dynamodb), machines, iot, iot_data).acts(),
        **Executions(machines).acts(),
        **Upkeep(Catalog(table), machines).acts(),
        **Settings(Catalog(table), Shadows(iot_data), floor).acts(),
        **Commands(Catalog(table), iot_data, replies).acts(),
        **Links(link_devices).acts(),
        **fleets.acts(),
    }


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """A request of API Gateway's HTTP API, payload format 2.0; openapi/ has what is asked and
    answered.
    """
    resolver = resolver_of(acts_of(environment, session))

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        return resolver.resolve(dict(event), context)

    return handler


handler = observed(build(environment, session))
