"""Tasks that have stopped are no longer listed as running, and are forgotten after an hour.

AWS: a task that has stopped has STOPPED as desired status too, ListTasks leaves it out unless asked
for such, and it is shown for an hour.
Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
Emulator: tasks that ran when it went down come back stopped with RUNNING as desired status,
StopTask leaves them so, and ListTasks lists them for ever; no stopped task is ever forgotten.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.services import ecs

SHOWN = 3600.0
"""Seconds."""
FIRST = 600.0
"""Seconds after the emulator's start in which nothing is forgotten: first somebody has to be told
of what stopped.
"""
EVERY = 60.0


def fill() -> None:
    """Have StopTask end what a restart has stopped, and ListTasks forget."""
    stop_task, list_tasks = ecs._stop_task, ecs._list_tasks
    looked = time.monotonic() + FIRST - EVERY

    def stop(data: Mapping[str, Any]) -> Any:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        task = cluster and ecs._resolve_task(data.get("task", ""), cluster)
        if task and was_interrupted(task):
            end(task, data.get("reason", "Task stopped by user"))
        return stop_task(data)

    def listed(data: Mapping[str, Any]) -> Any:
        nonlocal looked
        if time.monotonic() - looked >= EVERY:
            looked = time.monotonic()
            forget(datetime.now(UTC).timestamp() - SHOWN)
        return list_tasks(data)

    ecs._stop_task = ecs._ACTION_MAP["StopTask"] = stop
    ecs._list_tasks = ecs._ACTION_MAP["ListTasks"] = listed


def was_interrupted(task: Mapping[str, Any]) -> bool:
    """Whether the emulator stopped it by its own end."""
    return bool(task["lastStatus"] == "STOPPED" and task["desiredStatus"] == "RUNNING")


def end(task: dict[str, Any], reason: str) -> None:
    """Have it be stopped in all respects."""
    now = ecs._iso()
    task |= {"desiredStatus": "STOPPED", "stoppedReason": reason, "stopCode": "UserInitiated"}
    task["stoppingAt"] = task.get("stoppingAt") or now
    task["stoppedAt"] = task["executionStoppedAt"] = task.get("stoppedAt") or now


def forget(before: float) -> None:
    """Forget the tasks that stopped before that time, seconds since 1970."""
    for scoped, task in list(ecs._tasks._data.items()):
        if task["desiredStatus"] == "STOPPED" and _seconds(task.get("stoppedAt")) < before:
            ecs._tasks._data.pop(scoped, None)


def _seconds(moment: Any) -> float:
    if isinstance(moment, str):
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    return float(moment or 0.0)
