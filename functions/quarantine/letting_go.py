"""The catalog row of a device that is in quarantine no longer."""

from common.catalog import OF_A_QUARANTINE, Catalog, Row, now
from common.quarantine import AT_WORK, QUARANTINED, READMITTING, RELEASING


def release(row: Row, execution_arn: str, catalog: Catalog) -> str | None:
    """The device is free: ONLINE or OFFLINE, as presence has it. None when it has just changed that."""
    status = "ONLINE" if row.get("presence_connected") else "OFFLINE"
    try:
        catalog.table.update_item(
            Key={"thing_name": row["thing_name"]},
            UpdateExpression="SET #status = :status, released_by = :me, updated_at = :now REMOVE "
            + ", ".join(OF_A_QUARANTINE),
            ConditionExpression="#status = :quarantined AND presence_connected = :connected AND ("
            f"{AT_WORK} = :me OR {RELEASING} = :me) AND attribute_exists({READMITTING})"
            " AND attribute_not_exists(deprovisioning)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":status": status,
                ":quarantined": QUARANTINED,
                ":connected": bool(row.get("presence_connected")),
                ":me": execution_arn,
                ":now": now(),
            },
        )
    except catalog.table.meta.client.exceptions.ConditionalCheckFailedException:
        return None
    return status
