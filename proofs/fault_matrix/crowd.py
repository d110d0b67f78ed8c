"""Many devices at once against AWS's quota of certificates a second, as the proxy keeps it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proofs.fault_matrix.fleet_scenarios import PROVISION as PROVISION_FLEET
from proofs.fault_matrix.fleet_scenarios import REMOVE as REMOVE_FLEET
from proofs.fault_matrix.phases import PROVISION
from proofs.fault_matrix.quota import Quota
from proofs.fault_matrix.redirect import states
from proofs.fault_matrix.stage import WAIT_SCALE, Stage
from tests.census import census
from tests.playground_cloud import Cloud, Execution

CERTIFICATES, ASKING = "iot:CreateKeysAndCertificate", "CreateCertificate"
# Between attempts to make a certificate the stage's pauses are too short: two cores could not
# overrun the quota that belongs to them. Not longer, for the emulator pauses 60 s at the most
# before it scales, and the workflow 20 s.
SLOWER = 3


@dataclass(frozen=True)
class Crowd:
    """What became of `devices` started at once: `asked` of them a second ask for a certificate,
    `quota` get one.

    Both per second of AWS's time, as the pauses between attempts measure it. By that measure a turn
    comes sooner than it would on AWS, so it is more of them that ask, rather than fewer.
    """

    devices: int
    asked: float
    quota: float
    succeeded: int
    errors: Sequence[str]
    throttled: int
    left_behind: Mapping[str, Sequence[str]]


def one_by_one(stage: Stage, devices: int) -> list[Execution]:
    """Each by an execution that somebody starts, all at once; removed again. How each has ended."""
    names = [f"crowd-{number}" for number in range(devices)]
    with ThreadPoolExecutor(8) as pool:
        arns = list(pool.map(stage.start_provisioning, names))
        ends = [stage.ended(arn) for arn in arns]
        list(pool.map(stage.deprovision, names))
    return ends


def as_a_fleet(stage: Stage, devices: int) -> list[Execution]:
    """All by the Distributed Map of one fleet, which is removed again. How each has ended, and the
    fleet's own executions where they have failed.
    """
    sfn, home = stage.cloud.client("stepfunctions"), stage.cloud.home

    def run(output: str, asked: Mapping[str, Any]) -> Execution:
        begun = sfn.start_execution(stateMachineArn=home.output(output), input=json.dumps(asked))
        return stage.ended(begun["executionArn"])

    groups = [{"name": "one", "count": devices}]
    whole = [run(PROVISION_FLEET, {"name": "crowd", "groups": groups, "tolerated": devices - 1})]
    rows = [stage.cloud.row(f"crowd-one-{number:04}") for number in range(1, devices + 1)]
    ends = [stage.ended(row["execution_arn"]) for row in rows]
    whole.append(run(REMOVE_FLEET, {"name": "crowd"}))
    return [*ends, *(end for end in whole if end.status != "SUCCEEDED")]


def crowd(
    stage: Stage,
    devices: int,
    asked: int,
    quota: float,
    made: Callable[[Stage, int], list[Execution]] = one_by_one,
) -> Crowd:
    """With real devices, all of which are removed again; leaves the stage as it was."""
    gate = Quota(CERTIFICATES, quota / (WAIT_SCALE * SLOWER))
    before = census(stage.cloud)
    with _asking(stage.cloud, asked), _patient(stage.cloud), stage.proxy.gated(gate):
        ends = made(stage, devices)
    after = census(stage.cloud)
    return Crowd(
        devices,
        asked,
        quota,
        sum(end.status == "SUCCEEDED" for end in ends),
        [f"{end.error}: {end.cause}" for end in ends if end.status != "SUCCEEDED"],
        gate.throttled,
        {
            kind: sorted(found - before[kind])
            for kind, found in after.items()
            if found - before[kind]
        },
    )


@contextmanager
def _asking(cloud: Cloud, devices_per_second: int) -> Iterator[None]:
    """The stack's pace set from outside, as the parameter DevicesPerSecond would."""
    functions, name = cloud.client("lambda"), cloud.functions["TakeTurnFunction"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {**variables, "DEVICES_PER_SECOND": str(devices_per_second)}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )


@contextmanager
def _patient(cloud: Cloud) -> Iterator[None]:
    """Pauses before another attempt to make a certificate that are SLOWER times as long."""
    sfn, arn = cloud.client("stepfunctions"), cloud.home.output(PROVISION)
    before = sfn.describe_state_machine(stateMachineArn=arn)["definition"]
    definition = json.loads(before)
    for name, state in states(definition):
        for retrier in state.get("Retry", []) if name == ASKING else []:
            if "TransientError" in retrier["ErrorEquals"]:
                retrier["IntervalSeconds"] *= SLOWER
                retrier["MaxDelaySeconds"] *= SLOWER
    sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    try:
        yield
    finally:
        sfn.update_state_machine(stateMachineArn=arn, definition=before)
