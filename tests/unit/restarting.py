"""A device that was provisioned by the real functions, and its restart, state by state as the
workflow calls them.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devices.catalog import Catalog
from presence import presence
from provisioning import (
    attach_policy,
    clean_up,
    create_certificate,
    create_thing,
    record_status,
    start_task,
    write_config,
)
from restart import (
    claim_restart,
    finish_restart,
    task_stopped,
    undo_restart,
)
from tests.unit.built import built
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import CLUSTER, EXECUTION, REMOVAL, RESTART

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NOON = 1767268800000
THING = "lamp"
BY_HAND = {"thingName": THING}


@dataclass
class World:
    """The services that a restart works on, and one device in them."""

    catalog: Catalog
    iot: MemoryIot
    shadows: MemoryShadows
    ecs: MemoryEcs
    workflows: MemoryWorkflows
    s3: "S3Client"
    objects: Callable[[], dict[str, Any]]
    context: Any
    connections: int = 0

    @property
    def row(self) -> dict[str, Any]:
        """The device's row now."""
        return dict(self.catalog.row(THING) or {})

    def call(self, module: Any, **event: Any) -> Any:
        """One attempt of a function."""
        return built(module)(event, self.context)

    def provision(self, **asked: Any) -> None:
        """A device that is online."""
        given = {
            "thingName": THING,
            "deviceType": "bulb",
            "attributes": {"room": "kitchen"},
            **asked,
        }
        thing = self.call(create_thing, input=given, execution=EXECUTION)
        made = self.call(create_certificate, thingName=THING, execution=EXECUTION)
        self.call(attach_policy, thingName=THING, certificateArn=made["certificateArn"])
        self.call(write_config, thingName=thing["thingName"], input=given)
        task = self.call(start_task, thingName=THING, execution=EXECUTION)
        self.workflows.waiting.add("token")
        self.connect(made["certificateId"])
        certificate = made["certificateId"]
        recorded = {
            "thingName": THING,
            "execution": EXECUTION,
            "certificateId": certificate,
            "taskToken": "token",
        }
        self.call(record_status, **recorded, **task)

    def connect(self, certificate_id: str) -> None:
        """The broker says that the device has connected with this certificate."""
        self.connections += 1
        self._presence("connected", certificate_id, ipAddress="192.0.2.17")

    def disconnect(self, certificate_id: str) -> None:
        """The broker says that the latest connection is gone."""
        self._presence("disconnected", certificate_id, disconnectReason="CONNECTION_LOST")

    def _presence(self, kind: str, certificate_id: str, **more: str) -> None:
        self.call(
            presence,
            clientId=THING,
            timestamp=NOON + 10_000 * self.connections,
            eventType=kind,
            sessionIdentifier=f"session-{self.connections}",
            principalIdentifier=certificate_id,
            versionNumber=self.connections,
            **more,
        )

    def stop(self, reason: str = "Your Spot Task was interrupted.") -> str:
        """Somebody stops the device's task. Gives its ARN."""
        task_arn: str = self.row["task_arn"]
        self.ecs.stop_task(CLUSTER, task_arn, reason)
        self.disconnect(self.row["certificate_id"])
        return task_arn

    def tell(self, task_arn: str, reason: str = "Your Spot Task was interrupted.") -> str:
        """ECS's event about it. Gives what was done."""
        detail = {
            "taskArn": task_arn,
            "lastStatus": "STOPPED",
            "stopCode": "SpotInterruption",
            "stoppedReason": reason,
            "overrides": {
                "containerOverrides": [
                    {"environment": [{"name": "CONFIG_FILE_URL", "value": "SECRET"}]}
                ]
            },
        }
        done: str = self.call(task_stopped, detail=detail)["done"]
        return done

    def delete(self) -> Any:
        """The deprovisioning of the device."""
        return self.call(clean_up, input={"thingName": THING}, deprovisioning=REMOVAL)

    def set(self, **values: Any) -> None:
        """Write into the row as somebody who need not ask."""
        self.catalog.table.update_item(
            Key={"thing_name": THING},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def memory(self) -> Callable[[], None]:
        """Remembers everything; gives what brings it back."""
        doubles: tuple[Any, ...] = (self.iot, self.shadows, self.ecs, self.workflows)
        kept = copy.deepcopy([_data(double) for double in doubles])
        rows = self.catalog.table.scan()["Items"]

        def restore() -> None:
            for double, data in zip(doubles, copy.deepcopy(kept), strict=True):
                vars(double).update(data)
            for row in rows:
                self.catalog.table.put_item(Item=row)

        return restore

    def made(self) -> Mapping[str, Any]:
        """What there is of the device, in every service."""
        return {
            "things": sorted(self.iot.things),
            "certificates": sorted(self.iot.certificates),
            "shadows": dict(self.shadows.desired),
            "objects": sorted(self.objects()),
            "tasks": sorted(task.client_token for task in self.ecs.running()),
        }


def _data(double: Any) -> dict[str, Any]:
    return {
        name: value for name, value in vars(double).items() if isinstance(value, dict | set | list)
    }


@dataclass
class Restart:
    """One execution of the restart workflow; `step` runs its next state."""

    world: World
    asked: Mapping[str, Any]
    arn: str = RESTART
    data: dict[str, Any] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    STATES = ("claim", "renew", "attach", "config", "task", "wait", "finish")

    def run(self, until: str = "finish") -> "Restart":
        """All states to this one, as long as the verdict is to restart."""
        for name in self.STATES[len(self.done) : self.STATES.index(until) + 1]:
            self.step(name)
            if self.data["device"]["verdict"] != "RESTART":
                break
        return self

    def step(self, name: str) -> None:
        """One state; a device that was started connects before its state ends."""
        getattr(self, f"_{name}")()
        self.done.append(name)

    def undo(self, error: str = "Injected") -> bool:
        """What the workflow does when a state has failed. Gives whether it tries again."""
        failed = {
            "asked": dict(self.asked),
            **self.data,
            "error": {"Error": error, "Cause": "injected"},
        }
        again: bool = self.world.call(undo_restart, restart=self.arn, data=failed)["again"]
        self.done.clear()
        return again

    def give_up(self) -> Any:
        """What it does when the verdict says so."""
        return self.world.call(
            claim_restart, thingName=THING, restart=self.arn, reason=self.data["device"]["reason"]
        )

    def _claim(self) -> None:
        self.data["device"] = self.world.call(
            claim_restart, input=dict(self.asked), restart=self.arn
        )

    def _renew(self) -> None:
        self.data["certificate"] = self.world.call(
            create_certificate, thingName=THING, restart=self.arn
        )

    def _attach(self) -> None:
        arn = self.data["certificate"]["certificateArn"]
        self.world.call(attach_policy, thingName=THING, certificateArn=arn, existing=True)

    def _config(self) -> None:
        self.world.call(write_config, thingName=THING, restart=self.arn)

    def _task(self) -> None:
        device = {
            name: self.data["device"][name]
            for name in ("thingName", "execution", "restarts", "replaced")
        }
        self.data["task"] = self.world.call(start_task, **device, restart=self.arn)

    def _wait(self) -> None:
        token = f"token-{self.arn}-{self.data['device']['restarts']}"
        if "wait" not in self.data:
            self.world.workflows.waiting.add(token)
        self.data["wait"] = True
        task_arn = self.data["task"]["taskArn"]
        try:
            self.world.call(
                record_status, thingName=THING, restart=self.arn, taskArn=task_arn, taskToken=token
            )
        except Exception:
            self.world.workflows.waiting.discard(token)  # the state ends with its function
            raise

    def _finish(self) -> None:
        image = {"imageDigest": self.data["task"]["imageDigest"]}
        self.world.call(
            finish_restart, thingName=THING, restart=self.arn, **self.data["certificate"], **image
        )


def is_back(world: World, old: str, restart: Restart) -> None:
    """The same thing under a new certificate, and nothing of the old one."""
    row = world.row
    made = restart.data["certificate"]
    assert (row["status"], row["certificate_id"]) == ("ONLINE", made["certificateId"])
    assert row["certificate_id"] != old
    assert list(world.iot.certificates) == [made["certificateArn"]]
    assert world.iot.certificates[made["certificateArn"]].status == "ACTIVE"
    assert world.iot.certificates[made["certificateArn"]].policies == {"playground-device"}
    assert world.iot.things[THING].principals == {made["certificateArn"]}
    assert [task.started_by for task in world.ecs.running()] == [
        next(iter(world.ecs.tasks.values())).started_by
    ]
    assert row["task_arn"] == restart.data["task"]["taskArn"]
    assert "devices/lamp/identity.json" not in world.objects()
    leftovers = {
        "restarting",
        "next_certificate_id",
        "next_certificate_arn",
        "task_token",
        "identity_pending",
    }
    assert not row.keys() & (leftovers | {"status_reason", "certificate_requests"})
