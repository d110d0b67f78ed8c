"""CountDevices: how many devices there are of each status, as metrics.

Every 5 minutes it reads the catalog once, 1 MB a call: a thousand devices are one call and 125 read
units.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.items import scan
from common.observability import Handler, logger, metrics, observed
from common.row import GIVEN_UP, is_free
from common.statuses import THERE
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_dynamodb.service_resource import Table

# Rows of removed ones stay for ever: their number only grows, and tells nothing.
STATUSES = THERE


def count_devices(table: "Table") -> dict[str, int]:
    """The number of devices of every status, 0 too, which is no gap in a graph.

    FAILED counts those that failed after repeated restarts and are still there.
    """
    rows = scan(table, ("status", GIVEN_UP), consistent=False)
    found = Counter(row["status"] for row in rows if not is_free(row))
    return {status: found[status] for status in STATUSES}


def build(environment: Environment, session: "Session") -> Handler[dict[str, int]]:
    """Called every 5 minutes. Gives the numbers by status, and publishes `DevicesOnline` and its
    like.
    """
    catalog_table = wiring.catalog_table(environment, session)

    def handler(_event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, int]:
        with transient_faults_named():
            found = count_devices(catalog_table)
        for status, number in found.items():
            metrics.add_metric(f"Devices{status.title()}", "Count", number)
        logger.info("devices counted", devices=found)
        return found

    return handler


handler = observed(build(environment, session))
