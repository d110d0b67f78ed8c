"""What more than one function is made of, from the environment that the template gives it.

Called by a handler's `build`, when its module is loaded, so that what is missing fails at start. A
function reads the variables of what it asks for here, and no others.
"""

from typing import TYPE_CHECKING

from common.clients import CONFIG
from common.environment import Environment
from common.image import ImageTag
from devices.catalog import Catalog
from devices.confinement import Policies
from devices.serials import AllowList

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_dynamodb.service_resource import Table


def catalog_table(environment: Environment, session: "Session") -> "Table":
    """The device catalog's table."""
    return session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))


def catalog(environment: Environment, session: "Session") -> Catalog:
    """The device catalog."""
    return Catalog(catalog_table(environment, session))


def serials(environment: Environment, session: "Session") -> AllowList:
    """The list of serial numbers."""
    dynamodb = session.resource("dynamodb", config=CONFIG)
    return AllowList(dynamodb.Table(environment.required("SERIALS_TABLE")))


def turns_table(environment: Environment, session: "Session") -> "Table":
    """The table of the rate limits, and of the lock of the roll."""
    return session.resource("dynamodb", config=CONFIG).Table(environment.required("TURNS_TABLE"))


def policies(environment: Environment) -> Policies:
    """The stack's policies for certificates."""
    return Policies(
        environment.required("DEVICE_POLICY"),
        environment.required("QUARANTINE_POLICY"),
        environment.required("LINKS_POLICY_PREFIX"),
    )


def image(environment: Environment, session: "Session") -> ImageTag:
    """The device image."""
    return ImageTag(
        session.client("ecr", config=CONFIG),
        environment.required("DEVICE_REPOSITORY"),
        environment.required("DEVICE_IMAGE_TAG"),
    )
