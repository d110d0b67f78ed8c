"""Quarantine and release, state by state."""

import json
from typing import Any

from proofs.life.life import Life, numbers, sample


def quarantine_step_by_step(life: Life) -> None:
    """One that takes over from a dead one and is undone, one that is done; the same of releases."""
    iot, policy = life.cloud.client("iot"), f"life-{life.thing_name}"
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}],
    }
    dead, undone, done = (
        f"{sample('claim_quarantine')['execution'].rpartition(':')[0]}:{n}" for n in numbers()
    )
    asked = {"thingName": life.thing_name, "reason": "a test"}
    # The workflow goes on when nobody can be told.
    life.invoke("NotifySecurity", execution=done, event="QUARANTINED", reason="a test", input=asked)
    iot.create_policy(policyName=policy, policyDocument=json.dumps(document))
    certificate = life.cloud.row(life.thing_name)["certificate_arn"]
    iot.attach_policy(policyName=policy, target=certificate)
    life.invoke("ClaimQuarantine", input=asked, execution=dead)
    life.grow_old()
    for execution in (undone, done):
        life.invoke("ClaimQuarantine", input=asked, execution=execution)
        life.invoke("IsolateDevice", execution=execution)
        life.invoke("MarkShadow", execution=execution)
        if execution == undone:
            undoing = life.invoke("UndoQuarantine", input=asked, execution=execution)
            life.expect("UndoQuarantine", "it is undone", undoing["undone"])
    life.invoke("SettleQuarantine", execution=done)
    dead, undone, done = (
        f"{sample('claim_quarantine_of_release')['execution'].rpartition(':')[0]}:{n}"
        for n in numbers()
    )
    let_out: dict[str, Any] = {"thingName": life.thing_name, "force": True}
    life.invoke("ClaimQuarantine", purpose="release", input=let_out, execution=dead)
    life.grow_old()
    for execution in (undone, done):
        life.invoke("ClaimQuarantine", purpose="release", input=let_out, execution=execution)
        life.invoke("IsolateDevice", purpose="readmit", execution=execution)
        if execution == undone:
            undoing = life.invoke("UndoQuarantine", input=let_out, execution=execution)
            life.expect("UndoQuarantine", "it is confined again", undoing["undone"])
    life.invoke("MarkShadow", execution=done)
    life.invoke("SettleQuarantine", execution=done)
    iot.detach_policy(policyName=policy, target=certificate)
    iot.delete_policy(policyName=policy)
