"""A Distributed Map ends as soon as too many of its items have failed, and with its execution.

AWS: ToleratedFailureCountPath takes the number from the state's input. When more items fail, the
Map Run stops the executions that still run, starts no more, and fails. When the execution that has
the Map is stopped, so are the executions of its items, and what these wait for. One that is stopped
goes on with no other state.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
Source: https://docs.aws.amazon.com/step-functions/latest/dg/maprun-fail-threshold.html
Emulator: does not know the path; goes through all items whatever happens, and counts at the end. An
item that is stopped in a Wait state sleeps on, and then starts what comes next.
"""

import contextvars
import copy
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from concurrent.futures import thread as pools
from dataclasses import dataclass, field
from typing import Any

from ministack.services import stepfunctions as sfn

from playground.local.gaps.nested_executions import here, running_as

TOO_MANY = "States.ExceedToleratedFailureThreshold"
MOST_AT_ONCE = 64
"""Where the state names no number; AWS runs up to 10,000."""

STATUSES = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "ABORTED": "aborted",
}
LOOK_AGAIN = 0.1
"""Seconds."""

LOOK_UP = 0.5
"""Seconds between two looks of an item that sleeps; there may be a hundred of them."""

ABORTED = "States.Aborted"
"""What ends the thread of an item that was stopped. Nobody sees it: the item is ABORTED."""

COUNTS = (
    *("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"),
    *("resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
)


def fill() -> None:
    """Replace the run of a Distributed Map, and stop its items with their execution."""
    sfn._run_distributed_map = run_distributed_map
    sfn._stop_execution = _with_its_items(sfn._stop_execution)
    sfn._scaled_sleep = _until_stopped(sfn._scaled_sleep)


@dataclass
class MapRun:
    """One run. `shown` is what DescribeMapRun tells, `machine` the ARN of its executions' own."""

    parent: Any
    shown: dict[str, Any]
    machine: str
    items: int
    tolerated: float
    children: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, status: str) -> int:
        """How many executions have it."""
        return sum(child["status"] == status for child in self.children)

    @property
    def is_over(self) -> bool:
        """Whether no item may begin any more."""
        return self.parent["status"] != "RUNNING" or self.count("FAILED") > self.tolerated

    @property
    def is_left_alone(self) -> bool:
        """Whether it is over, and nothing that it has started goes on. A thread of the emulator may
        still wait for something that nobody wants any more, such as a task token.
        """
        with self.lock:
            return self.is_over and not self.count("RUNNING")

    def begin(self, given: Any) -> dict[str, Any] | None:
        """An item's execution; None when there is to be none any more."""
        with self.lock:
            if self.is_over:
                return None
            name = sfn.new_uuid()
            child = {
                "executionArn": f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}",
                "stateMachineArn": self.machine,
                "name": name,
                "status": "RUNNING",
                "startDate": sfn.now_iso(),
                "stopDate": None,
                "input": json.dumps(given),
                "inputDetails": {"included": True},
                "output": None,
                "outputDetails": {"included": True},
                "mapRunArn": self.shown["mapRunArn"],
                "events": [],
                "testCase": self.parent.get("testCase"),
                "mockAttempts": {},
            }
            sfn._executions[child["executionArn"]] = child
            self.children.append(child)
            self._tell()
            return child

    def end(self, child: dict[str, Any], status: str, **told: Any) -> None:
        """An item has ended. When it is one failure too many, so do all others."""
        with self.lock:
            # What was stopped stays so, whatever it gave then.
            if child["status"] == "RUNNING":
                child.update(status=status, stopDate=sfn.now_iso(), **told)
            self._tell()
            too_many = self.count("FAILED") > self.tolerated
        if too_many:
            self.stop()

    def stop(self) -> None:
        """Every execution that still runs, with what it waits for."""
        with self.lock:
            going = [child for child in self.children if child["status"] == "RUNNING"]
        for child in going:
            sfn._stop_execution({"executionArn": child["executionArn"]})

    def finish(self) -> None:
        """All items have ended. Raises when that was too early."""
        too_many = self.count("FAILED") > self.tolerated
        stopped = self.parent["status"] != "RUNNING"
        ended = "FAILED" if too_many else "ABORTED" if stopped else "SUCCEEDED"
        with self.lock:
            self.shown.update(status=ended, stopDate=sfn.now_iso())
            self._tell()
        if ended != "SUCCEEDED":
            told = "The specified tolerated failure threshold was exceeded"
            raise sfn._ExecutionError(TOO_MANY, told)

    def _tell(self) -> None:
        found = {name: self.count(status) for status, name in STATUSES.items()}
        left = self.items - len(self.children)
        found |= (
            {"pending": 0, "aborted": found["aborted"] + left}
            if self.is_over
            else {"pending": left}
        )
        for counts in (self.shown["itemCounts"], self.shown["executionCounts"]):
            counts.update(found)


