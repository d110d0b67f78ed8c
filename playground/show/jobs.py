"""How jobs look at the terminal."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from playground.devices.jobs import Execution, Job
from playground.show.views import as_words, headed_table, live, moment

STYLES = {
    "SUCCEEDED": "green",
    "IN_PROGRESS": "cyan",
    "QUEUED": "dim",
    "CANCELED": "yellow",
    "REMOVED": "dim",
}
"""All others are red."""


def jobs_table(rows: Sequence[tuple[str, str, Any]]) -> Table:
    """All jobs, one per line."""
    table = headed_table("JOB", "STATUS", "CREATED")
    for job_id, status, created_at in rows:
        table.add_row(job_id, status, moment(created_at))
    return table


def job_text(job: Job) -> Text:
    """A job's head: status, document, targets."""
    text = (
        Text(f"{job.job_id} ", style="bold")
        .append(f"{job.status}\n")
        .append(f"{as_words(job.document)}\n")
    )
    return text.append(", ".join(target.rpartition(":")[2] for target in job.targets), style="dim")


def executions_table(executions: Sequence[Execution], first: str = "DEVICE") -> Table:
    """Executions, one per line: by device, or by job."""
    table = headed_table(first, "STATUS", "DETAILS", "QUEUED", "UPDATED")
    for one in executions:
        times = [moment(one.queued_at), moment(one.updated_at)]
        name = one.thing if first == "DEVICE" else one.job_id
        table.add_row(
            name, Text(one.status, style=_style(one.status)), Text(_details(one.details)), *times
        )
    return table


def job_or_device(job: Job | None, executions: Sequence[Execution]) -> Group:
    """A job with its executions, or the executions of a device."""
    if job is None:
        return Group(executions_table(executions, "JOB"))
    return Group(job_text(job), executions_table(executions))


def as_json(execution: Execution) -> Mapping[str, Any]:
    """For a program to read."""
    return {
        "thingName": execution.thing,
        "jobId": execution.job_id,
        "status": execution.status,
        "statusDetails": dict(execution.details),
        "queuedAt": execution.queued_at,
        "startedAt": execution.started_at,
        "lastUpdatedAt": execution.updated_at,
    }


def live_executions() -> AbstractContextManager[Callable[[Sequence[Execution]], None]]:
    """A function that shows the executions of a job."""
    return live(_line, lambda execution: (execution.thing, execution))


def _line(execution: Execution) -> Text:
    text = Text(f"{execution.thing:<20} {execution.status:<11}", style=_style(execution.status))
    return text.append(f" {_details(execution.details)}", style="dim")


def _style(status: str) -> str:
    return STYLES.get(status, "red")


def _details(details: Mapping[str, str]) -> str:
    return " ".join(f"{name}={text}" for name, text in details.items())
