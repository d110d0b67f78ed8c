"""ControlPlane: the function behind every route of the HTTP API."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from common import environment
from common.clients import CONFIG, NEVER_REPEAT, session
from common.executions import Executions as History
from common.linking import LinkDevices
from common.observability import observed
from control_plane.commands import Commands
from control_plane.devices import Devices
from control_plane.document import document
from control_plane.executions import Executions
from control_plane.explaining import Explaining
from control_plane.links import Links
from control_plane.listing import Listing
from control_plane.live import Live
from control_plane.machines import DEPROVISION, PROVISION, QUARANTINE, RELEASE, RESTART, Machines
from control_plane.request import Answer, Request
from control_plane.routes import Act, resolver_of
from control_plane.settings import Settings
from control_plane.shadow import Shadows
from devices.catalog import Catalog
from explaining.record import Record
from explaining.refusals import Refusals
from explaining.why import Sources

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def get_document(_request: Request) -> Answer:
    """The OpenAPI document itself."""
    return Answer(200, document())


dynamodb = session.resource("dynamodb", config=CONFIG)
catalog_table = dynamodb.Table(environment.required("CATALOG_TABLE"))
sfn_client = session.client("stepfunctions", config=CONFIG)
iot_client = session.client("iot", config=CONFIG)
iot_data_client = session.client("iot-data", config=CONFIG)
machines = Machines(
    sfn_client,
    {
        PROVISION: environment.required("PROVISION_MACHINE"),
        DEPROVISION: environment.required("DEPROVISION_MACHINE"),
        RESTART: environment.required("RESTART_MACHINE_ARN"),
        QUARANTINE: environment.required("QUARANTINE_MACHINE_ARN"),
        RELEASE: environment.required("RELEASE_MACHINE_ARN"),
    },
)
devices = Devices(
    Catalog(catalog_table), Listing(catalog_table, dynamodb), machines, iot_client, iot_data_client
)
executions = Executions(machines)
link_devices = LinkDevices(
    # Less than this function may run.
    session.client("lambda", config=NEVER_REPEAT.merge(Config(read_timeout=24))),
    environment.required("LINK_FUNCTION"),
)
links = Links(link_devices)
settings = Settings(
    Catalog(catalog_table), Shadows(iot_data_client), int(environment.required("METRICS_FLOOR"))
)
replies_table = dynamodb.Table(environment.required("COMMAND_REPLIES_TABLE"))
commands = Commands(Catalog(catalog_table), iot_data_client, replies_table)
sources = Sources(
    Catalog(catalog_table),
    Record(dynamodb.Table(environment.required("HISTORY_TABLE"))),
    Refusals(session.client("logs", config=CONFIG), environment.optional("IOT_LOG_GROUP")),
    dynamodb.Table(environment.required("FINDINGS_TABLE")),
    iot_client,
    iot_data_client,
    History(sfn_client),
)
live = Live(
    session.client("sts", config=CONFIG),
    iot_client,
    environment.required("LIVE_ROLE_ARN"),
    environment.required("IOT_ARN_BASE"),
    iot_client.meta.region_name,
    environment.optional("LIVE_ENDPOINT"),
)

# A capability adds its own: a file in openapi/, an object with `acts`, a route in template.yaml.
acts: Mapping[str, Act] = {
    "getDocument": get_document,
    **devices.acts(),
    **executions.acts(),
    **settings.acts(),
    **commands.acts(),
    **links.acts(),
    **Explaining(sources).acts(),
    **live.acts(),
}
resolver = resolver_of(acts)


@observed
def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """A request of API Gateway's HTTP API, payload format 2.0; openapi/ has what is asked and
    answered.
    """
    return resolver.resolve(dict(event), context)
