"""An execution that another one has started and waits for is one like any other.

AWS: what `startExecution.sync` starts of a standard workflow tells EventBridge of its status as
every execution does, so the rule on restarts that have failed undoes a roll's as well. When the one
that waits is stopped, so is what it waits for.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html,
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
Emulator: takes it for one of StartSyncExecution, which tells nothing, and lets it go on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.services import stepfunctions

# The emulator runs a task with a time limit in a thread of its own, with the context of the state.
_runs: ContextVar[str] = ContextVar("the execution here", default="")
_waits: ContextVar[str] = ContextVar("the one that is about to start another one here", default="")


def fill() -> None:
    """Remember who waits for whom."""
    started: dict[str, str] = {}
    stepfunctions._run_execution = _known(stepfunctions._run_execution, started)
    stepfunctions._invoke_nested_start_execution_sync = _waiting(
        stepfunctions._invoke_nested_start_execution_sync
    )
    stepfunctions._stop_execution = _with_its_own(stepfunctions._stop_execution, started)


@contextmanager
def running_as(arn: str) -> Iterator[None]:
    """What is started here is started by this execution: an item's of a Distributed Map."""
    runs = _runs.set(arn)
    try:
        yield
    finally:
        _runs.reset(runs)


def here() -> str:
    """The ARN of the execution whose state this thread carries out; empty when there is none."""
    return _runs.get()


def _waiting(start: Callable[..., Any]) -> Callable[..., Any]:
    def invoked(*arguments: Any) -> Any:
        waits = _waits.set(_runs.get())
        try:
            return start(*arguments)
        finally:
            _waits.reset(waits)

    return invoked


def _known(run: Callable[[str], None], started: dict[str, str]) -> Callable[[str], None]:
    def running(arn: str) -> None:
        outer = _waits.get()
        runs, waits = _runs.set(arn), _waits.set("")
        execution = stepfunctions._executions.get(arn)
        if outer and execution is not None:
            started[outer] = arn
            execution.pop("sync", None)
            stepfunctions._emit_execution_status_event(execution)
        try:
            run(arn)
        finally:
            started.pop(outer, None)
            _waits.reset(waits)
            _runs.reset(runs)

    return running


def _with_its_own(stop: Callable[[Any], Any], started: dict[str, str]) -> Callable[[Any], Any]:
    def stopped(data: dict[str, Any]) -> Any:
        answer = stop(data)
        inner = started.get(str(data.get("executionArn")))
        if inner is not None:
            stopped({**data, "executionArn": inner})
        return answer

    return stopped
