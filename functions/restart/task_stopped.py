"""Task state events of ECS: a device whose task was stopped is shown as such, and brought back.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html. The event carries
the task's environment, and with it a signed URL: nothing of it goes further than its ARN and the
reasons.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.identifiers import owner_of
from common.items import update_if
from common.moments import milliseconds, now
from common.observability import Handler, about_row, logger, metrics, observed
from common.row import Row
from common.workflow import report_failed
from devices import wiring
from devices.catalog import Catalog
from devices.confinement import QUARANTINED
from holding.conditions import absent, is_held
from holding.purposes import Purpose
from hosting import wiring as hosting
from hosting.board import Board
from hosting.device_tasks import HOST_GROUP, OWN_REASONS
from hosting.seats import Seat

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_stepfunctions import SFNClient

TASK_INDEX = "task_arn"
LONGEST_REASON = 512
# Devices of a host that has stopped, seen to at a time.
AT_ONCE = 8
WAITS = "WAITS"

_TELL = "SET #status = :status, status_reason = :reason, updated_at = :now"


@dataclass(frozen=True)
class StoppedTask:
    """A task that runs no more, and what ECS says about it."""

    task_arn: str
    stop_code: str
    stopped_reason: str
    group: str = ""
    stopped_at: str = ""
    """ISO 8601, UTC: by then the task's containers ran no more."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "StoppedTask":
        """From the event's `detail`; an event about a task that is not stopped raises
        ValueError.
        """
        detail = event["detail"]
        if detail["lastStatus"] != "STOPPED":
            raise ValueError(
                f"{detail['taskArn']} is {detail['lastStatus']}, not STOPPED: mend the rule"
            )
        return cls(
            detail["taskArn"],
            detail.get("stopCode", ""),
            detail.get("stoppedReason", ""),
            detail.get("group", ""),
            detail.get("stoppedAt", event.get("time", "")),
        )

    @property
    def host(self) -> str | None:
        """The name of the host whose task it was; None for any other device."""
        return self.group.removeprefix(HOST_GROUP) if self.group.startswith(HOST_GROUP) else None

    def of(self, seat: Seat) -> "StoppedTask":
        """What that is to a device that had a seat there."""
        return StoppedTask(seat.handle, self.stop_code, f"host {seat.host} stopped")

    @property
    def reason(self) -> str:
        """For a person to read."""
        said = ": ".join(part for part in (self.stop_code, self.stopped_reason) if part)
        return f"task stopped: {said or 'ECS gives no reason'}"[:LONGEST_REASON]


@dataclass(frozen=True)
class StoppedTasks:
    """Finds the device of a stopped task and sees to it."""

    catalog: Catalog
    sfn: "SFNClient"
    restart_machine: str
    board: Board

    def see_to(self, task: StoppedTask) -> str:
        """Gives what was done: `RESTARTING`, `TOLD` (the workflow that waits for the device),
        `IGNORED`. Repeatable.
        """
        if task.host is not None:
            self._see_to_guests(task.host, task)
            if task.stopped_reason in OWN_REASONS:
                return "IGNORED"  # whoever has stopped it sees to it
        row = self._row_of(task.task_arn)
        if row is not None:
            about_row(row)
        return self._see_to(row, task)

    def _see_to_guests(self, host: str, task: StoppedTask) -> None:
        """Bring back every device that had a seat there. One that has come since waits for the
        host's next task, and so does one that is just being started there.
        """
        ended = [
            seat
            for seat in self.board.seats.on(host)
            if milliseconds(seat.taken_at) < milliseconds(task.stopped_at)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = list(pool.map(lambda seat: self._see_to_guest(seat, task), ended))
        if WAITS in done:
            self.board.tell(host)
        counts = {kind: done.count(kind) for kind in sorted(set(done))}
        logger.info("host stopped", host=host, devices=len(ended), done=counts)

    def _see_to_guest(self, seat: Seat, task: StoppedTask) -> str:
        row = self.catalog.row(seat.thing_name)
        begun = row is not None and row.get("task_arn") != seat.handle
        # Its workflow does not know the seat yet, and goes on: the host's next task is to have it.
        if row is not None and begun and is_held(row, Purpose.PROVISION, Purpose.RESTART):
            return WAITS if self.board.seats.renew(seat) else "IGNORED"
        return self._see_to(row, task.of(seat))

    def _see_to(self, row: Row | None, task: StoppedTask) -> str:
        # A task that the row does not name any more was replaced, or its device removed.
        if row is None or is_held(row, Purpose.DEPROVISION) or row.get("task_arn") != task.task_arn:
            return "IGNORED"
        if "task_token" in row:
            told = report_failed(self.sfn, row["task_token"], "TaskStopped", task.reason)
            return "TOLD" if told else "IGNORED"
        # A restart that is about to end has still the row: the new one waits for it.
        if not is_held(row, Purpose.RESTART) and not self._record(row["thing_name"], task):
            return "IGNORED"
        self._restart(row["thing_name"], task)
        return "RESTARTING"

    def _row_of(self, task_arn: str) -> Row | None:
        found = self.catalog.table.query(
            IndexName=TASK_INDEX, KeyConditionExpression=Key("task_arn").eq(task_arn), Limit=1
        )["Items"]
        # The index is a moment behind the table.
        return self.catalog.row(str(found[0]["thing_name"])) if found else None

    def _record(self, thing_name: str, task: StoppedTask) -> bool:
        """A device in quarantine stays there, also without a task."""
        at_large = self._set_status(thing_name, task, "OFFLINE", ["ONLINE", "OFFLINE"])
        return at_large or self._set_status(thing_name, task, QUARANTINED, [QUARANTINED])

    def _set_status(
        self,
        thing_name: str,
        task: StoppedTask,
        status: str,
        before: list[str],
    ) -> bool:
        is_its_task = Attr("task_arn").eq(task.task_arn) & Attr("status").is_in(before)
        nobody_has_it = absent(Purpose.RESTART, Purpose.DEPROVISION)
        key, told = {"thing_name": thing_name}, {":reason": task.reason, ":status": status}
        condition, values = is_its_task & nobody_has_it, {**told, ":now": now()}
        return update_if(self.catalog.table, key, _TELL, condition, values) is not None

    def _restart(self, thing_name: str, task: StoppedTask) -> None:
        """One execution per stopped task, whatever is delivered twice: its name comes from the
        task.
        """
        try:
            self.sfn.start_execution(
                stateMachineArn=self.restart_machine,
                name=owner_of(task.task_arn),
                input=json.dumps({"thingName": thing_name, "stoppedTask": task.task_arn}),
            )
        except self.sfn.exceptions.ExecutionAlreadyExists:
            return


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """Target of the rule on ECS Task State Change. Gives `{taskArn, done}`."""
    tasks = StoppedTasks(
        catalog=wiring.catalog(environment, session),
        sfn=session.client("stepfunctions", config=CONFIG),
        restart_machine=environment.required("RESTART_MACHINE_ARN"),
        board=hosting.board(environment, session),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        task = StoppedTask.from_event(event)
        with transient_faults_named():
            done = tasks.see_to(task)
        metrics.add_metric("TasksStopped", unit="Count", value=int(done != "IGNORED"))
        logger.info("task stopped", task_arn=task.task_arn, reason=task.reason, done=done)
        return {"taskArn": task.task_arn, "done": done}

    return handler


handler = observed(build(environment, session))
