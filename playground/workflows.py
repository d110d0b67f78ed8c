"""Start the provisioning workflows and follow them."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.errors import WorkflowError
from playground.history import Step, readable_cause, steps_of, task_names, told
from playground.homes import Home
from playground.local.history import as_on_aws

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

PROVISION = "ProvisionDeviceStateMachineArn"
DEPROVISION = "DeprovisionDeviceStateMachineArn"
RESTART = "RestartDeviceStateMachineArn"
AT_ONCE = 8


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: its output when it succeeded, else error and cause. `seconds` is its duration."""

    status: str
    seconds: float
    output: Mapping[str, Any]
    error: str = ""
    cause: str = ""

    def require(self) -> Mapping[str, Any]:
        """The output. Raises WorkflowError with error name and cause when there is none."""
        if self.status == "SUCCEEDED":
            return self.output
        raise WorkflowError(f"The workflow ended as {self.status}. {told(self.error, self.cause)}".rstrip())


@dataclass(frozen=True)
class Workflow:
    """One state machine of the stack."""

    home: Home
    output: str

    @property
    def _client(self) -> "SFNClient":
        client: SFNClient = self.home.client("stepfunctions")
        return client

    def run(self, request: Mapping[str, Any], show: Callable[[Sequence[Step]], None]) -> Outcome:
        """Run to the end and hand the steps to `show` whenever it looked."""
        client = self._client
        machine = self.home.output(self.output)
        definition = json.loads(client.describe_state_machine(stateMachineArn=machine)["definition"])
        expected = task_names(definition, request)
        show([Step(name) for name in expected])
        execution = client.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]
        while True:
            # Status first: a history read after the end is complete.
            outcome = outcome_of(client.describe_execution(executionArn=execution))
            events = history(client, execution)
            show(steps_of(as_on_aws(events, definition, request) if self.home.kind == "local" else events, expected))
            if outcome is not None:
                return outcome
            time.sleep(self.home.poll)

    def run_many(self, requests: Sequence[Mapping[str, Any]], done: Callable[[Outcome], None]) -> list[Outcome]:
        """Run many, a bounded number at a time; `done` is called in this thread as each one ends.

        Interrupted, it starts no more and waits for none; those that were started go on.
        """
        client = self._client
        machine = self.home.output(self.output)
        over = threading.Event()

        def run_one(request: Mapping[str, Any]) -> Outcome:
            execution = client.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]
            while not over.wait(max(self.home.poll, 0.1)):
                outcome = outcome_of(client.describe_execution(executionArn=execution))
                if outcome is not None:
                    return outcome
            raise CancelledError

        outcomes = []
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            jobs = [pool.submit(run_one, request) for request in requests]
            try:
                for job in as_completed(jobs):
                    outcomes.append(job.result())
                    done(outcomes[-1])
            except BaseException:
                over.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return outcomes


def history(client: "SFNClient", execution: str) -> list[Mapping[str, Any]]:
    """All events of an execution, without inputs and outputs."""
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=execution, includeExecutionData=False, PaginationConfig={"PageSize": 1000}
    )
    return [event for page in pages for event in page["events"]]


def outcome_of(execution: Mapping[str, Any]) -> Outcome | None:
    """The outcome in a DescribeExecution answer; None while it runs."""
    if execution["status"] in ("RUNNING", "PENDING_REDRIVE"):
        return None
    seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
    output = json.loads(execution.get("output") or "{}")
    error, cause = execution.get("error", ""), readable_cause(execution.get("cause", ""))
    return Outcome(execution["status"], seconds, output, error, cause)
