"""Presence: what the broker says of a device's connection, into the catalog and on to a waiting workflow.

https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html: events arrive late, twice and out of
order; `versionNumber` grows with every connection of a client id and begins again at 0 after about an hour without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common import environment
from common.catalog import FREE, Row, now, plain
from common.clients import CONFIG, S3_CONFIG, error_code, session, transient_faults_named
from common.identifiers import identity_key
from common.observability import about_row, logger, metrics, observed
from common.workflow import report_online

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

# The clocks of two brokers may differ. Inside this window versionNumber tells the order, outside it the time does:
# that also covers a counter that has begun again. Two sessions with one number are on both sides of such a beginning.
CLOCK_SKEW_MS = 1000

# Neither a removed device nor one in quarantine comes back to life because an event about it is late.
FOLLOWED = ("PROVISIONING", "ONLINE", "OFFLINE")

# The broker ended this connection because another one came with its client id.
TAKEN_OVER = "DUPLICATE_CLIENTID"


@dataclass(frozen=True)
class PresenceEvent:
    """One message of `$aws/events/presence/<connected|disconnected>/<client id>`."""

    thing_name: str
    connected: bool
    version: int
    session: str
    at_ms: int
    ip: str
    reason: str
    certificate_id: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "PresenceEvent":
        """From the rule's message; the client id of a device is its thing name."""
        return cls(
            thing_name=event["clientId"],
            connected=event["eventType"] == "connected",
            version=int(event.get("versionNumber", 0)),
            session=event["sessionIdentifier"],
            at_ms=int(event["timestamp"]),
            ip=event.get("ipAddress", ""),
            reason=event.get("disconnectReason", ""),
            certificate_id=event.get("principalIdentifier", ""),
        )

    @property
    def seen_at(self) -> str:
        """The event's own time, as the catalog writes it."""
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class PresenceRecorder:
    """Keeps the catalog's view of connections, and tells a workflow that its device has arrived."""

    table: "Table"
    s3: "S3Client"
    sfn: "SFNClient"
    bucket: str

    def record(self, event: PresenceEvent) -> bool:
        """Write the event unless the catalog knows a newer one; False when it changed nothing.

        The first connection ends provisioning, and a restart: the key that was picked up leaves the bucket, the
        workflow is told.
        """
        row, newer = self._write(event)
        if row is None:
            return False
        about_row(row)
        if event.reason == TAKEN_OVER:
            self._remember_conflict(event)
        if event.connected and row.get("presence_session") == event.session:
            # Also for an event that came before: an attempt that died half-way must be finished by its repetition.
            self._device_has_come(event, row)
        return newer

    def _write(self, event: PresenceEvent) -> tuple[Row | None, bool]:
        """The row as it is now, and whether the event is the newest; no row for a stranger's client id."""
        try:
            answer = self.table.update_item(
                Key={"thing_name": event.thing_name},
                UpdateExpression=_UPDATE,
                ConditionExpression=_CONDITION,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_values(event),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException as error:
            return plain(error.response.get("Item")), False
        return answer["Attributes"], True

    def _remember_conflict(self, event: PresenceEvent) -> None:
        """For the audit. It is always old news: the connection that took over has a higher number."""
        try:
            self.table.update_item(
                Key={"thing_name": event.thing_name},
                UpdateExpression="SET client_id_conflict_at = :seen",
                ConditionExpression=_NEW_CONFLICT,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":seen": event.seen_at, ":failed": FREE[0], ":terminated": FREE[1]},
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException:
            return

    def _device_has_come(self, event: PresenceEvent, row: Row) -> None:
        thing_name = event.thing_name
        if row.get("next_certificate_id", event.certificate_id) != event.certificate_id:
            return  # The connection that is to be replaced, not the one that is waited for.
        if row.get("identity_pending"):
            self.s3.delete_object(Bucket=self.bucket, Key=identity_key(thing_name))
            self._remove_attribute(thing_name, "identity_pending", value=True)
        if "task_token" in row:
            report_online(self.sfn, row["task_token"])
            self._remove_attribute(thing_name, "task_token", value=row["task_token"])

    def _remove_attribute(self, thing_name: str, name: str, *, value: Any) -> None:
        """Remove it only while it still is what this event was about."""
        try:
            self.table.update_item(
                Key={"thing_name": thing_name},
                UpdateExpression=f"REMOVE {name}",
                ConditionExpression=f"{name} = :value",
                ExpressionAttributeValues={":value": value},
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise


_UPDATE = (
    "SET #status = :status, ip = :ip, disconnect_reason = :reason, last_seen_at = :seen, updated_at = :now, "
    "presence_version = :version, presence_session = :session, presence_at = :at, presence_certificate = :certificate"
)
_CONDITION = (
    "attribute_exists(thing_name) AND #status IN (:provisioning, :online, :offline) AND ("
    "attribute_not_exists(presence_at)"
    " OR presence_at < :certainly_earlier"
    " OR (presence_at <= :perhaps_earlier AND presence_version < :version)"
    " OR (presence_version = :version AND presence_session <> :session AND presence_at < :at)"
    " OR (presence_version = :version AND presence_session = :session AND #status = :online AND :status = :offline))"
)

_NEW_CONFLICT = (
    "attribute_exists(thing_name) AND NOT #status IN (:failed, :terminated)"
    " AND (attribute_not_exists(client_id_conflict_at) OR client_id_conflict_at < :seen)"
)


def _values(event: PresenceEvent) -> dict[str, Any]:
    return {
        ":status": "ONLINE" if event.connected else "OFFLINE",
        ":ip": event.ip,
        ":reason": event.reason,
        ":seen": event.seen_at,
        ":now": now(),
        ":version": event.version,
        ":session": event.session,
        ":at": event.at_ms,
        ":certificate": event.certificate_id,
        ":certainly_earlier": event.at_ms - CLOCK_SKEW_MS,
        ":perhaps_earlier": event.at_ms + CLOCK_SKEW_MS,
        ":provisioning": FOLLOWED[0],
        ":online": FOLLOWED[1],
        ":offline": FOLLOWED[2],
    }


recorder = PresenceRecorder(
    table=session.resource("dynamodb", config=CONFIG).Table(environment.required("CATALOG_TABLE")),
    s3=session.client("s3", config=S3_CONFIG),
    sfn=session.client("stepfunctions", config=CONFIG),
    bucket=environment.required("CONFIG_BUCKET"),
)


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """Target of the rule on `$aws/events/presence/+/+`. Gives `{thingName, changed}`."""
    presence = PresenceEvent.from_event(event)
    with transient_faults_named():
        changed = recorder.record(presence)
    metrics.add_metric("Connected" if presence.connected else "Disconnected", unit="Count", value=1)
    logger.info("presence", event_type=event["eventType"], changed=changed, reason=presence.reason)
    return {"thingName": presence.thing_name, "changed": changed}
