"""ExpireDevices: has the devices removed whose time is up.

Every minute it reads the index of those that were made for a time, and starts the removal of each
that is due: the workflow does the rest, as for any other device. DynamoDB's own time to live is no
help here: it would delete the row and leave the device.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.executions import Executions
from common.items import scan_index
from common.moments import now
from common.observability import Handler, logger, metrics, observed
from common.row import EXPIRES, Row, is_free
from devices import wiring
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.dead import holder_of
from holding.purposes import RULES, Purpose

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

INDEX = "expires_at"
MINUTE = len("2026-01-02T03:04")


@dataclass(frozen=True)
class Expiry:
    """The end of the devices whose time is up."""

    catalog: Catalog
    executions: Executions
    machine: str

    def remove(self, at: str, attempt: str) -> Iterator[Row]:
        """Start the removal of each device that was due at this time; gives the row of each.

        One `attempt`, however often it is repeated, starts one removal of a device. What it does
        not get to, or what fails, is there for the next.
        """
        for entry in scan_index(self.catalog.table, INDEX, Attr(EXPIRES).lte(at)):
            # The index is a moment behind the table.
            row = self.catalog.row(str(entry["thing_name"]))
            if row is not None and self._is_due(row, at) and self._started(row, attempt):
                yield row

    def _is_due(self, row: Row, at: str) -> bool:
        """Whether it is there, its time is up, and nobody makes or removes it.

        A device that is being made is removed once that has ended: otherwise whoever asked for it
        would be told that its making has failed.
        """
        if is_free(row) or EXPIRES not in row or row[EXPIRES] > at:
            return False
        return not is_held(row, Purpose.PROVISION) and not self._is_being_removed(row)

    def _is_being_removed(self, row: Row) -> bool:
        """An execution that has ended removes nothing any more: the next one takes over from it."""
        holder, named_at = holder_of(row, Purpose.DEPROVISION), RULES[Purpose.DEPROVISION].named_at
        return holder is not None and self.executions.running(holder, row.get(named_at))

    def _started(self, row: Row, attempt: str) -> bool:
        """False when this attempt has started it before.

        Until the removal takes the row, somebody else may have removed the device and made another
        one of its name. So the removal is told which one is meant, and leaves any other alone.
        """
        sfn = self.executions.sfn
        asked = {"thingName": row["thing_name"], "madeBy": row["execution_arn"]}
        try:
            sfn.start_execution(
                stateMachineArn=self.machine, name=_name(row, attempt), input=json.dumps(asked)
            )
        except sfn.exceptions.ExecutionAlreadyExists:
            return False
        return True


def _name(row: Row, attempt: str) -> str:
    """Of an execution; a thing's name may be too long for one, and has colons."""
    text = f"{row['execution_arn']}\n{attempt}"
    return f"expired-{hashlib.sha256(text.encode()).hexdigest()}"


def attempt_of(event: Mapping[str, Any], at: str) -> str:
    """The minute of the schedule's event, which is the same when Lambda tries it again; that of
    `at` when somebody else has called.
    """
    return str(event.get("time", at))[:MINUTE]


def build(environment: Environment, session: "Session") -> Handler[dict[str, list[str]]]:
    """Called every minute. Gives `{thingNames}`: of the devices whose removal it has started."""
    expiry = Expiry(
        wiring.catalog(environment, session),
        Executions(session.client("stepfunctions", config=CONFIG)),
        environment.required("DEPROVISION_MACHINE"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, list[str]]:
        at, names = now(), list[str]()
        with transient_faults_named():
            for row in expiry.remove(at, attempt_of(event, at)):
                logger.info("time is up", thing_name=row["thing_name"], expires_at=row[EXPIRES])
                names.append(row["thing_name"])
        if names:
            metrics.add_metric("DevicesExpired", "Count", len(names))
        logger.info("looked for devices whose time is up", found=len(names))
        return {"thingNames": names}

    return handler


handler = observed(build(environment, session))
