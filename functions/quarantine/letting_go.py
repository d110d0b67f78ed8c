"""The catalog row of a device that is in quarantine no longer."""

from common.catalog import OF_A_QUARANTINE, Catalog, Row, now
from common.items import update_if
from common.quarantine import AT_WORK, QUARANTINED, READMITTING, RELEASING

_RELEASE = "SET #status = :status, released_by = :me, updated_at = :now REMOVE " + ", ".join(OF_A_QUARANTINE)
_IS_READMITTED = (
    f"#status = :quarantined AND presence_connected = :connected AND ({AT_WORK} = :me OR {RELEASING} = :me)"
    f" AND attribute_exists({READMITTING}) AND attribute_not_exists(deprovisioning)"
)


def release(row: Row, execution_arn: str, catalog: Catalog) -> str | None:
    """The device is free: ONLINE or OFFLINE, as presence has it. None when it has just changed that."""
    status = "ONLINE" if row.get("presence_connected") else "OFFLINE"
    values = {
        ":status": status,
        ":quarantined": QUARANTINED,
        ":connected": bool(row.get("presence_connected")),
        ":me": execution_arn,
        ":now": now(),
    }
    released = update_if(catalog.table, {"thing_name": row["thing_name"]}, _RELEASE, _IS_READMITTED, values)
    return None if released is None else status
