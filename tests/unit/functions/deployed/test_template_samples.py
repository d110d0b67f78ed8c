"""The sample events are what the functions and the workflows take."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from auditing.audit import AuditRequest
from auditing.notification import Notification
from certificates.message import CertificateMessage
from certificates.signing import SigningRequest
from common.fleet_wish import FleetWish
from fleets.plan_removal import RemovalRequest
from hosting.device_tasks import OWN_REASONS as STOP_REASONS
from links.request import LinkRequest
from playground.local.task_events import OWN_REASONS
from presence.presence import PresenceEvent
from provisioning.admit_device import AdmissionRequest
from provisioning.await_device import AwaitRequest
from provisioning.clean_up import CleanUpRequest
from provisioning.create_thing import ThingRequest
from provisioning.leftovers import Leftover
from provisioning.record_status import StatusRequest
from provisioning.start_task import TaskRequest
from provisioning.write_config import ConfigRequest
from quarantine.notify_security import Notice
from quarantine.renew_identity import RenewalRequest
from quarantine.request import HeldDevice, QuarantineRequest, ReleaseRequest
from quarantine.undo_quarantine import UndoRequest as UndoQuarantineRequest
from restart import task_stopped
from restart.decision import RestartRequest
from restart.finish_restart import FinishRequest
from restart.give_up import GiveUpRequest
from restart.undo_restart import UndoRequest
from rolling.next_device import NextRequest
from rolling.progress import checked_names
from rolling.put_back import PutBackRequest
from sweeping.sweep import SweepRequest
from tests.unit.template import FUNCTIONS, ROOT, WORKFLOWS, module_of

# Samples of what AWS itself sends to a function that has a sample of its own.
EVENTS = {"execution_ended": CleanUpRequest}
TOLD_BY_AWS = {"audit_notification", "admit_certificate"}  # of no single thing, or none yet
PARSERS: dict[str, Any] = {
    "admit_device": AdmissionRequest,
    "clean_up": CleanUpRequest,
    "create_thing": ThingRequest,
    "issue_next_certificate": CertificateMessage,
    "presence": PresenceEvent,
    "record_status": StatusRequest,
    "settle_claim": SigningRequest,
    "settle_next_certificate": CertificateMessage,
    "sign_request": SigningRequest,
    "write_config": ConfigRequest,
    "start_task": TaskRequest,
    "claim_restart": RestartRequest,
    "finish_restart": FinishRequest,
    "undo_restart": UndoRequest,
    "link_devices": LinkRequest,
    "next_device": NextRequest,
    "put_back": PutBackRequest,
    "claim_quarantine": QuarantineRequest,
    "isolate_device": HeldDevice,
    "mark_shadow": HeldDevice,
    "drop_connection": HeldDevice,
    "settle_quarantine": HeldDevice,
    "notify_security": Notice,
    "undo_quarantine": UndoQuarantineRequest,
    "renew_identity": RenewalRequest,
}
# Second samples of functions that serve two workflows.
OF_ANOTHER_WORKFLOW: dict[str, Any] = {
    "claim_quarantine_of_release": ReleaseRequest,
    "claim_restart_to_give_up": GiveUpRequest,
    "isolate_device_of_release": HeldDevice,
    "record_status_of_restart": AwaitRequest,
    "write_config_of_restart": ConfigRequest,
}
WITHOUT_A_PARSER = {"create_certificate_of_restart"}
# Their samples name the device in hand.
OF_A_ROLL = ("next_device", "put_back")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_named_like_its_module_its_handler_and_its_sample(function: str) -> None:
    # given
    module = module_of(FUNCTIONS[function])
    # then
    assert function == module.title().replace("_", "") + "Function"
    assert (
        (ROOT / "functions" / Path(*FUNCTIONS[function]["Handler"].split(".")[:-1]))
        .with_suffix(".py")
        .is_file()
    )
    assert isinstance(json.loads((ROOT / "events" / f"{module}.json").read_text()), dict)


def test_no_sample_is_left_over() -> None:
    samples = {path.stem for path in (ROOT / "events").iterdir()}
    workflows = {name.partition(".")[0] for name in WORKFLOWS}
    assert (
        samples
        == {module_of(function) for function in FUNCTIONS.values()}
        | workflows
        | set(EVENTS)
        | TOLD_BY_AWS
        | OF_ANOTHER_WORKFLOW.keys()
        | WITHOUT_A_PARSER
    )


@pytest.mark.parametrize("module", [*PARSERS, *EVENTS, *OF_ANOTHER_WORKFLOW])
def test_a_sample_is_what_its_function_takes(module: str) -> None:
    # when
    parsed = (PARSERS | EVENTS | OF_ANOTHER_WORKFLOW)[module].from_event(
        json.loads((ROOT / "events" / f"{module}.json").read_text())
    )
    # then
    assert parsed
    assert (parsed.progress if module in OF_A_ROLL else parsed).thing_name == "dev-SAMPLE"


def test_the_samples_of_fleets_are_what_their_functions_and_workflows_take() -> None:
    # given
    names = ("plan_fleet", "provision_fleet", "plan_removal", "remove_fleet")
    planned, file, removed, asked = (
        json.loads((ROOT / "events" / f"{name}.json").read_text()) for name in names
    )
    # then
    assert FleetWish.of(planned["input"]) == FleetWish.of(file)
    assert RemovalRequest.from_event(removed).name == asked["name"] == file["name"]


def test_the_sweeps_sample_changes_nothing() -> None:
    assert SweepRequest.from_event(json.loads((ROOT / "events" / "sweep.json").read_text())).dry_run


def test_the_audits_samples_are_what_their_functions_take() -> None:
    # given
    asked, told, notified = (
        json.loads((ROOT / "events" / f"{name}.json").read_text())
        for name in ("audit", "process_finding", "audit_notification")
    )
    # then
    assert AuditRequest.from_event(asked).checks == tuple(asked["checks"])
    assert Notification.from_event(told) == Notification(("iot-playground-device",), ())
    assert Notification.from_event(notified) == Notification(
        (), ("4e2bcd1ccbc2a5dd15292a82ab80c380",)
    )


def test_every_parser_has_a_sample() -> None:
    modules = [function["Handler"].rpartition(".")[0] for function in FUNCTIONS.values()]
    with_parser = {
        module.rpartition(".")[2]
        for module in modules
        for value in vars(importlib.import_module(module)).values()
        if hasattr(value, "from_event") and value is not Leftover
    }
    assert with_parser == (
        PARSERS.keys()
        | {
            "admit_certificate",
            "task_stopped",
            "sweep",
            "audit",
            "process_finding",
            "rotate_certificates",
            "plan_removal",
        }
    )


def test_a_certificate_message_reaches_its_function_as_the_function_takes_it() -> None:
    # given
    topics = {"IssueNextCertificate": {"create"}, "SettleNextCertificate": {"confirm", "abandon"}}
    for name, requests in topics.items():
        rules = [event["Properties"] for event in FUNCTIONS[f"{name}Function"]["Events"].values()]
        sample = json.loads(
            (ROOT / "events" / f"{module_of(FUNCTIONS[f'{name}Function'])}.json").read_text()
        )
        # then
        assert {rule["Sql"].rpartition(" ")[2].strip("'") for rule in rules} == {
            f"cmd/playground/+/certificate/{request}" for request in requests
        }
        for rule in rules:
            assert set(re.findall(r"AS (\w+)", rule["Sql"])) == sample.keys()


def test_the_sample_of_a_stopped_task_is_one_that_the_rule_lets_pass() -> None:
    # given
    event = json.loads((ROOT / "events" / "task_stopped.json").read_text())
    rule = FUNCTIONS["TaskStoppedFunction"]["Events"]["TaskStoppedRule"]["Properties"]["Pattern"]
    # then
    assert event["source"] in rule["source"]
    assert event["detail-type"] in rule["detail-type"]
    assert event["detail"]["lastStatus"] in rule["detail"]["lastStatus"]
    assert rule["detail"]["stoppedReason"] == [{"anything-but": list(STOP_REASONS)}]
    assert OWN_REASONS == STOP_REASONS
    assert task_stopped.StoppedTask.from_event(event).reason == (
        "task stopped: SpotInterruption: Your Spot Task was interrupted."
    )


def test_the_workflows_samples_are_valid_input() -> None:
    provision = json.loads((ROOT / "events" / "provision_device.json").read_text())
    deprovision = json.loads((ROOT / "events" / "deprovision_device.json").read_text())
    assert (
        ThingRequest.from_event({"input": provision, "execution": "arn"}).thing_name == "dev-SAMPLE"
    )
    assert CleanUpRequest.deprovision(deprovision, "arn").thing_name == "dev-SAMPLE"
    restart = json.loads((ROOT / "events" / "restart_device.json").read_text())
    assert (
        RestartRequest.from_event({"input": restart, "restart": "arn"}).thing_name == "dev-SAMPLE"
    )
    roll = json.loads((ROOT / "events" / "roll_devices.json").read_text())
    assert checked_names(roll) == ("dev-SAMPLE",)
