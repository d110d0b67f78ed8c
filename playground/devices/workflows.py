"""Start the provisioning workflows and follow them."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from common.identifiers import NOWHERE
from common.jsontext import read
from playground.devices.executions import Execution, Outcome
from playground.devices.history import Step, steps_of, task_names
from playground.errors import AgentError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

PROVISION = "ProvisionDeviceStateMachineArn"
DEPROVISION = "DeprovisionDeviceStateMachineArn"
RESTART = "RestartDeviceStateMachineArn"
RELEASE = "ReleaseDeviceStateMachineArn"
NEED_THE_AGENT = (PROVISION, RESTART, RELEASE)
"""They wait for a device to start."""
AT_ONCE = 8
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Workflow:
    """One state machine of the stack."""

    home: Home
    output: str

    @property
    def _client(self) -> "SFNClient":
        client: SFNClient = self.home.client("stepfunctions")
        return client

    def _require_agent(self, request: Mapping[str, Any] = NOTHING) -> None:
        if self.output in NEED_THE_AGENT and request.get("hosting") != NOWHERE:
            require_agent(self.home)

    def run(self, request: Mapping[str, Any], show: Callable[[Sequence[Step]], None]) -> Outcome:
        """Run to the end and hand the steps to `show` whenever it looked."""
        for steps, outcome in self.follow(self.start(request), request):
            show(steps)
            if outcome is not None:
                return outcome
        raise AssertionError("an execution is followed to its end")

    def start(self, request: Mapping[str, Any]) -> Execution:
        """Start it. Raises AgentError when nothing would start its device."""
        self._require_agent(request)
        return _started(self._client, self.home.output(self.output), request)

    def follow(
        self, execution: Execution, request: Mapping[str, Any]
    ) -> Iterator[tuple[Sequence[Step], Outcome | None]]:
        """Gives the steps whenever it looked, and with the last ones how it ended."""
        machine = self.home.output(self.output)
        described = self._client.describe_state_machine(stateMachineArn=machine)
        expected = task_names(read(described["definition"]), request)
        yield [Step(name) for name in expected], None
        while True:
            # Status first: a history read after the end is complete.
            outcome = execution.outcome()
            yield steps_of(execution.events(), expected), outcome
            if outcome is not None:
                return
            self._require_agent(request)
            time.sleep(self.home.poll)

    def run_many(
        self, requests: Sequence[Mapping[str, Any]], done: Callable[[Outcome], None]
    ) -> list[Outcome]:
        """Run many, a bounded number at a time; `done` is called in this thread as each one ends.

        Interrupted, it starts no more and waits for none; those that were started go on.
        """
        client = self._client
        self._require_agent()
        machine = self.home.output(self.output)
        over = threading.Event()

        def run_one(request: Mapping[str, Any]) -> Outcome:
            execution = _started(client, machine, request)
            while not over.wait(max(self.home.poll, 0.1)):
                outcome = execution.outcome()
                if outcome is not None:
                    return outcome
                self._require_agent()
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


def _started(client: "SFNClient", machine: str, request: Mapping[str, Any]) -> Execution:
    begun = client.start_execution(stateMachineArn=machine, input=json.dumps(request))
    return Execution(client, begun["executionArn"])


def require_agent(home: Home) -> None:
    """Raises AgentError when nothing starts devices in this home, before or while one waits for
    one.
    """
    if trouble := home.trouble():
        raise AgentError(trouble)
