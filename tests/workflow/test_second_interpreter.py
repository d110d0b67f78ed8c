"""All workflows in moto's Step Functions interpreter: their ends, their retries by name, their
undoing.

Functions are stubs that fail by the names that AWS gives. Nothing here needs a cloud.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from moto import mock_aws

from common.identifiers import CLAIMS
from tests.mocks import WORKFLOWS, definition, task_states
from tests.workflow.second_interpreter import (
    NO_ANSWER,
    OF_AN_ITEM,
    Ended,
    FunctionError,
    Scenario,
    Throttled,
    lambda_api,
    now,
    run,
)

pytestmark = pytest.mark.thorough

THING = {"thingName": "lamp"}
CERTIFICATE = {"certificateId": "c-2", "certificateArn": "arn:c-2"}
TASK = {"taskArn": "arn:task", "clusterArn": "arn:cluster", "imageDigest": "sha256:1"}
SIGNED = [
    {"signed": False, "certificateId": None, "certificateArn": None},
    {"signed": True, **CERTIFICATE},
]
RESTARTED = {"ExecutionArn": "arn:restart", "Status": "SUCCEEDED", "Output": {}}

MADE: dict[str, Any] = {
    "deviceType": "bulb", "attributes": {}, "model": None, "identity": "keys", "hosting": "task",
}  # fmt: skip
CLAIMED: dict[str, Any] = {
    "verdict": "RESTART", "reason": "", "deviceType": "bulb", "attributes": {}, "model": None,
    "identity": "keys", "hosting": "task",
    "execution": "arn:aws:states:::execution:made:it", "restarts": 1, "replaced": ["arn:old"],
}  # fmt: skip
PROGRESS = {
    "verdict": "ROLL", "image": "sha256:2", "thingName": "lamp", "previous": "sha256:1",
    "taskArn": "arn:task",
    "rolled": 1, "skipped": 0, "remaining": 0,
}  # fmt: skip
PUT_BACK = {**PROGRESS, "verdict": "RESTORE", "back": "it runs the old one", "lost": "it is lost"}
RELEASED = {"verdict": "RELEASE", "reason": "odd", "certificateId": "c-1", "force": False}
ITEMS = {"items": ["one", "two"]}
FLEET = {
    "name": "office", "arrivingKey": "arriving.json", "leaving": 2, "leavingKey": "leaving.json",
}  # fmt: skip
WAIT_FOR_IT = {"verdict": "WAIT", "name": "office", "leaving": 0, "leavingKey": ""}

# By workflow: what is asked, what each function answers, and what the workflow then gives.
WELL: dict[str, tuple[Any, dict[str, list[Any]], dict[str, Any]]] = {
    "provision_device": (
        {"deviceType": "bulb"},
        {
            "CreateThing": [THING | MADE],
            "TakeTurn": [{"at": now()}],
            "CreateClaim": [{"claimCertificateId": "c-0"}],
            "CreateCertificate": [CERTIFICATE],
            "AttachPolicy": [{"policyName": "p"}],
            "WriteConfig": [{"endpoint": "e", "configUri": "s3://b/devices/lamp/config.json"}],
            "StartTask": [TASK],
            "SignRequest": SIGNED,
            "SettleClaim": SIGNED,
            "RecordStatus": [{"status": "ONLINE"}],
            "AwaitOwner": [{"status": "ONLINE"}],
            "CleanUp": [THING | {"status": "FAILED", "undone": True}],
        },
        {
            "thingName": "lamp", "deviceType": "bulb", "endpoint": "e", "taskArn": "arn:task",
            "clusterArn": "arn:cluster", "certificateId": "c-2", "configUri": "s3://b/devices/lamp/config.json",
            "status": "ONLINE", "result": "OK",
        },
    ),
    "deprovision_device": (
        THING,
        {"CleanUp": [THING | {"status": "TERMINATED", "undone": True}]},
        THING | {"status": "TERMINATED", "result": "OK"},
    ),
    "restart_device": (
        THING,
        {
            "ClaimRestart": [THING | CLAIMED],
            "TakeTurn": [{"at": now()}],
            "CreateCertificate": [CERTIFICATE],
            "AttachPolicy": [{"policyName": "p"}],
            "WriteConfig": [{"endpoint": "e", "configUri": "s3://b/devices/lamp/config.json"}],
            "StartTask": [TASK],
            "SignRequest": SIGNED,
            "RecordStatus": [{"status": "ONLINE"}],
            "FinishRestart": [{"certificateId": "c-2"}],
            "UndoRestart": [THING | {"again": False}],
            "GiveUp": [{"Error": "DeviceGivenUp", "Cause": "in vain"}],
        },
        THING | {
            "taskArn": "arn:task", "clusterArn": "arn:cluster", "certificateId": "c-2",
            "status": "ONLINE",
            "result": "OK",
        },
    ),
    "quarantine_device": (
        THING | {"reason": "odd"},
        {
            "ClaimQuarantine": [THING | {"verdict": "QUARANTINE", "reason": "odd"}],
            "IsolateDevice": [{"policyName": "q"}],
            "MarkShadow": [{"quarantine": True}],
            "DropConnection": [{"connection": "DELETED"}],
            "SettleQuarantine": [{"status": "QUARANTINED"}],
            "NotifySecurity": [{"messageId": "m"}],
            "UndoQuarantine": [THING | {"undone": True}],
        },
        THING | {"reason": "odd", "status": "QUARANTINED", "connection": "DELETED", "result": "OK"},
    ),
    "release_device": (
        THING,
        {
            "ClaimRelease": [THING | RELEASED],
            "RenewIdentity": [{"renewed": False}, {"renewed": True}],
            "ReadmitDevice": [{"policyName": "d"}],
            "MarkShadow": [{"quarantine": None}],
            "SettleQuarantine": [{"status": "ONLINE"}],
            "NotifySecurity": [{"messageId": "m"}],
            "UndoQuarantine": [THING | {"undone": True}],
        },
        THING | {"status": "ONLINE", "result": "OK"},
    ),
    "roll_devices": (
        {},
        {
            "NextDevice": [PROGRESS, {**PROGRESS, "thingName": "pump"}, {**PROGRESS,
            "verdict": "DONE"}],
            "RestartDevice": [RESTARTED],
            "PutBack": [PUT_BACK],
            "RestoreDevice": [RESTARTED],
        },
        {"image": "sha256:2", "rolled": 1, "skipped": 0, "remaining": 0, "result": "OK"},
    ),
    "provision_fleet": (
        ITEMS,
        {
            "PlanFleet": [FLEET | {"devices": 2, "arriving": 2, "tolerated": 0}],
            "ProvisionDevice": [{}],
            "DeprovisionDevice": [{}],
            "SettleFleet": [{"devices": 2, "missing": 0}],
            "UndoFleet": [{"ExecutionArn": "arn:removal"}],
        },
        {"name": "office", "devices": 2, "missing": 0, "result": "OK"},
    ),
    "remove_fleet": (
        ITEMS,
        {
            "PlanRemoval": [WAIT_FOR_IT, FLEET | {"verdict": "REMOVE"}],
            "DeprovisionDevice": [{}],
            "SettleFleet": [{"devices": 0, "missing": 0}],
        },
        {"name": "office", "devices": 0, "result": "OK"},
    ),
}  # fmt: skip
FIRST = {workflow: next(iter(answers)) for workflow, (_, answers, _) in WELL.items()}
UNDOING = {
    "provision_device": "CleanUp",
    "restart_device": "UndoRestart",
    "quarantine_device": "UndoQuarantine",
    "release_device": "UndoQuarantine",
    "roll_devices": "PutBack",
    "provision_fleet": "UndoFleet",
}
# Only with a key of its own, only with a claim, only when it is not virtual, only with a seat on a
# host, or when something has failed.
BY_ITS_OWN_KEY = ("SignRequest",)
BY_A_CLAIM = ("CreateClaim", "SettleClaim")
BY_ITS_OWNER = ("AwaitOwner",)
BY_A_SEAT = (("restart_device", "TakeTurn"),)
AFTER_A_FAILURE = (
    *("CleanUp", "UndoRestart", "UndoQuarantine", "GiveUp", "PutBack", "RestoreDevice"),
    "UndoFleet",
)
BAD = FunctionError("Injected", "injected for good")


def scenario(workflow: str, otherwise: Mapping[str, list[Any]], *, hasty: bool = False) -> Scenario:
    asked, answers, _ = WELL[workflow]
    return Scenario(workflow, asked, answers | dict(otherwise), hasty)


def by_its_own_key(workflow: str, otherwise: Mapping[str, list[Any]]) -> Scenario:
    first = FIRST[workflow]
    made = {**WELL[workflow][1][first][0], "identity": "csr"}
    return scenario(workflow, {first: [made], **otherwise})


def by_a_claim(otherwise: Mapping[str, list[Any]], method: str = "claim") -> Scenario:
    made = {**THING, **MADE, "identity": method}
    return scenario("provision_device", {"CreateThing": [made], **otherwise})


def on_a_host(workflow: str, otherwise: Mapping[str, list[Any]]) -> Scenario:
    """Such a device makes its own key."""
    first = FIRST[workflow]
    made = {**WELL[workflow][1][first][0], "identity": "csr", "hosting": "shared"}
    return scenario(workflow, {first: [made], **otherwise})


def by_its_owner(otherwise: Mapping[str, list[Any]]) -> Scenario:
    """Nothing runs for a device that is not virtual, and its request is there already."""
    made = {**THING, **MADE, "identity": "csr", "hosting": "none"}
    given: dict[str, list[Any]] = {"CreateThing": [made], "SignRequest": SIGNED[1:]}
    return scenario("provision_device", {**given, **otherwise})


def first_in_vain(workflow: str) -> dict[str, list[Any]]:
    """Every function fails once by a name that is tried again, after Lambda itself has had no room
    for it."""
    nested = ("RestartDevice", "RestoreDevice", *OF_AN_ITEM, "UndoFleet")
    return {
        name: [Throttled(), FunctionError("TransientError"), *answers]
        for name, answers in WELL[workflow][1].items()
        if name not in nested
        and not (workflow == "deprovision_device" and name in AFTER_A_FAILURE[1:])
    }


def failing(workflow: str, state: str) -> Scenario:
    otherwise: dict[str, list[Any]] = {state: [BAD]}
    if state in BY_ITS_OWN_KEY:
        return by_its_own_key(workflow, otherwise)
    if state in BY_A_CLAIM:
        return by_a_claim(otherwise)
    if state in BY_ITS_OWNER:
        return by_its_owner(otherwise)
    if (workflow, state) in BY_A_SEAT:
        return on_a_host(workflow, otherwise)
    if state == "GiveUp":
        otherwise[FIRST[workflow]] = [THING | CLAIMED | {"verdict": "GIVE_UP"}]
    elif state == "RestoreDevice":
        otherwise["RestartDevice"] = [FunctionError("DeviceBusy")]
    elif state in AFTER_A_FAILURE and workflow != "deprovision_device":
        otherwise[BEFORE[workflow]] = [FunctionError("FirstFault", "the first")]
    return scenario(workflow, otherwise)


# A state whose failure is undone.
BEFORE = {
    "provision_device": "StartTask",
    "restart_device": "StartTask",
    "roll_devices": "RestartDevice",
    "quarantine_device": "IsolateDevice",
    "release_device": "ReadmitDevice",
    "provision_fleet": "ProvisionDevice",
}

STATES = [
    (workflow, state)
    for workflow in WELL
    for state in dict.fromkeys(task_states(definition(workflow)["States"]))
]


def scenarios() -> dict[str, Scenario]:
    made = {f"{workflow}-well": scenario(workflow, first_in_vain(workflow)) for workflow in WELL}
    made |= {
        f"{name}-own-key": by_its_own_key(name, {})
        for name in ("provision_device", "restart_device")
    }
    in_vain = {name: first_in_vain("provision_device")[name] for name in BY_A_CLAIM}
    made |= {f"by-{method}": by_a_claim(in_vain, method) for method in CLAIMS}
    made["by-jitr"] = by_a_claim({"SettleClaim": in_vain["SettleClaim"]}, "jitr")
    made["by-jitr-own"] = scenario(
        "provision_device",
        {"CreateThing": [{**THING, **MADE, "identity": "jitr", "hosting": "none"}]},
    )
    made |= {
        f"{name}-on-a-host": on_a_host(name, {"TakeTurn": first_in_vain(name)["TakeTurn"]})
        for name in ("provision_device", "restart_device")
    }
    awaited = first_in_vain("provision_device")["AwaitOwner"]
    made["provision_device-own"] = by_its_owner({"AwaitOwner": awaited})
    made |= {f"{workflow}-fails-{state}": failing(workflow, state) for workflow, state in STATES}
    refused = [FunctionError("InvalidInput", "thingName: no")]
    made |= {
        f"{workflow}-refused": scenario(workflow, {FIRST[workflow]: refused}) for workflow in WELL
    }
    for workflow, state in (
        ("provision_device", "RecordStatus"),
        ("restart_device", "RecordStatus"),
    ):
        made[f"{workflow}-late"] = scenario(workflow, {state: [NO_ANSWER]}, hasty=True)
    made["roll_devices-put-back"] = scenario(
        "roll_devices", {"RestartDevice": [FunctionError("DeviceBusy")]}
    )
    return made


@pytest.fixture(scope="module")
def ended() -> Mapping[str, Ended]:
    """How each scenario ended. They run all at once."""
    told = scenarios()
    with lambda_api(told) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
        with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
            return run(told)


def test_every_workflow_is_tried() -> None:
    assert sorted(WELL) == sorted(WORKFLOWS.values())
    for workflow, (_, answers, _) in WELL.items():
        assert set(answers) == {state for name, state in STATES if name == workflow}


@pytest.mark.parametrize("workflow", WELL)
def test_a_workflow_ends_well_though_every_function_fails_first(ended: Any, workflow: str) -> None:
    """By name: none of the errors is one that States.ALL alone would have to catch."""
    end, (_, answers, output) = ended[f"{workflow}-well"], WELL[workflow]
    assert (end.status, end.output) == ("SUCCEEDED", output)
    for name in answers:
        usual = (workflow, name) not in BY_A_SEAT
        if usual and name not in (
            *BY_ITS_OWN_KEY, *BY_A_CLAIM, *BY_ITS_OWNER, *AFTER_A_FAILURE, *OF_AN_ITEM,
            "RestartDevice",
        ):  # fmt: skip
            assert end.calls[name] >= 3, name


@pytest.mark.parametrize("workflow", ["provision_device", "restart_device"])
def test_a_device_with_a_key_of_its_own_is_waited_for(ended: Any, workflow: str) -> None:
    end = ended[f"{workflow}-own-key"]
    assert (end.status, end.output) == ("SUCCEEDED", WELL[workflow][2])
    assert end.calls["SignRequest"] == 2


@pytest.mark.parametrize("method", CLAIMS)
def test_a_device_with_a_claim_is_waited_for(ended: Any, method: str) -> None:
    end = ended[f"by-{method}"]
    assert (end.status, end.output) == ("SUCCEEDED", WELL["provision_device"][2])
    assert (end.calls["CreateClaim"], end.calls["SettleClaim"]) == (3, 4)
    assert not end.calls.keys() & {"CreateCertificate", "AttachPolicy", "SignRequest"}


def test_a_device_of_an_authority_is_waited_for(ended: Any) -> None:
    end = ended["by-jitr"]
    assert (end.status, end.output) == ("SUCCEEDED", WELL["provision_device"][2])
    assert end.calls["SettleClaim"] == 4
    assert not end.calls.keys() & {
        "CreateCertificate",
        "AttachPolicy",
        "SignRequest",
        "CreateClaim",
    }


def test_one_that_is_not_virtual_comes_first_and_is_told_of_then(ended: Any) -> None:
    end = ended["by-jitr-own"]
    assert end.status == "SUCCEEDED", end
    assert end.output["certificateId"] == WELL["provision_device"][2]["certificateId"]
    assert end.output["taskArn"] == ""
    assert not end.calls.keys() & {"StartTask", "SignRequest", "CreateClaim"}
    assert list(end.calls).index("AwaitOwner") < list(end.calls).index("SettleClaim")


@pytest.mark.parametrize("workflow", ["provision_device", "restart_device"])
def test_a_device_on_a_host_waits_for_its_turn_and_makes_its_own_key(
    ended: Any, workflow: str
) -> None:
    end = ended[f"{workflow}-on-a-host"]
    assert (end.status, end.output) == ("SUCCEEDED", WELL[workflow][2])
    assert (end.calls["TakeTurn"], end.calls["SignRequest"]) == (3, 2)
    assert "CreateCertificate" not in end.calls


def test_a_device_that_is_not_virtual_gets_no_task(ended: Any) -> None:
    end, output = ended["provision_device-own"], WELL["provision_device"][2]
    assert (end.status, end.output) == ("SUCCEEDED", output | {"taskArn": "", "clusterArn": ""})
    assert (end.calls["SignRequest"], end.calls["AwaitOwner"]) == (1, 3)
    assert not {"StartTask", "RecordStatus", "CreateCertificate"} & set(end.calls)


@pytest.mark.parametrize(("workflow", "state"), STATES)
def test_a_state_that_fails_for_good(ended: Any, workflow: str, state: str) -> None:
    end = ended[f"{workflow}-fails-{state}"]
    if state == "NotifySecurity":  # Nobody is told; the device is where it should be.
        assert (end.status, end.output) == ("SUCCEEDED", WELL[workflow][2])
        return
    assert (end.status, end.error) == ("FAILED", error_of(workflow, state))
    assert end.calls[state] >= 1
    if undoing := UNDOING.get(workflow):
        never = state == "GiveUp" or (workflow == "roll_devices" and state == "NextDevice")
        assert end.calls[undoing] == (0 if never else 7 if state == undoing else 1)


def error_of(workflow: str, state: str) -> str:
    """The first error, except where the undoing has something to say."""
    if workflow == "roll_devices":
        return "RollStopped" if state.endswith("Device") and state != "NextDevice" else "Injected"
    return "FirstFault" if state == UNDOING.get(workflow) else "Injected"


def test_what_clean_up_leaves_is_told_beside_the_first_error(ended: Any) -> None:
    cause = ended["provision_device-fails-CleanUp"].cause
    assert "the first" in cause
    assert "AND CleanUp failed" in cause
    assert "injected for good" in cause


@pytest.mark.parametrize("workflow", WELL)
def test_refused_input_goes_straight_to_the_end(ended: Any, workflow: str) -> None:
    end = ended[f"{workflow}-refused"]
    assert (end.status, end.error) == ("FAILED", "InvalidInput")
    assert json.loads(end.cause)["errorMessage"] == "thingName: no"
    assert end.calls == {FIRST[workflow]: 1}


@pytest.mark.parametrize("workflow", ["provision_device", "restart_device"])
def test_a_device_that_does_not_come_ends_it_by_a_name_of_ours(ended: Any, workflow: str) -> None:
    """Names that begin with `States.` are AWS's own."""
    end = ended[f"{workflow}-late"]
    assert (end.status, end.error) == ("FAILED", "StepFailed")
    assert end.cause.startswith("States.Timeout: ")
    assert end.calls[UNDOING[workflow]] == 1


def test_a_device_that_does_not_come_up_goes_back(ended: Any) -> None:
    end = ended["roll_devices-put-back"]
    assert (end.status, end.error, end.cause) == ("FAILED", "RollStopped", "it runs the old one")
    assert end.calls["RestoreDevice"] == 1
