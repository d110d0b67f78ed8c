"""The catalog row of a device that is in quarantine no longer."""

from boto3.dynamodb.conditions import Attr

from common.errors import QuarantineLost
from common.row import OF_A_QUARANTINE, Row
from devices.confinement import QUARANTINED
from holding.conditions import present
from holding.hold import Hold
from holding.purposes import Purpose


def release(row: Row, hold: Hold) -> str | None:
    """The device is free, ONLINE or OFFLINE as presence has it. None when that has changed."""
    connected = bool(row.get("presence_connected"))
    status = "ONLINE" if connected else "OFFLINE"
    as_seen = Attr("status").eq(QUARANTINED) & Attr("presence_connected").eq(connected)
    try:
        hold.update(
            condition=as_seen & present(Purpose.READMIT),
            remove=OF_A_QUARANTINE,
            status=status,
            released_by=hold.holder,
        )
    except QuarantineLost:
        return None
    return status