_runs: dict[str, MapRun] = {}
"""Of executions that are in a Distributed Map, by ARN: a state machine has one at a time here."""


def run_distributed_map(  # noqa: PLR0913, PLR0917 - the emulator's own
    state: Any, given: Any, effective: Any, processor: Any, execution: Any, ctx: Any
) -> Any:
    """Each item is an execution of its own; gives output and next state, as the emulator's does."""
    items = _items(state, effective, ctx)
    run = _map_run(state, effective, execution, ctx, len(items))
    results: list[Any] = [None] * len(items)
    selector = state.get("ItemSelector") or state.get("Parameters")

    def run_item(index: int) -> None:
        own = copy.deepcopy(ctx)
        own["Map"] = {"Item": {"Index": index, "Value": items[index]}}
        item = items[index]
        child = run.begin(sfn._resolve_params_obj(selector, effective, own) if selector else item)
        if child is None:
            return
        start, states = processor.get("StartAt"), processor.get("States", {})
        try:
            with running_as(child["executionArn"]):
                found = sfn._run_sub_machine(states, start, json.loads(child["input"]), child, own)
        except sfn._ExecutionError as error:
            run.end(child, "FAILED", error=error.error, cause=error.cause)
        else:
            results[index] = found
            run.end(child, "SUCCEEDED", output=json.dumps(found))

    at_once = int(state.get("MaxConcurrency") or 0) or min(len(items), MOST_AT_ONCE) or 1
    pool = ThreadPoolExecutor(max_workers=at_once)
    _runs[execution["executionArn"]] = run
    try:
        going = [
            pool.submit(contextvars.copy_context().run, run_item, index)
            for index in range(len(items))
        ]
        while wait(going, timeout=LOOK_AGAIN).not_done and not run.is_left_alone:
            pass
    finally:
        _runs.pop(execution["executionArn"], None)
        pool.shutdown(wait=False, cancel_futures=True)
    run.finish()
    for one in going:
        one.result()
    found = sfn._apply_result_path(state, given, sfn._apply_result_selector(state, results))
    return sfn._apply_output_path(state, found, ctx), sfn._next_or_end(state)


def _items(state: Any, effective: Any, ctx: Any) -> list[Any]:
    if state.get("ItemReader"):
        found = sfn._read_map_items(state["ItemReader"], effective, ctx)
    else:
        found = sfn._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
    return found if isinstance(found, list) else [found]


def _map_run(state: Any, effective: Any, execution: Any, ctx: Any, items: int) -> MapRun:
    label = state.get("Label") or sfn.new_uuid()
    machine = f"{execution['stateMachineArn']}/{label}"
    count = state.get("ToleratedFailureCount")
    if "ToleratedFailureCountPath" in state:
        count = sfn._resolve_path_or_ctx(state["ToleratedFailureCountPath"], effective, ctx)
    share = state.get("ToleratedFailurePercentage")
    # Whichever is reached first; with neither one failure is too many.
    limits = [] if count is None else [float(count)]
    limits += [] if share is None else [float(share) * items / 100]
    zero = dict.fromkeys(COUNTS, 0) | {"total": items, "pending": items}
    shown = {
        "mapRunArn": f"{machine.replace(':stateMachine:', ':mapRun:')}:{sfn.new_uuid()}",
        "executionArn": execution["executionArn"],
        "status": "RUNNING",
        "startDate": sfn.now_iso(),
        "maxConcurrency": int(state.get("MaxConcurrency") or 0),
        "toleratedFailurePercentage": float(share or 0),
        "toleratedFailureCount": int(count or 0),
        "itemCounts": dict(zero),
        "executionCounts": dict(zero),
        "redriveCount": 0,
        "_stateMachineArn": machine,
    }
    sfn._map_runs[shown["mapRunArn"]] = shown
    return MapRun(execution, shown, machine, items, min(limits, default=0.0))


def _with_its_items(stop: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def stopped(data: dict[str, Any]) -> Any:
        answer = stop(data)
        run = _runs.get(str(data.get("executionArn")))
        if run is not None:
            run.stop()
        return answer

    return stopped


def _until_stopped(sleep: Callable[[float], None]) -> Callable[[float], None]:
    """A sleep in an item is one of many short ones, each of which may be the last."""

    def slept(seconds: float) -> None:
        item = sfn._executions.get(here()) or {}
        if "mapRunArn" not in item:
            sleep(seconds)
            return
        end = time.monotonic() + seconds * sfn._SFN_WAIT_SCALE
        while (left := end - time.monotonic()) > 0 and _goes_on(item):
            time.sleep(min(left, LOOK_UP))
        if not _goes_on(item):
            raise sfn._ExecutionError(ABORTED, "The execution was stopped")

    return slept


def _goes_on(item: Mapping[str, Any]) -> bool:
    """Not when the emulator ends either: it would wait for the threads of a pool."""
    return item["status"] == "RUNNING" and not pools._shutdown
