"""The mock configuration of the tests' cloud, made from the workflows themselves: every state,
failing.

The format is that of Step Functions Local:
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from playground.devices.own import make_request
from playground.home.paths import PROJECT
from tests.unit.template import branches

WORKFLOWS = {
    "provision-device": "provision_device",
    "deprovision-device": "deprovision_device",
    "restart-device": "restart_device",
    "quarantine-device": "quarantine_device",
    "release-device": "release_device",
    "roll-devices": "roll_devices",
    "provision-fleet": "provision_fleet",
    "remove-fleet": "remove_fleet",
}
FOR_GOOD = "Injected.Fault"


def definition(workflow: str) -> Mapping[str, Any]:
    """The state machine as it stands in statemachines/."""
    loaded: Mapping[str, Any] = yaml.safe_load(
        (PROJECT / "statemachines" / f"{workflow}.asl.yaml").read_text()
    )
    return loaded


def task_states(states: Mapping[str, Any]) -> Iterator[str]:
    """Names of all Task states, those in branches too."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name
        for branch in branches(state):
            yield from task_states(branch["States"])


def identity_for(state: str) -> Mapping[str, str]:
    """What to ask a provisioning for, so that the device comes by this state: its own key, a claim,
    a key from AWS IoT, or a device that is not virtual.
    """
    if state == "AwaitOwner":
        return {"hosting": "none", "csr": make_request("lamp")[1]}
    # A claim that devices share would stay for the next one.
    methods = {"SignRequest": "csr", "CreateClaim": "trusted-user", "SettleClaim": "trusted-user"}
    return {"identity": methods[state]} if state in methods else {}


def write_mock_configuration(folder: Path, stack_name: str = "iot-playground") -> Path:
    """Write the file that SFN_MOCK_CONFIG names; gives its path."""
    machines = {}
    for machine, workflow in WORKFLOWS.items():
        names = list(task_states(definition(workflow)["States"]))
        machines[f"{stack_name}-{machine}"] = {
            "TestCases": {f"{name}Fails": {name: "Fails"} for name in names}
            | (
                {"CleanUpFails": {"StartTask": "Fails", "CleanUp": "CleanUpFails"}}
                if "StartTask" in names
                else {}
            )
            | (
                {"UndoFailsToo": {"StartTask": "Fails", "UndoRestart": "CleanUpFails"}}
                if "UndoRestart" in names
                else {}
            )
            | {"DeviceNeverConnects": {"RecordStatus": "TimesOut"}}
            | {"RefusedInFirstState": {"CreateThing": "Refused"}}
        }
    configuration = {
        "StateMachines": machines,
        "MockedResponses": {
            "Fails": {"0-99": {"Throw": {"Error": FOR_GOOD, "Cause": "injected for good"}}},
            "CleanUpFails": {
                "0-99": {
                    "Throw": {"Error": "Injected.CleanUpFault", "Cause": "cleaning up in vain"}
                }
            },
            "TimesOut": {"0-99": {"Throw": {"Error": "States.Timeout", "Cause": "no device"}}},
            "Refused": {
                "0-99": {"Throw": {"Error": "InvalidInput", "Cause": "deviceType: injected"}}
            },
        },
    }
    path = folder / "mock-configuration.json"
    path.write_text(json.dumps(configuration, indent=2))
    return path
