"""What the functions of this package are made of, from the environment that the template gives."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from common.clients import CONFIG, S3_CONFIG
from common.environment import Environment
from common.executions import Executions
from devices import wiring
from fleets.lists import Lists
from fleets.members import Catalog
from fleets.register import Register

if TYPE_CHECKING:
    from boto3 import Session


def register(environment: Environment, session: "Session") -> Register:
    """The register of fleets."""
    tables = session.resource("dynamodb", config=CONFIG)
    return Register(
        tables.Table(environment.required("FLEETS_TABLE")),
        Executions(session.client("stepfunctions", config=CONFIG)),
    )


def catalog(environment: Environment, session: "Session") -> Catalog:
    """The device catalog, as fleets read it."""
    machine = environment.required("PROVISION_MACHINE")
    return Catalog(wiring.catalog_table(environment, session), machine)


def lists_of(environment: Environment, session: "Session") -> Callable[[str], Lists]:
    """The objects of a fleet, by its name."""
    s3 = session.client("s3", config=S3_CONFIG)
    bucket = environment.required("CONFIG_BUCKET")
    return lambda fleet_name: Lists(s3, bucket, fleet_name)
