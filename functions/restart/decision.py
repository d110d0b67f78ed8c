"""Whether a device is to be restarted, as a pure function of its catalog row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from common.errors import InvalidInput
from common.identifiers import NOWHERE, checked_thing_name
from common.jsonvalues import told
from common.row import GIVEN_UP, Row, is_free, why_at_rest
from holding.conditions import is_held, obstacle
from holding.dead import holder_of
from holding.purposes import RULES, Purpose

# ECS has restarted the container by itself before its task stops, the local agent has tried eight
# times. What three new tasks and three new certificates do not mend, a fourth will not.
MOST_RESTARTS = 3
# Three times what a restart may wait for its device: a device that has run for so long has
# recovered.
STABLE = timedelta(minutes=15)


FIELDS = ("thingName", "stoppedTask", "once", "stop")


class Verdict(StrEnum):
    """What the workflow does next."""

    RESTART = "RESTART"
    GIVE_UP = "GIVE_UP"
    STOP = "STOP"
    """It has no task any more, and gets none."""
    WAIT = "WAIT"
    IGNORE = "IGNORE"


@dataclass(frozen=True)
class RestartRequest:
    """Who asks for which device. Without `stopped_task` a person asks: that always counts as a
    first restart.

    `once`: what fails is undone and not tried again. Whoever asked sees to the device. `stop`: the
    device is not brought back. A person's next restart does that.
    """

    thing_name: str
    restart_arn: str
    stopped_task: str | None = None
    once: bool = False
    stop: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RestartRequest":
        """From `{"input": {thingName, stoppedTask?, once?, stop?}, "restart": <execution ARN>}`;
        raises InvalidInput.
        """
        asked = event["input"]
        if not isinstance(asked, dict):
            raise InvalidInput("input", 'must be a JSON object such as {"thingName": "dev-SAMPLE"}')
        for field in sorted(asked.keys() - set(FIELDS)):
            known = f"is not a field of this workflow; it knows {', '.join(FIELDS)}"
            raise InvalidInput(field, known)
        task = asked.get("stoppedTask")
        if task is not None and not isinstance(task, str):
            raise InvalidInput("stoppedTask", f"must be the ARN of a task, got {told(task)}")
        once, stop = _flag(asked, "once"), _flag(asked, "stop")
        if stop and task is not None:
            raise InvalidInput("stop", "does not go with stoppedTask")
        return cls(checked_thing_name(asked.get("thingName")), event["restart"], task, once, stop)


def _flag(asked: Mapping[str, Any], field: str) -> bool:
    value = asked.get(field, False)
    if not isinstance(value, bool):
        raise InvalidInput(field, f"must be true or false, got {told(value)}")
    return value


@dataclass(frozen=True)
class Decision:
    """The decision, why, and which restart in a row this would be."""

    verdict: Verdict
    reason: str = ""
    restarts: int = 0


def decide(
    row: Row | None, request: RestartRequest, at: datetime, dead: str | None = None
) -> Decision:
    """What to do about the device of this row at this time (UTC). The same again for who holds the
    device already.

    `dead`: a restart that holds the row and has ended all the same; it is in nobody's way.
    """
    if row is None or is_free(row):
        return Decision(Verdict.IGNORE, f"there is no device {request.thing_name}")
    if dead is not None and holder_of(row, Purpose.RESTART) == dead:
        its = (RULES[Purpose.RESTART].attribute, "task_token")
        row = {name: value for name, value in row.items() if name not in its}
    if _about_to_end(row, request):
        return Decision(
            Verdict.WAIT, f"{request.thing_name} lost its new task before the restart was complete"
        )
    its_task = request.stopped_task is not None and row.get("task_arn") == request.stopped_task
    if its_task and is_held(row, Purpose.QUARANTINE, Purpose.READMIT):
        return Decision(Verdict.WAIT, f"{request.thing_name} is being quarantined or released")
    obstacle = _obstacle(row, request)
    if obstacle:
        return Decision(Verdict.IGNORE, f"{request.thing_name} {obstacle}")
    restarts = _restarts(row, request, at)
    if restarts > MOST_RESTARTS:
        return Decision(
            Verdict.GIVE_UP, f"failed after {MOST_RESTARTS} restarts in a row", restarts
        )
    return Decision(Verdict.STOP if request.stop else Verdict.RESTART, "", restarts)


def _about_to_end(row: Row, request: RestartRequest) -> bool:
    other = holder_of(row, Purpose.RESTART) not in (None, request.restart_arn)
    its_task = request.stopped_task is not None and row.get("task_arn") == request.stopped_task
    return other and its_task and not is_held(row, Purpose.DEPROVISION)


def _obstacle(row: Row, request: RestartRequest) -> str:
    mine = holder_of(row, Purpose.RESTART) == request.restart_arn
    by_event = request.stopped_task is not None
    # Without a task there was an attempt before this one, which removed what it had started.
    replaced = row.get("task_arn", request.stopped_task) != request.stopped_task
    held = obstacle(row, Purpose.RESTART, request.restart_arn)
    obstacles = (
        (row.get("hosting") == NOWHERE, "is not virtual: it runs where its owner runs it"),
        (held is not None, held or ""),
        (not mine and by_event and GIVEN_UP in row, why_at_rest(row)),
        (not mine and by_event and replaced, "has another task by now"),
    )
    return next((text for stands, text in obstacles if stands), "")


def _restarts(row: Row, request: RestartRequest, at: datetime) -> int:
    before = int(row.get("restarts", 0))
    if holder_of(row, Purpose.RESTART) == request.restart_arn:
        return before
    if request.stopped_task is None and row.get("restarted_by") != request.restart_arn:
        return 1
    if "restarted_at" in row and at - _time(row["restarted_at"]) >= STABLE:
        return 1
    return before + 1


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
