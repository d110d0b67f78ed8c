"""The workflows in a second interpreter, moto's, beside Lambda's API with functions that answer or
fail as told.

It was written after AWS's own answers, by others than the emulator: here is seen what only one of
the two takes.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import boto3

from tests.mocks import definition
from tests.unit.template import branches

REGION = "eu-west-1"
ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
TOKEN_SECONDS = 2
"""What a state waits for a task token here, where it is to wait in vain."""

NESTED = "arn:aws:states:::states:startExecution.sync:2"
OF_AN_ITEM = ("ProvisionDevice", "DeprovisionDevice")
"""States that start an execution for each item of a Map state."""

HOLDERS = ("restart", "roll", "deprovisioning", "execution")


class FunctionError(Exception):
    """A function's exception; the class name is all that a workflow sees of it."""

    def __init__(self, name: str, message: str = "injected") -> None:
        super().__init__(message)
        self.name = name


class Throttled(Exception):  # noqa: N818 - Lambda's answer, not an error of the test
    """Lambda itself refuses: the function has not run."""


NO_ANSWER = object()
"""Of a function that has taken a task token, and whose device does not come."""


@dataclass
class Scenario:
    """What each function does, call by call; the last of a list goes on for ever."""

    workflow: str
    asked: Any
    answers: Mapping[str, list[Any]]
    hasty: bool = False
    """Whether a state that waits for a token gives up soon."""
    calls: Counter[str] = field(default_factory=Counter)

    def call(self, function: str) -> Any:
        """The next answer of that function."""
        self.calls[function] += 1
        answers = self.answers[function]
        return answers[min(self.calls[function], len(answers)) - 1]


def quick(workflow: str, *, hasty: bool = False) -> dict[str, Any]:
    """The definition as it is deployed, in a hurry. What this interpreter lacks is written
    otherwise:

    it can't start an execution and wait for it, so a function does that.
    """
    made: dict[str, Any] = deepcopy(dict(definition(workflow)))
    for states in _groups(made):
        for name, state in states.items():
            if "ItemReader" in state:
                _inline(state, "$.asked.items" if workflow == "remove_fleet" else "$.items")
            if state.get("Resource") == NESTED:
                states[name] = _as_function(name, state)
            if "lambda:invoke" in states[name].get("Resource", ""):
                # Here each state has a function of its own, whoever else calls the one it has.
                states[name]["Parameters"]["FunctionName"] = f"{FUNCTION}{name}"
            _hurry(states[name], hasty=hasty)
    return made


def _inline(state: dict[str, Any], items: str) -> None:
    """A Map state with its items in the workflow's data: this interpreter does not count failures
    of a Distributed Map.
    """
    for name in ("ItemReader", "ToleratedFailureCount", "ToleratedFailureCountPath"):
        state.pop(name, None)
    state["ItemProcessor"]["ProcessorConfig"] = {"Mode": "INLINE"}
    state["ItemsPath"] = items
    state["ItemSelector"] = {"execution.$": "$$.Execution.Id", "thingName": "lamp"}
    state["ItemSelector"] |= {"input": {}, "madeBy": "arn", "at": now()}


def _groups(machine: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield machine["States"]
    for state in machine["States"].values():
        for branch in branches(state):
            yield from _groups(branch)


def _as_function(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in state["Parameters"].items() if key.startswith("Input")}
    holder = "$.execution" if name in OF_AN_ITEM else "$$.Execution.Id"
    payload = {**given, "execution.$": holder}
    selected = {
        key: path.replace("$.", "$.Payload.")
        for key, path in state.get("ResultSelector", {}).items()
    }
    return {
        **deepcopy(dict(state)),
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"Payload": payload},
        **({"ResultSelector": selected} if selected else {}),
    }


def _hurry(state: dict[str, Any], *, hasty: bool) -> None:
    for rule in state.get("Retry", []):
        rule.update(IntervalSeconds=1, BackoffRate=1.0)
        rule.pop("MaxDelaySeconds", None)
    if "Seconds" in state:
        state["Seconds"] = 1
    if hasty and "waitForTaskToken" in state.get("Resource", ""):
        state["TimeoutSeconds"] = TOKEN_SECONDS


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and how often it called each function."""

    status: str
    output: Any
    error: str
    cause: str
    calls: Counter[str]


def run(scenarios: Mapping[str, Scenario]) -> dict[str, Ended]:
    """All of them at once, within moto's mock of AWS; by their names."""
    sfn = boto3.client("stepfunctions", region_name=REGION)
    machines: dict[tuple[str, bool], str] = {}
    begun = {}
    for name, scenario in scenarios.items():
        kind = (scenario.workflow, scenario.hasty)
        if kind not in machines:
            machines[kind] = sfn.create_state_machine(
                name=f"{scenario.workflow}-{scenario.hasty}",
                definition=json.dumps(quick(scenario.workflow, hasty=scenario.hasty)),
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/workflow",
            )["stateMachineArn"]
        begun[name] = sfn.start_execution(
            stateMachineArn=machines[kind], name=name, input=json.dumps(scenario.asked)
        )["executionArn"]
    return {name: _end_of(sfn, arn, scenarios[name]) for name, arn in begun.items()}


def _end_of(sfn: Any, arn: str, scenario: Scenario) -> Ended:
    pause = threading.Event()
    for _ in range(1200):
        found = sfn.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return Ended(
                found["status"],
                json.loads(found.get("output") or "null"),
                found.get("error", ""),
                found.get("cause", ""),
                scenario.calls,
            )
        pause.wait(0.1)
    raise AssertionError(f"{arn} has not ended: {scenario.calls}")


@contextmanager
def lambda_api(scenarios: Mapping[str, Scenario]) -> Iterator[str]:
    """Lambda's Invoke on a port of loopback; gives its address.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    class Invoke(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            function = unquote(self.path).split("/")[3].rpartition(":")[2]
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            scenario = scenarios[_execution_of(given)]
            try:
                answer = scenario.call(function)
                if isinstance(answer, Exception):
                    raise answer
                self._answer(200, _told(given, answer))
            except FunctionError as error:
                told = {"errorType": error.name, "errorMessage": str(error), "stackTrace": []}
                self._answer(200, told, {"X-Amz-Function-Error": "Unhandled"})
            except Throttled:
                told = {"Type": "User", "message": "Rate Exceeded."}
                self._answer(429, told, {"x-amzn-errortype": "TooManyRequestsException"})

        def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                **(headers or {}),
                "Content-Length": str(len(data)),
                "x-amzn-RequestId": "r-1",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # all executions come at once
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Invoke)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _execution_of(given: Mapping[str, Any]) -> str:
    return str(next(given[key] for key in HOLDERS if key in given)).rpartition(":")[2]


def _told(given: Mapping[str, Any], answer: Any) -> Any:
    """What the function answers; what it says to the task token comes from the device later."""
    if "taskToken" not in given or answer is NO_ANSWER:
        return None if answer is NO_ANSWER else answer
    sfn = boto3.client("stepfunctions", region_name=REGION)
    told = {"taskToken": given["taskToken"], "output": json.dumps(answer)}
    threading.Timer(0.1, sfn.send_task_success, kwargs=told).start()
    return None


def now() -> str:
    """A time that has come."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
