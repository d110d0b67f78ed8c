"""The life that the workflows live: made, restarted, confined and let out, removed."""

from proofs.life.life import Life


def by_workflow(life: Life) -> None:
    life.execute("provisioning", {"thingName": life.thing_name, "deviceType": "bulb"})
    life.wait("the device", lambda: "reported" in life.cloud.shadow(life.thing_name), life.refusal)
    stop_task(life)
    confine_and_let_out(life)
    life.write(task_token="nobody's")
    life.execute("deprovisioning", {"thingName": life.thing_name})


def stop_task(life: Life) -> None:
    """Somebody stops the device's task: the stack notices, and brings it back."""
    before = life.cloud.row(life.thing_name)
    life.cloud.client("ecs").stop_task(
        cluster=before["cluster_arn"], task=before["task_arn"], reason="Spot"
    )

    def back() -> bool:
        row = life.cloud.row(life.thing_name)
        return row["certificate_id"] != before["certificate_id"] and "restarting" not in row

    life.wait("restarting: RecordStatus", back, life.refusal)


def confine_and_let_out(life: Life) -> None:
    """Twice: the second time by force."""
    for how in ({}, {"force": True}):
        life.execute("quarantining", {"thingName": life.thing_name, "reason": "a test"})
        life.wait("quarantining: the device", lambda: life.has_reported("quarantine"), life.refusal)
        life.wait(
            "quarantining: presence",
            lambda: bool(life.cloud.row(life.thing_name)["presence_connected"]),
            life.refusal,
        )
        life.execute("releasing", {"thingName": life.thing_name, **how})
