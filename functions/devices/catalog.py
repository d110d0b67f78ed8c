"""The device catalog: one DynamoDB item per thing name (docs/contracts.md).

The item is also the lock on the name: whoever's `execution_arn` it carries may make and undo things
under that name, until an execution that removes the device has put itself into `deprovisioning`.
Every write is conditional on that, as the table of purposes has it (holding/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from common.clients import error_code
from common.errors import DeviceBusy, OwnershipLost
from common.identifiers import JITR
from common.items import CONDITION_FAILED, update_if
from common.moments import as_text, now
from common.row import CLAIM, EXPIRES, INHERITED, OF_THE_LIVING, REFUSED, Row, is_free
from holding.conditions import absent, may_take
from holding.dead import holder_of
from holding.hold import Hold
from holding.purposes import Purpose

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


@dataclass(frozen=True)
class Catalog:
    """Reads and conditional writes; every method is safe to repeat."""

    table: "Table"

    def row(self, thing_name: str) -> Row | None:
        """The item as it is now (strongly consistent), or None."""
        return self.table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True).get("Item")

    def owned(self, thing_name: str, owner: str) -> Row:
        """The item of a device that is `owner`'s to make.

        Raises OwnershipLost when it is not, or not any more.
        """
        return self._maker(thing_name, owner).checked(self.row(thing_name))

    def claim(  # noqa: PLR0913, PLR0917 - what the row says of a new device
        self,
        thing_name: str,
        device_type: str,
        execution_arn: str,
        identity: str = "keys",
        ttl: timedelta | None = None,
        hosting: str = "task",
        batch: str | None = None,
    ) -> bool:
        """Take the name for an execution; the device's time begins now.

        False when it belongs to another one, or the execution was undone already. A repetition by
        the owner changes nothing: what it has made since stays written down.
        """
        taken_at = datetime.now(UTC)
        item = {
            "thing_name": thing_name,
            "device_type": device_type,
            "execution_arn": execution_arn,
            "status": "PROVISIONING",
            "created_at": as_text(taken_at),
            "updated_at": as_text(taken_at),
        }
        if identity != "keys":
            item["identity"] = identity
        if hosting != "task":
            item["hosting"] = hosting
        if batch is not None:
            item["batch"] = batch
        if ttl is not None:
            item[EXPIRES] = as_text(taken_at + ttl)
        there = self._put(item, Attr("thing_name").not_exists())
        if there is None:
            return True
        if there["execution_arn"] == execution_arn:
            return self._maker(thing_name, execution_arn).is_in(there)
        if not is_free(there):
            return False
        lost = self._put(
            item | {name: there[name] for name in INHERITED if name in there},
            may_take(Purpose.PROVISION, execution_arn) & _is_of(there),
        )
        return lost is None

    def update(
        self,
        thing_name: str,
        owner: str,
        *,
        remove: tuple[str, ...] = (),
        add: Mapping[str, set[str]] | None = None,
        take_out: Mapping[str, set[str]] | None = None,
        **values: Any,
    ) -> Row:
        """Set `values`, `add` to sets and `take_out` of sets, remove attributes.

        Gives the whole new item. Raises OwnershipLost unless the device is `owner`'s (an
        execution's ARN) and nobody removes it.
        """
        maker = self._maker(thing_name, owner)
        return maker.update(remove=remove, add=add, take_out=take_out, **values)

    def await_device(self, thing_name: str, owner: str, task_token: str) -> bool:
        """Leave the token for whoever sees the device connect.

        False when it is connected, or not `owner`'s. So a write that comes late, or twice, leaves
        no token of a state that has ended.
        """
        away = Attr("status").ne("ONLINE")
        try:
            self._maker(thing_name, owner).update(condition=away, task_token=task_token)
        except OwnershipLost:
            return False
        return True

    def admit(self, thing_name: str, owner: str, certificate_arn: str, claim: str | None) -> bool:
        """Name the certificate that the device has got with its claim certificate (id `claim`), or
        has come with, signed by its owner's authority (None). What it has picked up is to be
        removed when it has connected.

        False unless the device is `owner`'s, is being provisioned that way, and has no other
        certificate yet: of two who come, one is refused.
        """
        certificate_id = certificate_arn.rpartition("/")[2]
        none_or_same = Attr("certificate_id").not_exists() | Attr("certificate_id").eq(
            certificate_id
        )
        made: dict[str, Any] = {
            "certificate_id": certificate_id,
            "certificate_arn": certificate_arn,
            "certificate_created_at": now(),
            "identity_pending": True,
        }
        try:
            self._maker(thing_name, owner).update(
                condition=_awaited_with(claim) & none_or_same, remove=(REFUSED,), **made
            )
        except OwnershipLost:
            return False
        return True

    def refuse(self, thing_name: str, owner: str, reason: str, claim: str | None) -> bool:
        """Say why the device that has come so is not let in.

        False when nobody waits for one that comes so, or it was let in already.
        """
        condition = _awaited_with(claim) & Attr("certificate_id").not_exists()
        told: dict[str, Any] = {REFUSED: reason}
        try:
            self._maker(thing_name, owner).update(condition=condition, **told)
        except OwnershipLost:
            return False
        return True

    def take(self, seen: Row, remover: str) -> Row | None:
        """Have the row say who removes the device; from now on nobody may make anything for it.

        Gives the row as it is then, or None when it has changed hands since it was `seen`.
        """
        removal = self._remover(seen["thing_name"], remover)
        return removal.take(dead=holder_of(seen, Purpose.DEPROVISION), seen=_is_of(seen))

    def release(self, thing_name: str, remover: str, status: str) -> bool:
        """Say that the device is gone, and free its name. False when somebody else had taken
        over.
        """
        try:
            self._remover(thing_name, remover).update(remove=OF_THE_LIVING, status=status)
        except DeviceBusy:
            return False
        return True

    def forget_request(self, thing_name: str, request: str) -> None:
        """No certificate can come of this request any more, whoever owns the row by now."""
        update_if(
            self.table,
            {"thing_name": thing_name},
            "DELETE certificate_requests :requests",
            Attr("thing_name").exists(),
            {":requests": {request}},
        )

    def forget_token(self, thing_name: str) -> bool:
        """Of a state that waits no more; False where a device is being made or restarted."""
        waits = Attr("task_token").exists() & absent(Purpose.RESTART)
        condition = waits & Attr("status").ne("PROVISIONING")
        key, update = {"thing_name": thing_name}, "SET updated_at = :now REMOVE task_token"
        return update_if(self.table, key, update, condition, {":now": now()}) is not None

    def _maker(self, thing_name: str, owner: str) -> Hold:
        return Hold(self.table, thing_name, owner, (Purpose.PROVISION,))

    def _remover(self, thing_name: str, remover: str) -> Hold:
        return Hold(self.table, thing_name, remover, (Purpose.DEPROVISION,))

    def _put(self, item: Row, condition: ConditionBase) -> Row | None:
        """Write the item; the one that is there when the condition does not hold."""
        try:
            self.table.put_item(
                Item=item,
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            there = plain(error.response.get("Item"))
            if there is None:
                raise
            return there
        return None


def plain(item: Any) -> Row | None:
    """The item that a failed condition gives back. It comes in DynamoDB's own JSON, unlike the
    resource's answers.
    """
    return (
        {name: _deserializer.deserialize(value) for name, value in item.items()} if item else None
    )


def _awaited_with(claim: str | None) -> ConditionBase:
    """The device is being provisioned, and was given this claim, or its owner's authority signs."""
    way = Attr("identity").eq(JITR) if claim is None else Attr(CLAIM).eq(claim)
    return Attr("status").eq("PROVISIONING") & way


def _is_of(seen: Row) -> ConditionBase:
    """The row is still of the device that was seen."""
    return Attr("execution_arn").eq(seen["execution_arn"])


_deserializer = TypeDeserializer()
