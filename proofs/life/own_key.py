"""The life of a device that makes its key itself."""

import uuid

from proofs.life.life import Life, sample
from proofs.life.replaced_certificates import grow_old


def with_its_own_key(life: Life) -> None:
    """A device that makes its key itself, a retry that finds its certificate half-made, one that
    grows old, and one whose time is up.
    """
    execution = f"{sample('create_thing')['execution'].rpartition(':')[0]}:{uuid.uuid4()}"
    asked = {"thingName": life.thing_name, "deviceType": "bulb", "identity": "csr"}
    life.invoke("CreateThing", input=asked, execution=execution)
    bucket, request = (
        life.cloud.home.output("ConfigBucketName"),
        f"devices/{life.thing_name}/csr.pem",
    )
    s3 = life.cloud.client("s3")
    s3.put_object(Bucket=bucket, Key=request, Body=b"of the task before")

    def is_there() -> bool:
        return bool(s3.list_objects_v2(Bucket=bucket, Prefix=request)["KeyCount"])

    life.invoke("WriteConfig", input=asked)
    life.expect("WriteConfig", "the request of the task before is gone", not is_there())
    life.invoke("StartTask", execution=execution)
    life.wait("the device's request", is_there, life.refusal)
    life.is_refused("SignRequest", "is not held by", execution=f"{execution}-other")
    signed = life.invoke("SignRequest", execution=execution)
    life.wait("the device", lambda: life.has_connected(signed["certificateId"]), life.refusal)
    restart = f"{sample('claim_restart')['restart'].rpartition(':')[0]}:{uuid.uuid4()}"
    life.write(restarting=restart)
    half_made = life.leave_certificate_half_made("next_certificate")
    life.leave_confined(half_made)
    again = life.invoke("SignRequest", execution=execution, restart=restart)
    life.expect(
        "SignRequest", "the half-made certificate is the one", again["certificateId"] == half_made
    )
    life.expect("SignRequest", "it is free", not life.is_confined(half_made))
    grow_old(life)
    its_time_is_up(life)


def its_time_is_up(life: Life) -> None:
    """The stack removes it, although a dead execution has its row for that."""
    removal = life.cloud.home.output("DeprovisionDeviceStateMachineArn")
    dead = f"{removal.replace(':stateMachine:', ':execution:')}:{uuid.uuid4()}"
    life.write(deprovisioning=dead, expires_at="2026-01-02T03:04:05.678Z")
    life.grow_old()
    life.call("ExpireDevices", {})

    def gone() -> bool:
        row = life.cloud.row(life.thing_name)
        return row["status"] == "TERMINATED" and "expires_at" not in row

    life.wait("the removal of a device whose time is up", gone, life.refusal)
