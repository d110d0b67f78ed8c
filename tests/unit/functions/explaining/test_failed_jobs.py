"""Jobs that failed are found among many that did not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from explaining.why import MOST_JOBS, Sources

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)


class Jobs:
    """One failed execution, older than a hundred that succeeded, and some that were refused."""

    def __init__(self) -> None:
        self._all = [(f"good-{number}", "SUCCEEDED", number + 50) for number in range(100)]
        self._all += [("bad", "FAILED", 1)]
        self._all += [(f"no-{number}", "REJECTED", number + 2) for number in range(MOST_JOBS - 1)]

    def list_job_executions_for_thing(self, *, status: str = "", **_: Any) -> Any:
        found = [one for one in self._all if status in ("", one[1])]
        return {
            "executionSummaries": [
                {
                    "jobId": job_id,
                    "jobExecutionSummary": {
                        "status": status,
                        "queuedAt": BEGIN + timedelta(seconds=at),
                    },
                }
                for job_id, status, at in found
            ]
        }

    def describe_job_execution(self, *, jobId: str, **_: Any) -> Any:  # noqa: N803 - as boto3 has it
        return {"execution": {"statusDetails": {"detailsMap": {"code": jobId}}}}


def test_they_are_asked_for_by_status_and_come_the_oldest_first() -> None:
    jobs: Any = Jobs()
    nothing: Any = None
    sources = Sources(nothing, nothing, nothing, nothing, jobs, nothing, nothing)
    found = list(sources.failed_jobs("lamp"))
    assert len(found) == MOST_JOBS
    assert (found[0].job_id, found[0].status, found[0].details) == (
        "bad",
        "FAILED",
        {"code": "bad"},
    )
    assert all(one.status != "SUCCEEDED" for one in found)
