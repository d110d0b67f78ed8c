"""A local cloud of the tests' own: started with the product's own command, on ports and in a folder
of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import psutil

from playground.home.homes import Home, local_home
from playground.home.paths import PROJECT, Paths
from playground.home.state import LocalState, one_at_a_time
from playground.local import stack
from tests.ports import free_port

COMMAND = Path(sys.executable).with_name("playground")
UP_LIMIT = 240
PATIENCE = 3
"""Every limit is so many times as long as the slowest that was seen on a machine with nothing else
to do: a limit is for what hangs, and CI's machine may be slow.
"""

T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None], limit: float = 60.0) -> T:
    """Look until it is there; AssertionError after `limit` seconds that says what was missing."""
    deadline = time.monotonic() + limit * PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {limit * PATIENCE:.0f} s in vain for {what}")


@dataclass(frozen=True)
class Execution:
    """A finished execution."""

    arn: str
    status: str
    output: Mapping[str, Any]
    error: str
    cause: str


@dataclass(frozen=True)
class Cloud:
    """The running local cloud, as its users see it."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def paths(self) -> Paths:
        """Where it keeps its state and logs."""
        return Paths(directory=self.folder)

    @cached_property
    def home(self) -> Home:
        """What the product itself uses to talk to the cloud."""
        return local_home(self.paths, LocalState.load(self.paths))

    def client(self, service: str) -> Any:
        """A boto3 client of the account's administrator."""
        return self.home.client(service)

    @cached_property
    def functions(self) -> Mapping[str, str]:
        """Names of the stack's functions by their logical ids."""
        pages = (
            self.client("cloudformation")
            .get_paginator("list_stack_resources")
            .paginate(StackName=self.home.stack_name)
        )
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }

    def playground(
        self, *arguments: str, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the `playground` command."""
        return self._run([str(COMMAND), *arguments], self.environment, timeout, check=check)

    @cached_property
    def shell(self) -> Mapping[str, str]:
        """The environment of a shell that has evaluated `playground env`."""
        answer = self._run(
            [str(COMMAND), "env", "--output", "json"], self.environment, 30, check=True
        )
        return {**self.environment, **json.loads(answer.stdout)}

    def run(
        self,
        *command: str,
        timeout: float = 240,
        check: bool = True,
        cwd: Path = PROJECT,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.CompletedProcess[str]:
        """Run any command in such a shell, with more `variables`."""
        return self._run(list(command), {**self.shell, **variables}, timeout, check=check, cwd=cwd)

    @staticmethod
    def _run(
        command: list[str],
        environment: Mapping[str, str],
        timeout: float,
        *,
        check: bool,
        cwd: Path = PROJECT,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout * PATIENCE,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"{command} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def execute(self, output_name: str, given: Any, case: str = "", limit: float = 60) -> Execution:
        """Run a workflow to its end; `case` names a test case of the mock configuration."""
        arn = self.start(output_name, given, case)
        return self.finished(arn, limit)

    def start(self, output_name: str, given: Any, case: str = "") -> str:
        """Start a workflow; gives the execution's ARN."""
        machine = self.home.output(output_name) + (f"#{case}" if case else "")
        arn: str = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(given)
        )["executionArn"]
        return arn

    def finished(self, arn: str, limit: float = 60) -> Execution:
        """The execution when it has ended."""
        sfn = self.client("stepfunctions")

        def ended() -> Mapping[str, Any] | None:
            answer: Mapping[str, Any] = sfn.describe_execution(executionArn=arn)
            return answer if answer["status"] != "RUNNING" else None

        end = wait_for(f"the end of {arn}", ended, limit)
        return Execution(
            arn,
            end["status"],
            json.loads(end.get("output") or "{}"),
            end.get("error", ""),
            end.get("cause", ""),
        )

    def running(self) -> list[str]:
        """ARNs of all executions of the stack's workflows that have not ended."""
        sfn = self.client("stepfunctions")
        return [
            execution["executionArn"]
            for name in self.home.outputs
            if name.endswith("StateMachineArn")
            for execution in sfn.list_executions(
                stateMachineArn=self.home.output(name), statusFilter="RUNNING"
            )["executions"]
        ]

    def provision(self, given: Any, case: str = "") -> Execution:
        """Make a device."""
        return self.execute("ProvisionDeviceStateMachineArn", given, case)

    def deprovision(self, thing_name: str) -> Execution:
        """Remove a device."""
        return self.execute("DeprovisionDeviceStateMachineArn", {"thingName": thing_name})

    def row(self, thing_name: str) -> Mapping[str, Any]:
        """The device's catalog row, {} when there is none."""
        answer = self.client("dynamodb").get_item(
            TableName=self.home.output("DeviceCatalogTableName"),
            Key={"thing_name": {"S": thing_name}},
        )
        return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}

    def device_process(self, thing_name: str) -> psutil.Process | None:
        """The device's process; the agent keeps one for each task, with the task's id in its state
        directory.
        """
        task_id = self.row(thing_name)["task_arn"].rpartition("/")[2]
        for process in psutil.process_iter(["cmdline"]):
            if "virtual_device" in (
                process.info["cmdline"] or []
            ) and task_id in process.environ().get("STATE_DIR", ""):
                return process
        return None

    def shadow(self, thing_name: str) -> Mapping[str, Any]:
        """The state of the classic shadow."""
        payload = self.client("iot-data").get_thing_shadow(thingName=thing_name)["payload"].read()
        state: Mapping[str, Any] = json.loads(payload)["state"]
        return state

    def desire(self, thing_name: str, **desired: Any) -> None:
        """Set desired settings."""
        self.client("iot-data").update_thing_shadow(
            thingName=thing_name, payload=json.dumps({"state": {"desired": desired}}).encode()
        )

    def wait_until_reported(self, thing_name: str, **settings: Any) -> Mapping[str, Any]:
        """The reported state, once the device runs with these settings."""

        def reported() -> Mapping[str, Any] | None:
            found: Mapping[str, Any] = self.shadow(thing_name).get("reported", {})
            return found if settings.items() <= found.items() else None

        return wait_for(f"{thing_name} to report {settings}", reported)


@contextmanager
def own_cloud(
    folder: Path, variables: Mapping[str, str], build: Path | None = None
) -> Iterator[Cloud]:
    """A cloud with its state in `folder`, on free ports: up with these `variables`, taken down in
    any case.

    `build`: where the stack is built once for all clouds that name the same folder.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"PLAYGROUND_DIR": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}
    # A test that looks at the console asks for one.
    environment |= {"PLAYGROUND_CONSOLE_PORT": "0", **variables}
    if build is not None:
        take_build(Paths(directory=folder), Paths(directory=build))
    running = Cloud(folder, environment)
    try:
        running.playground(
            "up", "--port", str(free_port()), "--mqtt-port", str(free_port()), timeout=UP_LIMIT
        )
        yield running
    finally:
        running.playground("down", timeout=UP_LIMIT)


def take_build(paths: Paths, shared: Paths) -> None:
    """Let `up` find what the product has built before, in `shared`, of the same sources."""
    tools = stack.toolbox(shared)
    built = stack.sources_hash(shared, tools.runtime)
    shared.make()
    with one_at_a_time(shared.lock):
        before = LocalState.load(shared)
        if before.built != built:
            stack.build(shared, before, tools, lambda _line: None)
            replace(before, built=built).save(shared)
    paths.make()
    paths.build.symlink_to(shared.build)
    LocalState(built=built).save(paths)
