"""A device that shares a host's task: the host is made for it, is brought back with it, and is
removed when it has no device.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proofs.life.by_workflow import stop_task
from proofs.life.life import Life, sample
from tests.census import hosts
from tests.playground_cloud import wait_for

HOSTED: Mapping[str, Any] = {"deviceType": "bulb", "hosting": "shared"}


def on_a_host(life: Life) -> None:
    """By the workflows, and then a restart that dies with its seat, one that takes over, and one
    that is undone.
    """
    life.execute("provisioning", {"thingName": life.thing_name, **HOSTED})
    host = _host_of(life.cloud.row(life.thing_name)["task_arn"])
    life.wait("the host", lambda: life.cloud.row(host).get("status") == "ONLINE", life.refusal)
    life.execute("restarting", {"thingName": life.thing_name})
    # The host's task: the host comes back, and the device with it.
    before = life.cloud.row(life.thing_name)["certificate_id"]
    stop_task(replace(life, thing_name=host))
    life.wait("the host's device", lambda: _is_back(life, before), life.refusal)
    _restart_step_by_step(life)
    life.execute("restarting", {"thingName": life.thing_name})
    told = _told(life, host)
    life.execute("deprovisioning", {"thingName": life.thing_name})
    # Also that it is to be looked at again when its time is over.
    life.wait("the host to be told", lambda: _is_over(life, host, told), life.refusal)
    _swept(life)


def forget_hosts(life: Life) -> None:
    """Remove those that are left, whatever became of them."""
    for host in hosts(life.cloud):
        if life.cloud.row(host):
            life.cloud.deprovision(host)
        life.call("TellHosts", {"host": host, "madeBy": "nobody", "gone": True})
    wait_for("no host", lambda: not hosts(life.cloud))


def _restart_step_by_step(life: Life) -> None:
    dead, good = (
        f"{sample('claim_restart')['restart'].rpartition(':')[0]}:{uuid.uuid4()}" for _ in "12"
    )
    claimed = life.invoke("ClaimRestart", input={"thingName": life.thing_name}, restart=dead)
    told = {name: claimed[name] for name in ("execution", "restarts", "hosting", "deviceType")}
    life.invoke("WriteConfig", restart=dead)
    asked: dict[str, Any] = {**told, "restart": dead, "replaced": claimed["replaced"]}
    lost = life.invoke("StartTask", **asked)["taskArn"]
    # One that has listed the seat and died before it gave it back.
    asked |= {"restart": good, "replaced": [lost]}
    found = life.invoke("StartTask", **asked)["taskArn"]
    life.expect("StartTask", "it has another seat", found != lost)
    host = _host_of(found)
    detail = {
        **sample("task_stopped")["detail"],
        "group": f"host:{host}",
        "stoppedReason": "the playground restarts this device",
        "stoppedAt": "2999-01-01T00:00:00.000Z",
    }
    life.invoke("TaskStopped", detail=detail)
    data = {
        **sample("undo_restart")["data"],
        "asked": {"thingName": life.thing_name},
        "device": claimed,
    }
    undone = life.invoke("UndoRestart", restart=dead, data=data)
    life.expect("UndoRestart", "it is undone", undone["again"])


def _swept(life: Life) -> None:
    """The sweep finds the host that has no device before its time is over."""

    def gone() -> bool:
        life.call("Sweep", {"olderThanSeconds": 0})
        return not hosts(life.cloud)

    life.wait("the sweep of a host", gone, life.refusal)
    wait_for("the end of its removal", lambda: not life.cloud.running())


def _host_of(handle: str) -> str:
    return handle.split("/")[1]


def _told(life: Life, host: str) -> Any:
    return life.cloud.shadow(host)["desired"]["manifest"]["version"]


def _is_over(life: Life, host: str, told: Any) -> bool:
    """Whether the host has heard that its device has left. It may be gone by now: a life before has
    left it without a device, too, and its time is over.
    """
    return host not in hosts(life.cloud) or _told(life, host) != told


def _is_back(life: Life, before: str) -> bool:
    row = life.cloud.row(life.thing_name)
    anew = row["certificate_id"] != before and row["status"] == "ONLINE"
    return anew and "restarting" not in row
