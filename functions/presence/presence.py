"""Presence: what the broker says of a device's connection, into the catalog and on to a waiting
workflow.

https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html: events arrive late,
twice and out of order; `versionNumber` grows with every connection of a client id, and begins again
at 0 after about an hour without one; `timestamp` is right to 2 minutes. So the number tells the
order, and the time only whether it has begun again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, S3_CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.identifiers import identity_key
from common.items import update_if
from common.moments import now, of_milliseconds
from common.observability import Handler, about_row, logger, metrics, observed
from common.row import FREE, Row
from common.workflow import report_online
from devices import wiring
from devices.catalog import plain
from devices.confinement import QUARANTINED, in_quarantine

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

# Two events of one count never stand in the wrong order by more than 4 minutes, twice what a
# timestamp may be off. Two on both sides of a new beginning are about an hour apart, less 4
# minutes. What lies between has room for either. Two sessions with one number are on both sides of
# a new beginning.
BEGUN_ANEW_MS = 15 * 60_000

EVENT_TYPES = ("connected", "disconnected")

# A removed device does not come back to life because an event about it is late. One in quarantine
# stays there (below).
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
        return of_milliseconds(self.at_ms)


@dataclass(frozen=True)
class PresenceRecorder:
    """Keeps the catalog's view of connections, and tells a workflow that its device has arrived."""

    table: "Table"
    s3: "S3Client"
    sfn: "SFNClient"
    bucket: str

    def record(self, event: PresenceEvent) -> bool:
        """Write the event unless the catalog knows a newer one; False when it changed nothing.

        The first connection ends provisioning, and a restart: the key that was picked up leaves the
        bucket, the workflow is told.
        """
        row, newer = self._write(event)
        if row is None:
            return False
        about_row(row)
        if event.reason == TAKEN_OVER:
            self._remember_conflict(event)
        if event.connected and row.get("presence_session") == event.session:
            # Also for an event that came before: an attempt that died half-way must be finished by
            # its repetition.
            self._device_has_come(event, row)
        return newer

    def _write(self, event: PresenceEvent) -> tuple[Row | None, bool]:
        """The row as it is now, and whether the event is the newest; no row for a stranger's client
        id.
        """
        row, newer = self._try(event, _FREE, _values(event))
        if newer or row is None or row["status"] != QUARANTINED:
            return row, newer
        row, newer = self._try(event, _IN_QUARANTINE, _values_in_quarantine(event))
        if newer or row is None or row["status"] == QUARANTINED:
            return row, newer
        return self._try(event, _FREE, _values(event))  # It was let out between the two.

    def _try(
        self, event: PresenceEvent, how: tuple[str, str], values: Mapping[str, Any]
    ) -> tuple[Row | None, bool]:
        update, condition = how
        try:
            answer = self.table.update_item(
                Key={"thing_name": event.thing_name},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=dict(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException as error:
            return plain(error.response.get("Item")), False
        return answer["Attributes"], True

    def _remember_conflict(self, event: PresenceEvent) -> None:
        """For the audit. It is always old news: the connection that took over has a higher
        number.
        """
        values = {":seen": event.seen_at, ":failed": FREE[0], ":terminated": FREE[1]}
        key = {"thing_name": event.thing_name}
        update_if(self.table, key, "SET client_id_conflict_at = :seen", _NEW_CONFLICT, values)

    def _device_has_come(self, event: PresenceEvent, row: Row) -> None:
        thing_name = event.thing_name
        if row.get("next_certificate_id", event.certificate_id) != event.certificate_id:
            return  # The connection that is to be replaced, not the one that is waited for.
        if row.get("identity_pending"):
            self.s3.delete_object(Bucket=self.bucket, Key=identity_key(thing_name))
            self._remove_attribute(thing_name, "identity_pending", value=True)
        if "task_token" in row:
            report_online(
                self.sfn, row["task_token"], QUARANTINED if in_quarantine(row) else "ONLINE"
            )
            self._remove_attribute(thing_name, "task_token", value=row["task_token"])

    def _remove_attribute(self, thing_name: str, name: str, *, value: Any) -> None:
        """Remove it only while it still is what this event was about."""
        update_if(
            self.table,
            {"thing_name": thing_name},
            f"REMOVE {name}",
            f"{name} = :value",
            {":value": value},
        )


_DETAILS = (
    "ip = :ip, disconnect_reason = :reason, last_seen_at = :seen, updated_at = :now, "
    "presence_version = :version, "
    "presence_session = :session, presence_at = :at, presence_certificate = :certificate"
)
_NEWER = (
    "attribute_not_exists(presence_at)"
    " OR (presence_version < :version AND presence_at < :later_count)"
    " OR (presence_version > :version AND presence_at < :earlier_count)"
    " OR (presence_version = :version AND presence_session <> :session AND presence_at < :at)"
    " OR (presence_version = :version AND presence_session = :session AND "
)
# A device that is being made is waited for with the certificate that its row names: that of a claim
# may connect under any client id (the policy of CreateProvisioningClaim is AWS IoT's own).
_FREE = (
    f"SET #status = :status, {_DETAILS}",
    "attribute_exists(thing_name) AND (#status IN (:online, :offline) OR"
    " (#status = :provisioning AND certificate_id = :certificate))"
    f" AND ({_NEWER}#status = :online AND :status = :offline))",
)
# The status stays; whether the device is connected is what it is given when it is let out.
_IN_QUARANTINE = (
    f"SET presence_connected = :connected, {_DETAILS}",
    f"#status = :quarantined AND ({_NEWER}presence_connected = :true AND :connected = :false))",
)

_NEW_CONFLICT = (
    "attribute_exists(thing_name) AND NOT #status IN (:failed, :terminated)"
    " AND (attribute_not_exists(client_id_conflict_at) OR client_id_conflict_at < :seen)"
)


def _values(event: PresenceEvent) -> dict[str, Any]:
    return _details(event) | {
        ":status": "ONLINE" if event.connected else "OFFLINE",
        ":provisioning": FOLLOWED[0],
        ":online": FOLLOWED[1],
        ":offline": FOLLOWED[2],
    }


def _values_in_quarantine(event: PresenceEvent) -> dict[str, Any]:
    said = {":connected": event.connected, ":quarantined": QUARANTINED}
    return _details(event) | said | {":true": True, ":false": False}


def _details(event: PresenceEvent) -> dict[str, Any]:
    return {
        ":ip": event.ip,
        ":reason": event.reason,
        ":seen": event.seen_at,
        ":now": now(),
        ":version": event.version,
        ":session": event.session,
        ":at": event.at_ms,
        ":certificate": event.certificate_id,
        # The row is of an earlier count than the event before the one moment, of a later one after
        # the other.
        ":later_count": event.at_ms + BEGUN_ANEW_MS,
        ":earlier_count": event.at_ms - BEGUN_ANEW_MS,
    }


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Target of the rule on `$aws/events/presence/+/+`. Gives `{thingName, changed}`."""
    recorder = PresenceRecorder(
        table=wiring.catalog_table(environment, session),
        s3=session.client("s3", config=S3_CONFIG),
        sfn=session.client("stepfunctions", config=CONFIG),
        bucket=environment.required("CONFIG_BUCKET"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        presence = PresenceEvent.from_event(event)
        if event["eventType"] not in EVENT_TYPES:
            # A refused connection says nothing about the device whose client id it claims.
            logger.info("presence", event_type=event["eventType"], changed=False)
            return {"thingName": presence.thing_name, "changed": False}
        with transient_faults_named():
            changed = recorder.record(presence)
        metrics.add_metric(
            "Connected" if presence.connected else "Disconnected", unit="Count", value=1
        )
        logger.info(
            "presence", event_type=event["eventType"], changed=changed, reason=presence.reason
        )
        return {"thingName": presence.thing_name, "changed": changed}

    return handler


handler = observed(build(environment, session))
