"""CountDevices: how many devices there are of each status, as metrics.

Every 5 minutes it reads the catalog once, 1 MB a call: a thousand devices are one call and 125 read units.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common import environment
from common.catalog import GIVEN_UP, is_free
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger, metrics, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_dynamodb.service_resource import Table

# Of devices that are there. Rows of removed ones stay for ever: their number only grows, and tells nothing.
STATUSES = ("PROVISIONING", "ONLINE", "OFFLINE", "QUARANTINED", "FAILED")


def count_devices(table: "Table") -> dict[str, int]:
    """The number of devices of every status, 0 too, which is no gap in a graph. FAILED: given up, and still there."""
    found: Counter[str] = Counter()
    asked: Any = {
        "ProjectionExpression": f"#status, {GIVEN_UP}",
        "ExpressionAttributeNames": {"#status": "status"},
    }
    while True:
        page: Any = table.scan(**asked)
        found.update(row["status"] for row in page["Items"] if not is_free(row))
        if "LastEvaluatedKey" not in page:
            return {status: found[status] for status in STATUSES}
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


catalog_table = session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE"))


@observed
def handler(_event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, int]:
    """Called every 5 minutes. Gives the numbers by status, and publishes `DevicesOnline` and its like."""
    with transient_faults_named():
        found = count_devices(catalog_table)
    for status, number in found.items():
        metrics.add_metric(f"Devices{status.title()}", "Count", number)
    logger.info("devices counted", devices=found)
    return found
