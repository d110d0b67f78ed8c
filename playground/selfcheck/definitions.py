"""The workflows as AWS has them against those of this folder, whatever the transforms in between
have done."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml

from playground.home.homes import Home
from playground.home.paths import Paths

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

OUTPUTS = {
    "provision_device": "ProvisionDeviceStateMachineArn",
    "deprovision_device": "DeprovisionDeviceStateMachineArn",
    "restart_device": "RestartDeviceStateMachineArn",
    "quarantine_device": "QuarantineDeviceStateMachineArn",
    "release_device": "ReleaseDeviceStateMachineArn",
    "roll_devices": "RollDevicesStateMachineArn",
    "provision_fleet": "ProvisionFleetStateMachineArn",
    "remove_fleet": "RemoveFleetStateMachineArn",
}
SUBSTITUTED = re.compile(r"\$\{\w+\}")


def differences(home: Home, paths: Paths) -> list[str]:
    """Where they differ, as `<workflow>/States/<state>/<field>`; what the template fills in
    apart."""
    sfn: SFNClient = home.client("stepfunctions")
    found = []
    for workflow, output in OUTPUTS.items():
        text = (paths.root / "statemachines" / f"{workflow}.asl.yaml").read_text(encoding="utf-8")
        there = sfn.describe_state_machine(stateMachineArn=home.output(output))["definition"]
        found += list(differing(yaml.safe_load(text), json.loads(there), workflow))
    return found


def differing(ours: Any, there: Any, where: str) -> Iterator[str]:
    """Every place where the two are not the same."""
    if isinstance(ours, dict) and isinstance(there, dict):
        for name in sorted(ours.keys() | there.keys(), key=str):
            if name not in ours or name not in there:
                yield f"{where}/{name} {'is missing' if name in ours else 'is new'}"
            else:
                yield from differing(ours[name], there[name], f"{where}/{name}")
    elif isinstance(ours, list) and isinstance(there, list) and len(ours) == len(there):
        for number, (one, other) in enumerate(zip(ours, there, strict=True)):
            yield from differing(one, other, f"{where}/{number}")
    elif not _same(ours, there):
        yield f"{where} differs"


def _same(ours: Any, there: Any) -> bool:
    if isinstance(ours, str) and isinstance(there, str) and SUBSTITUTED.search(ours):
        return (
            re.fullmatch(".+".join(map(re.escape, SUBSTITUTED.split(ours))), there, re.DOTALL)
            is not None
        )
    return bool(ours == there)
