"""The ways to become a device, side by side: from StartExecution to SUCCEEDED, on a warm local
cloud.

The methods take turns, so that noise hits all. A hosted device comes to a host that is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Spread
from benchmarks.progress import counted
from common.identifiers import JITR, made_up_name
from playground.devices.authorities import Authorities
from playground.devices.certifying import Certifying
from playground.devices.executions import history
from playground.devices.workflows import DEPROVISION, PROVISION
from tests.census import census
from tests.playground_cloud import Cloud, Execution, wait_for

METHODS: Mapping[str, Mapping[str, str]] = {
    "keys": {"method": "keys"},
    "csr": {"method": "csr"},
    "claim": {"method": "claim"},
    "claim-csr": {"method": "claim-csr"},
    "trusted-user": {"method": "trusted-user"},
    "jitr": {"method": "jitr"},
    "csr, on a host": {"hosting": "shared"},
}
WARM_UP = 1
REMOVED_LIMIT = 30.0
KEPT = "bench-kept"
"""The device that keeps the host."""


@dataclass(frozen=True)
class Method:
    """Seconds from StartExecution to SUCCEEDED, and how many times the workflow calls a function,
    medians and spreads of so many devices.
    """

    name: str
    seconds: Spread
    calls: float


@dataclass(frozen=True)
class Methods:
    """All of them, and what was left when all devices were removed."""

    methods: Sequence[Method]
    left_behind: Mapping[str, Sequence[str]]


def measure(cloud: Cloud, runs: int) -> Methods:
    """So many devices by each method, one after the other."""
    _made(cloud, {"hosting": "shared", "thingName": KEPT})
    running = _running(cloud)
    _removed(cloud, _made(cloud, {"method": "claim"}).output["thingName"], running)
    Authorities(cloud.home, cloud.paths).ready()
    before = census(cloud)
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    calls: dict[str, list[float]] = {name: [] for name in METHODS}
    for number in counted(
        f"methods: {WARM_UP} run to warm up, {runs} that count, of {len(METHODS)}", WARM_UP + runs
    ):
        for name, given in METHODS.items():
            end = _made(cloud, given)
            took, called = _of_execution(cloud, end.arn)
            _removed(cloud, end.output["thingName"], running)
            if number >= WARM_UP:
                seconds[name].append(took)
                calls[name].append(called)
    after = census(cloud)
    _removed(cloud, KEPT, running)
    return Methods(
        [Method(name, Spread.of(seconds[name]), Spread.of(calls[name]).median) for name in METHODS],
        {what: left for what, found in after.items() if (left := _left(found - before[what]))},
    )


def _left(names: frozenset[str]) -> Sequence[str]:
    """But for the list of the host that stays, which has another name after each change."""
    return sorted(name for name in names if not name.startswith("hosts/"))


def _made(cloud: Cloud, given: Mapping[str, str]) -> Execution:
    begun = cloud.start(PROVISION, {"deviceType": "bulb", **given})
    if given.get("method") == JITR:
        signer = Authorities(cloud.home, cloud.paths).ready()
        certifying = Certifying(cloud.home, signer, made_up_name(begun))
        wait_for("the device's request", certifying.look)
    end = cloud.finished(begun)
    assert end.status == "SUCCEEDED", end
    return end


def _removed(cloud: Cloud, thing_name: str, running: int) -> None:
    """Remove it; `running` tasks stay. Its process is not to be measured with the next device."""
    end = cloud.execute(DEPROVISION, {"thingName": thing_name})
    assert end.status == "SUCCEEDED", end
    wait_for("the device's process to end", lambda: _running(cloud) <= running, REMOVED_LIMIT)


def _running(cloud: Cloud) -> int:
    return len(list(cloud.paths.running.iterdir()))


def _of_execution(cloud: Cloud, arn: str) -> tuple[float, float]:
    """How long it took, and how many times it called a function."""
    sfn: Any = cloud.client("stepfunctions")
    events = history(sfn, arn)
    end = sfn.describe_execution(executionArn=arn)
    whole = (end["stopDate"] - end["startDate"]).total_seconds()
    return whole, float(sum(event["type"] == "TaskScheduled" for event in events))
