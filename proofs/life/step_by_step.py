"""The life of a device step by step, on the sample events, with the detours that a smooth life
never takes.
"""

import json
import time
import uuid

from playground.images.images import Images
from proofs.life.audits import audited
from proofs.life.life import MODEL, Life, StepFailedError, sample
from proofs.life.quarantines import quarantine_step_by_step
from proofs.life.replaced_certificates import change_its_mind_about_a_certificate
from proofs.life.restarts import restart_step_by_step


def step_by_step(life: Life) -> None:
    execution = f"{sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
    asked = {"thingName": life.thing_name, "deviceType": "bulb"}
    life.is_refused("CreateCertificate", "is not held by", execution=execution)
    life.is_refused("RecordStatus", "is not held by", execution=execution)
    life.invoke("CreateThing", input=asked, execution=execution)
    lost = life.lose_certificate()
    half_made = life.leave_certificate_half_made()
    certificate = life.invoke("CreateCertificate", execution=execution)
    life.expect(
        "CreateCertificate",
        "the half-made certificate is gone",
        half_made not in life.certificates(),
    )
    life.invoke("AttachPolicy", certificateArn=certificate["certificateArn"])
    change_its_mind_about_a_certificate(life, certificate["certificateId"])
    life.invoke("WriteConfig", input={**asked, "model": MODEL})
    task = life.invoke("StartTask", execution=execution)
    # The device is faster than RecordStatus, which then has to answer the workflow itself.
    life.wait(
        "the device", lambda: life.cloud.row(life.thing_name)["status"] == "ONLINE", life.refusal
    )
    certified = {"certificateId": certificate["certificateId"], "execution": execution}
    recorded = life.invoke("RecordStatus", **task, **certified)
    life.expect("RecordStatus", "the device is online", recorded["status"] == "ONLINE")
    life.call("Sweep", {"dryRun": True, "olderThanSeconds": 0})
    misbehave(life, certificate["certificateId"])
    quarantine_step_by_step(life)
    link_with_a_switch(life)
    roll_step_by_step(life)
    audited(life)
    restart_step_by_step(life)
    life.grow_old()
    life.wait("sweep", lambda: swept(life, lost), lambda: "")
    removed_in_the_place_of_another(life, execution)
    life.wall.remove()
    life.call("Sweep", {"dryRun": True, "olderThanSeconds": 0})
    life.call("CountDevices", {})


def link_with_a_switch(life: Life) -> None:
    """A link that somebody spoils by hand and that is mended; it ends with the device's removal."""
    life.wall.hang()
    asked = {"action": "link", "thingName": life.wall.name, "target": life.thing_name}
    life.call("LinkDevices", asked)
    life.wall.spoil()
    life.expect(
        "LinkDevices",
        "the link is there",
        life.call("LinkDevices", asked)["links"] == [life.thing_name],
    )


def roll_step_by_step(life: Life) -> None:
    """A roll that has died holding the lock, one that takes over, and a device that does not come
    up.
    """
    # Two that have ended: whoever rolls next, in another life too, takes over from them.
    nobody = {"thingNames": ["nobody"]}
    dead, good = (life.cloud.execute("RollDevicesStateMachineArn", nobody).arn for _ in "12")
    images, ecr = Images(life.cloud.home), life.cloud.client("ecr")
    before = images.current() or ""
    found = ecr.batch_get_image(
        repositoryName=images.repository, imageIds=[{"imageDigest": before}]
    )["images"][0]
    manifest, media_type = found["imageManifest"], found["imageManifestMediaType"]
    images.put(manifest + " ", media_type, images.tag)
    try:
        life.invoke("NextDevice", input={"thingNames": [life.thing_name]}, roll=dead, progress={})
        progress = life.invoke("NextDevice", input={}, roll=good, progress={})
        life.expect("NextDevice", "the device is next", progress["thingName"] == life.thing_name)
        judged = life.invoke(
            "PutBack", roll=good, progress={**progress, "taskArn": "one that has failed"}
        )
        life.expect("PutBack", "the device is to be restarted", judged["verdict"] == "RESTORE")
        life.expect("PutBack", "the tag is given back", images.current() == before)
    finally:
        images.put(manifest, media_type, images.tag)


def misbehave(life: Life, certificate_id: str) -> None:
    """What is seen once, and what is counted."""
    now = int(time.time() * 1000)
    seen = {"principal": certificate_id, "client_id": life.thing_name, "at": now}
    told = life.invoke("Detect", **seen, evidence=str(uuid.uuid4()))
    life.expect("Detect", "a tampered device is found", told["findings"])
    message = {**seen, "topic": f"dt/playground/{life.thing_name}/telemetry"}
    flood = [
        {"eventSource": "aws:sqs", "body": json.dumps({**message, "evidence": str(n)})}
        for n in range(100)
    ]
    life.expect("Detect", "a flood is found", life.call("Detect", {"Records": flood})["findings"])


def removed_in_the_place_of_another(life: Life, execution: str) -> None:
    """By an execution that finds the device taken by a dead one, while a workflow waits for the
    device.
    """
    removal = execution.replace("-provision-device:", "-deprovision-device:")
    life.write(deprovisioning=f"{removal}-dead", task_token="nobody waits with this token")
    life.grow_old()
    undone = life.call(
        "CleanUp", {"input": {"thingName": life.thing_name}, "deprovisioning": removal}
    )
    life.expect("CleanUp", "the device is removed", undone["undone"])


NO_ANSWER = "Connection was closed before we received a valid response"
"""The next sweep, a quarter of an hour later, would try it again."""


def swept(life: Life, certificate_id: str) -> bool:
    for found in life.call("Sweep", {"olderThanSeconds": 0})["findings"]:
        if found["outcome"] == "failed" and NO_ANSWER not in found["error"]:
            raise StepFailedError("step by step: Sweep", found["error"])
    return certificate_id not in life.certificates()
