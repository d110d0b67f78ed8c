"""The cloud behind the proxy, with what a cell of the matrix does on it: make, remove, abort, and
look what is left.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from common.identifiers import owner_of
from playground.home.state import LocalState
from proofs.fault_matrix.phases import COURSES, DEPROVISION, PROVISION, ROLL, ROLLS, Phase
from proofs.fault_matrix.proxy import FaultProxy, fault_proxy
from proofs.fault_matrix.redirect import (
    a_host_for_each,
    fit_to_short_waits,
    redirect,
    shorten_patience,
    shorten_pauses,
    unlimited,
)
from proofs.fault_matrix.remains import APART, NOTHING, WHOLE, Remains, remains, seat_of
from proofs.fault_matrix.rolls import Rolls
from tests.census import hosts
from tests.mocks import write_mock_configuration
from tests.playground_cloud import Cloud, Execution, own_cloud

END_LIMIT = 180.0
LOOK_SECONDS = 0.25
# Retries wait a twentieth of their time, and a device that does not come is waited for 30 s instead
# of 300.
WAIT_SCALE, LIMIT_SCALE = 0.05, 0.1
SETTLED_LIMIT = 30.0
# Long enough for a device that is restarted to come back to its host.
IDLE_SECONDS = 3
# As long as a workflow waits for a device to connect.
PATIENCE_SECONDS = 30
HOSTS_LIMIT = 120.0


@dataclass
class Stage:
    """One cloud, used by many cells at a time: each has a thing name of its own."""

    cloud: Cloud
    proxy: FaultProxy
    executions: dict[str, list[str]] = field(default_factory=dict)
    claimed: dict[str, set[str]] = field(default_factory=dict)
    """Certificates that a row has named, by thing: who gets one over MQTT makes it by no call."""
    rolls: Rolls = field(init=False)

    def __post_init__(self) -> None:
        self.rolls = Rolls(self.cloud)

    def start_provisioning(self, thing: str, case: str = "", name: str = "") -> str:
        """Start to make the thing; gives the execution's ARN."""
        return self._start(PROVISION, thing, case, name)

    def start(self, phase: Phase, thing: str) -> str:
        """Start what is under way in this phase; gives the execution's ARN."""
        course = COURSES[phase]
        return self._start(course.machine, thing, course.case, "", course.given)

    def prepare(self, phase: Phase, thing: str, there: str = NOTHING) -> None:
        """Give the thing the past that it has in this phase; `there` is the verdict on what there
        is of it.
        """
        if phase not in ROLLS:
            self._give_past(phase, thing, there)
            return
        self.rolls.forget(thing)
        self._give_past(phase, thing, APART.get(there, there))
        self.rolls.fall_behind(thing, comes_up=phase is Phase.ROLL)

    def _give_past(self, phase: Phase, thing: str, there: str) -> None:
        past, by = COURSES[phase].before, COURSES[phase].makes_good.get(there)
        if by is not None:
            assert self.ended(self.start(by, thing)).status == "SUCCEEDED"
            self.settled(thing, [COURSES[by].done])
            return
        begun = next((n + 1 for n, earlier in enumerate(past) if COURSES[earlier].done == there), 0)
        if not begun and there != NOTHING:
            self.deprovision(thing)
            self.settled(thing, [NOTHING])
        for earlier in past[begun:]:
            end = self.ended(self.start(earlier, thing))
            assert end.status == "SUCCEEDED", end
            self.settled(thing, [COURSES[earlier].done])

    def came_through(self, phase: Phase, thing: str, end: Execution) -> bool:
        """Whether the execution has ended as it does without a fault."""
        told = COURSES[phase].told
        if not told:
            return end.status == "SUCCEEDED"
        return end.status == "FAILED" and self.rolls.told(thing, told, end.cause)

    def start_deprovisioning(self, thing: str) -> str:
        """Start to remove the thing."""
        return self._start(DEPROVISION, thing, "", "")

    def provision(self, thing: str, case: str = "") -> Execution:
        """Make the thing, to the end of the execution."""
        return self.ended(self.start_provisioning(thing, case))

    def deprovision(self, thing: str) -> Execution:
        """Remove the thing, to the end of the execution."""
        return self.ended(self.start_deprovisioning(thing))

    def ended(self, arn: str) -> Execution:
        """The execution when it has ended."""
        sfn = self.cloud.client("stepfunctions")
        deadline = time.monotonic() + END_LIMIT
        while time.monotonic() < deadline:
            end = sfn.describe_execution(executionArn=arn)
            if end["status"] != "RUNNING":
                output = json.loads(end.get("output") or "{}")
                return Execution(
                    arn, end["status"], output, end.get("error") or "", end.get("cause") or ""
                )
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"{arn} has not ended after {END_LIMIT:.0f} s")

    def abort(self, arn: str) -> None:
        """Stop the execution from outside, as anybody can in the console."""
        self.cloud.client("stepfunctions").stop_execution(
            executionArn=arn, error="Aborted", cause="from outside"
        )

    def look(self, thing: str) -> Remains:
        """What there is of the thing now."""
        owners = [owner_of(arn) for arn in self.executions.get(thing, [])]
        made = [record.made for record in self.proxy.of(thing) if record.made]
        claimed = self.claimed.setdefault(thing, set())
        claimed |= {name for name in [self.cloud.row(thing).get("certificate_id")] if name}
        certificates = [*made, *sorted(claimed - set(made))]
        return remains(self.cloud, thing, owners, certificates, self.rolls.look(thing))

    def settled(
        self, thing: str, wanted: Sequence[str] = (NOTHING, WHOLE), limit: float = SETTLED_LIMIT
    ) -> str:
        """The verdict, once it is one of those wanted; what is wrong when it does not become so in
        time.
        """
        deadline = time.monotonic() + limit
        while (verdict := self.look(thing).verdict) not in wanted and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return verdict

    def host_of(self, thing: str) -> str:
        """The host where the device has its seat; "" when it has none."""
        seat = seat_of(self.cloud, thing)
        return seat["on"]["S"] if seat else ""

    def stop_host(self, host: str) -> None:
        """Somebody stops the task of a host, where there is one."""
        row = self.cloud.row(host) if host else {}
        if "task_arn" in row:
            self.cloud.client("ecs").stop_task(
                cluster=row["cluster_arn"], task=row["task_arn"], reason="Spot"
            )

    def wait_for_hosts(self) -> None:
        """Until those that have no device any more are removed, and nothing is under way."""
        deadline = time.monotonic() + HOSTS_LIMIT
        while (hosts(self.cloud) or self.cloud.running()) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def sweep(self) -> list[str]:
        """Have the stack's own sweep remove what no workflow has removed; gives what it found.

        Nothing is under way any more, so it need not leave alone what is young.
        """
        home = self.cloud.home
        # It may have much to do, as long as a function may run.
        patient = Config(proxies={}, read_timeout=330, retries={"total_max_attempts": 1})
        answer = home.session.client("lambda", endpoint_url=home.endpoint, config=patient).invoke(
            FunctionName=self.cloud.functions["SweepFunction"],
            Payload=json.dumps({"olderThanSeconds": 0}),
        )
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return [
            f"{finding['kind']} {finding['name']}: {finding['outcome']}"
            for finding in said["findings"]
        ]

    def _start(
        self,
        machine: str,
        thing: str,
        case: str,
        name: str,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        arn = self.cloud.home.output(machine) + (f"#{case}" if case else "")
        sfn = self.cloud.client("stepfunctions")
        about = {"thingNames": [thing]} if machine == ROLL else {"thingName": thing}
        given = json.dumps({**about, **more})
        named = {"name": name} if name else {}
        started: str = sfn.start_execution(stateMachineArn=arn, input=given, **named)[
            "executionArn"
        ]
        known = self.executions.setdefault(thing, [])
        known += [] if started in known else [started]  # the same name again is the same execution
        return started


@contextmanager
def own_stage(folder: Path, build: Path | None = None) -> Iterator[Stage]:
    """A local cloud, see `own_cloud`, with the proxy between functions and emulator."""
    variables = {
        "SFN_MOCK_CONFIG": str(write_mock_configuration(folder)),
        "SFN_WAIT_SCALE": str(WAIT_SCALE),
    }
    with (
        own_cloud(folder / "home", variables, build) as cloud,
        fault_proxy(LocalState.load(cloud.paths).port) as proxy,
    ):
        redirect(cloud, proxy)
        # Rolls are tried one after the other, and the SDK's pauses are most of what they take.
        shorten_pauses(cloud, ("NextDevice", "PutBack"), WAIT_SCALE)
        shorten_patience(cloud, ("SignRequest", "SettleClaim"), PATIENCE_SECONDS)
        unlimited(cloud)
        fit_to_short_waits(cloud, WAIT_SCALE, LIMIT_SCALE)
        a_host_for_each(cloud, WAIT_SCALE, IDLE_SECONDS)
        yield Stage(cloud, proxy)


def error_of(error: ClientError) -> str:
    """The code of an AWS error."""
    return str(error.response["Error"]["Code"])
