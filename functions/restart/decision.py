"""Whether a device is to be restarted, as a pure function of its catalog row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from common.catalog import GIVEN_UP, Row, is_free
from common.errors import InvalidInput
from common.identifiers import checked_thing_name

# ECS has restarted the container by itself before its task stops, the local agent has tried eight times. What three new
# tasks and three new certificates do not mend, a fourth will not.
MOST_RESTARTS = 3
# Three times what a restart may wait for its device: a device that has run for so long has recovered.
STABLE = timedelta(minutes=15)


class Verdict(StrEnum):
    """What the workflow does next."""

    RESTART = "RESTART"
    GIVE_UP = "GIVE_UP"
    WAIT = "WAIT"
    IGNORE = "IGNORE"


@dataclass(frozen=True)
class RestartRequest:
    """Who asks for which device. Without `stopped_task` a person asks: that always counts as a first restart.

    `once`: what fails is undone and not tried again. Whoever asked sees to the device.
    """

    thing_name: str
    restart_arn: str
    stopped_task: str | None = None
    once: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RestartRequest":
        """From `{"input": {thingName, stoppedTask?, once?}, "restart": <execution ARN>}`; raises InvalidInput."""
        asked = event["input"]
        if not isinstance(asked, dict):
            raise InvalidInput("input", 'must be a JSON object such as {"thingName": "dev-SAMPLE"}')
        for field in sorted(asked.keys() - {"thingName", "stoppedTask", "once"}):
            raise InvalidInput(field, "is not a field of this workflow; it knows thingName, stoppedTask, once")
        task = asked.get("stoppedTask")
        if task is not None and not isinstance(task, str):
            raise InvalidInput("stoppedTask", f"must be the ARN of a task, got {task!r}")
        once = asked.get("once", False)
        if not isinstance(once, bool):
            raise InvalidInput("once", f"must be true or false, got {once!r}")
        return cls(checked_thing_name(asked.get("thingName")), event["restart"], task, once)


@dataclass(frozen=True)
class Decision:
    """The verdict, why, and which restart in a row this would be."""

    verdict: Verdict
    reason: str = ""
    restarts: int = 0


def decide(row: Row | None, request: RestartRequest, at: datetime, dead: str | None = None) -> Decision:
    """What to do about the device of this row at this time (UTC). The same again for who holds the device already.

    `dead`: a restart that holds the row and has ended all the same; it is in nobody's way.
    """
    if row is None or is_free(row):
        return Decision(Verdict.IGNORE, f"there is no device {request.thing_name}")
    if dead is not None and row.get("restarting") == dead:
        row = {name: value for name, value in row.items() if name not in ("restarting", "task_token")}
    if _about_to_end(row, request):
        return Decision(Verdict.WAIT, f"{request.thing_name} has lost its new task before its restart has ended")
    obstacle = _obstacle(row, request)
    if obstacle:
        return Decision(Verdict.IGNORE, f"{request.thing_name} {obstacle}")
    restarts = _restarts(row, request, at)
    if restarts > MOST_RESTARTS:
        return Decision(Verdict.GIVE_UP, f"restarted {MOST_RESTARTS} times in a row in vain", restarts)
    return Decision(Verdict.RESTART, "", restarts)


def _about_to_end(row: Row, request: RestartRequest) -> bool:
    other = row.get("restarting", request.restart_arn) != request.restart_arn
    its_task = request.stopped_task is not None and row.get("task_arn") == request.stopped_task
    return other and its_task and "deprovisioning" not in row


def _obstacle(row: Row, request: RestartRequest) -> str:
    mine = row.get("restarting") == request.restart_arn
    by_event = request.stopped_task is not None
    # Without a task there was an attempt before this one, which removed what it had started.
    replaced = row.get("task_arn", request.stopped_task) != request.stopped_task
    obstacles = (
        ("deprovisioning" in row, "is being deleted"),
        (row["status"] == "QUARANTINED", "is in quarantine"),
        ("restarting" in row and not mine, "is being restarted already"),
        (not mine and (row["status"] == "PROVISIONING" or "task_token" in row), "is being provisioned"),
        (not mine and by_event and GIVEN_UP in row, "was given up"),
        (not mine and by_event and replaced, "has another task by now"),
    )
    return next((text for stands, text in obstacles if stands), "")


def _restarts(row: Row, request: RestartRequest, at: datetime) -> int:
    before = int(row.get("restarts", 0))
    if row.get("restarting") == request.restart_arn:
        return before
    if request.stopped_task is None and row.get("restarted_by") != request.restart_arn:
        return 1
    if "restarted_at" in row and at - _time(row["restarted_at"]) >= STABLE:
        return 1
    return before + 1


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
