"""Many devices at once against AWS's quota of certificates a second, as the proxy keeps it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from playground.local.state import LocalState
from tests.census import census
from tests.fault_matrix.proxy import fault_proxy
from tests.fault_matrix.quota import Quota
from tests.fault_matrix.redirect import redirect
from tests.fault_matrix.stage import Stage
from tests.playground_cloud import Cloud, own_cloud

CERTIFICATES = "iot:CreateKeysAndCertificate"
# Pauses last a quarter of their time, so a second of the quota does too.
WAIT_SCALE = 0.25


@dataclass(frozen=True)
class Crowd:
    """What became of `devices` started at once: `asked` of them a second ask for a certificate, `quota` get one.

    Both per second of AWS's time.
    """

    devices: int
    asked: float
    quota: float
    succeeded: int
    errors: Sequence[str]
    throttled: int
    left_behind: Mapping[str, Sequence[str]]


def crowd(folder: Path, devices: int, asked: int, quota: float) -> Crowd:
    """On a local cloud of its own, with real devices; all of them are removed again."""
    gate = Quota(CERTIFICATES, quota / WAIT_SCALE)
    variables = {"SFN_WAIT_SCALE": str(WAIT_SCALE)}
    with (
        own_cloud(folder / "home", variables) as cloud,
        fault_proxy(LocalState.load(cloud.paths).port, gate) as proxy,
    ):
        redirect(cloud, proxy)
        _ask(cloud, asked)
        before = census(cloud)
        stage = Stage(cloud, proxy)
        names = [f"crowd-{number}" for number in range(devices)]
        with ThreadPoolExecutor(8) as pool:
            arns = list(pool.map(stage.start_provisioning, names))
            ends = [stage.ended(arn) for arn in arns]
            list(pool.map(stage.deprovision, names))
        after = census(cloud)
    return Crowd(
        devices,
        asked,
        quota,
        sum(end.status == "SUCCEEDED" for end in ends),
        [f"{end.error}: {end.cause}" for end in ends if end.status != "SUCCEEDED"],
        gate.throttled,
        {kind: sorted(found - before[kind]) for kind, found in after.items() if found - before[kind]},
    )


def _ask(cloud: Cloud, devices_per_second: int) -> None:
    """Set the stack's pace from outside, as the parameter DevicesPerSecond would."""
    functions, name = cloud.client("lambda"), cloud.functions["TakeTurnFunction"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, "DEVICES_PER_SECOND": str(devices_per_second)}}
    )
