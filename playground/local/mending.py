"""What `up` looks at when the emulator has come back: is everything as it was said to be, and if
not, what is done.

The emulator's state is one moment's. Whatever went on at that moment was interrupted, and what lies
outside of it (state directories, connections) may be older or younger. Every finding is told in a
sentence.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from playground.devices.sweep import sweep
from playground.devices.workflows import DEPROVISION, RESTART
from playground.errors import SweepError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.local.identities import Identities, Owner
from playground.local.interrupted import Interrupted
from playground.local.kept import Kept, clock
from playground.local.tasks import TaskBook

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_stepfunctions import SFNClient

AT_ONCE = 8
MOST_NAMES = 5

_OFFLINE = (
    "SET #status = :offline, disconnect_reason = :reason REMOVE presence_at, "
    "presence_version, presence_session"
)
_DISCONNECTED = (
    "SET presence_connected = :no, disconnect_reason = :reason REMOVE presence_at, "
    "presence_version, presence_session"
)
# https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html
REASON = "SERVER_INITIATED_DISCONNECT"


@dataclass
class Mending:
    """One look. `before_agent` and `after_agent` give sentences for the user."""

    home: Home
    paths: Paths
    kept: Kept
    _restart: list[str] = field(default_factory=list)
    _remove: list[str] = field(default_factory=list)

    def before_agent(self) -> Iterator[str]:
        """What was found, and what has been put right before any device comes back."""
        yield from told_of_loading(self.kept, self.paths)
        self._nobody_is_connected()
        interrupted = Interrupted(self.home, self.kept.loaded.get("interrupted", []))
        yield from interrupted.undo()
        self._restart += interrupted.to_restart
        if self.kept.loaded.get("unclean") or interrupted.arns:
            yield from self._sweep()
        yield from self._devices()

    def after_agent(self) -> Iterator[str]:
        """Have devices restarted and removed that can't go on as they are."""
        for output, names in ((RESTART, self._restart), (DEPROVISION, self._remove)):
            for name in sorted(set(names)):
                try:
                    self._sfn.start_execution(
                        stateMachineArn=self.home.output(output), input=f'{{"thingName": "{name}"}}'
                    )
                except ClientError as error:
                    yield f"{name} could not be put right: {error}"

    def _nobody_is_connected(self) -> None:
        """With the emulator all connections have ended, and its counters of connections begin
        anew.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._forget_connection, self._owners))

    def _forget_connection(self, owner: Owner) -> None:
        quarantined = owner.status == "QUARANTINED"
        if owner.status != "ONLINE" and not quarantined:
            return
        values = {":no": {"BOOL": False}} if quarantined else {":offline": {"S": "OFFLINE"}}
        try:
            self._dynamodb.update_item(
                TableName=self.home.output("DeviceCatalogTableName"),
                Key={"thing_name": {"S": owner.thing_name}},
                UpdateExpression=_DISCONNECTED if quarantined else _OFFLINE,
                ConditionExpression="#status = :status",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    **values,
                    ":status": {"S": owner.status},
                    ":reason": {"S": REASON},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # it has changed this moment, so somebody sees to it

    def _sweep(self) -> Iterator[str]:
        try:
            found = sweep(self.home, 0)
        except (SweepError, BotoCoreError, ClientError) as error:
            yield f"Leftovers of interrupted workflows could not be removed: {error}"
            return
        removed = sorted({one.name for one in found if one.outcome == "removed"})
        if removed:
            yield f"Removed, because they were only half made: {names(removed)}."
        for one in found:
            if one.outcome == "failed":
                yield (
                    f"{one.kind} {one.name} could not be removed ({one.error}); see "
                    "`playground sweep`."
                )

    def _devices(self) -> Iterator[str]:
        """Each device of the catalog needs its thing, its certificate, and the key to it on this
        machine.
        """
        owners = [owner for owner in self.book.owners() if owner.is_made]
        if not owners:
            return
        identities = Identities(self.paths.devices)
        for owner in owners:
            if owner.thing_name not in self._things:
                self._remove.append(owner.thing_name)
                yield f"{owner.thing_name} has lost its thing, and is removed."
            elif not owner.certificates & self._certificates:
                if owner.virtual:
                    self._restart.append(owner.thing_name)
                    yield f"{owner.thing_name} has lost its certificate, and gets a new one."
                else:
                    self._remove.append(owner.thing_name)
                    yield f"{owner.thing_name} has lost its certificate, and is removed."
            elif not owner.virtual:
                continue  # Its key is with its owner, and so is what runs it.
            elif identities.certificate_of(owner) not in owner.certificates:
                self._restart.append(owner.thing_name)
                yield f"{owner.thing_name} has lost its key, and gets a new certificate."
            elif not owner.task_arn:
                self._restart.append(owner.thing_name)
                yield f"{owner.thing_name} has no task, and is restarted."

    @cached_property
    def book(self) -> TaskBook:
        """The catalog and ECS."""
        return TaskBook(self.home, self.home.output("DeviceClusterName"))

    @cached_property
    def _owners(self) -> list[Owner]:
        return self.book.owners()

    @cached_property
    def _things(self) -> frozenset[str]:
        pages = self.home.client("iot").get_paginator("list_things").paginate()
        return frozenset(thing["thingName"] for page in pages for thing in page["things"])

    @cached_property
    def _certificates(self) -> frozenset[str]:
        pages = self.home.client("iot").get_paginator("list_certificates").paginate()
        found = (one for page in pages for one in page["certificates"])
        return frozenset(one["certificateId"] for one in found)

    @cached_property
    def _sfn(self) -> "SFNClient":
        client: SFNClient = self.home.client("stepfunctions")
        return client

    @cached_property
    def _dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self.home.client("dynamodb")
        return client


def told_of_loading(kept: Kept, paths: Paths) -> Iterator[str]:
    """What the emulator found of its state."""
    loaded = kept.loaded
    at = clock(datetime.fromisoformat(loaded["at"])) if loaded.get("at") else ""
    if loaded.get("troubles"):
        yield f"The newest state can't be read: {'; '.join(loaded['troubles'])}."
        aside = paths.emulator / "generations" / "unreadable"
        yield (
            f"The state before it is used, of {at}; later changes are lost. The damaged one "
            f"is in {aside}."
        )
    elif loaded.get("unclean") and at:
        yield f"The local cloud was not shut down properly. Its state is that of {at}."
    if loaded.get("left_out"):
        yield f"The emulator could not save the state of {', '.join(sorted(loaded['left_out']))}."


def names(found: list[str]) -> str:
    """A few names, and how many more."""
    more = len(found) - MOST_NAMES
    return ", ".join(found[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
