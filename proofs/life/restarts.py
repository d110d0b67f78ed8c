"""Restarts, state by state."""

import uuid
from collections.abc import Mapping
from typing import Any

from proofs.life.life import MODEL, Life, sample


def restart_step_by_step(life: Life) -> None:
    """A restart that dies, one that takes over and succeeds, one that is undone, one that gives
    up.
    """
    dead, good, undone, last = (
        f"{sample('claim_restart')['restart'].rpartition(':')[0]}:{uuid.uuid4()}" for _ in "1234"
    )
    row = life.cloud.row(life.thing_name)
    life.write(task_token="nobody's")
    detail = {**sample("task_stopped")["detail"], "taskArn": row["task_arn"]}
    told = life.invoke("TaskStopped", detail=detail)
    life.expect("TaskStopped", "nobody waits", told["done"] == "IGNORED")
    life.erase("task_token")
    _, certificate = begin_restart(life, dead)
    # Its device's presence would make the row young again.
    life.wait("the device", lambda: life.has_connected(certificate["certificateId"]), life.refusal)
    life.grow_old()
    claimed = life.invoke("ClaimRestart", input={"thingName": life.thing_name}, restart=good)
    half_made = life.leave_certificate_half_made("next_certificate")
    certificate = life.invoke("CreateCertificate", restart=good)
    life.expect(
        "CreateCertificate",
        "the half-made certificate is gone",
        half_made not in life.certificates(),
    )
    task = run_task(life, good, certificate, claimed)
    life.wait("the device", lambda: life.has_connected(certificate["certificateId"]), life.refusal)
    awaited = life.invoke("RecordStatus", restart=good, taskArn=task["taskArn"])
    life.expect("RecordStatus", "the device is online", awaited["status"] == "ONLINE")
    life.is_refused("RecordStatus", "is not held by", restart=dead, taskArn=task["taskArn"])
    life.invoke("FinishRestart", restart=good, **certificate)
    claimed, _ = begin_restart(life, undone)
    data = {
        **sample("undo_restart")["data"],
        "asked": {"thingName": life.thing_name},
        "device": claimed,
    }
    life.expect(
        "UndoRestart",
        "it is undone",
        life.invoke("UndoRestart", restart=undone, data=data)["again"],
    )
    life.invoke("ClaimRestart", input={"thingName": life.thing_name}, restart=last)
    life.invoke("ClaimRestart", thingName=life.thing_name, restart=last, reason="in vain")


def begin_restart(life: Life, restart: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Claim, certificate, config, task. Gives what ClaimRestart and CreateCertificate gave."""
    claimed = life.invoke("ClaimRestart", input={"thingName": life.thing_name}, restart=restart)
    certificate = life.invoke("CreateCertificate", restart=restart)
    run_task(life, restart, certificate, claimed)
    return claimed, certificate


def run_task(
    life: Life, restart: str, certificate: Mapping[str, str], claimed: Mapping[str, Any]
) -> dict[str, Any]:
    asked = {name: claimed[name] for name in ("execution", "restarts", "replaced")}
    life.leave_confined(certificate["certificateId"])
    life.invoke("AttachPolicy", certificateArn=certificate["certificateArn"], existing=True)
    life.expect("AttachPolicy", "it is free", not life.is_confined(certificate["certificateId"]))
    life.invoke("WriteConfig", restart=restart)
    life.expect("WriteConfig", "the model is found", life.config().get("model") == MODEL)
    return life.invoke("StartTask", restart=restart, **asked)
