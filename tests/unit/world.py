"""A device half-made or whole, in the services' doubles: everything that it may leave behind."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devices.catalog import Catalog
from provisioning import (
    attach_policy,
    create_certificate,
    create_thing,
    record_status,
    start_task,
    write_config,
)
from tests.unit.built import built
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import CLUSTER, EXECUTION

STAGES = ("nothing", "claim", "thing", "certificate", "policy", "config", "task", "status")


@dataclass
class World:
    """Everything that a device may leave behind."""

    iot: MemoryIot
    shadows: MemoryShadows
    ecs: MemoryEcs
    workflows: MemoryWorkflows
    catalog: Catalog
    objects: Callable[[], dict[str, Any]]
    context: Any

    def provision(
        self,
        name: str,
        execution: str = EXECUTION,
        until: str = "status",
        device_type: str = "bulb",
    ) -> None:
        """The workflow's steps, up to a stage."""
        steps: dict[str, Callable[[], Any]] = {
            "nothing": lambda: None,
            "claim": lambda: self.catalog.claim(name, device_type, execution),
            "thing": lambda: built(create_thing)(
                {"input": {"thingName": name, "deviceType": device_type}, "execution": execution},
                self.context,
            ),
            "certificate": lambda: built(create_certificate)(
                {"thingName": name, "execution": execution}, self.context
            ),
            "policy": lambda: built(attach_policy)(
                {"thingName": name, "certificateArn": self.row(name)["certificate_arn"]},
                self.context,
            ),
            "config": lambda: built(write_config)(
                {"thingName": name, "input": {"deviceType": device_type}}, self.context
            ),
            "task": lambda: built(start_task)(
                {"thingName": name, "execution": execution}, self.context
            ),
            "status": lambda: built(record_status)(
                {
                    "thingName": name,
                    "execution": execution,
                    "certificateId": self.row(name)["certificate_id"],
                    "taskArn": next(iter(self.ecs.tasks)),
                    "clusterArn": CLUSTER,
                    "taskToken": "token",
                },
                self.context,
            ),
        }
        for stage in STAGES[: STAGES.index(until) + 1]:
            steps[stage]()

    def row(self, name: str) -> dict[str, Any]:
        return dict(self.catalog.row(name) or {})

    def remains(self) -> dict[str, Any]:
        """All that is there now except the catalog."""
        return {
            "things": copy.deepcopy(self.iot.things),
            "certificates": copy.deepcopy(self.iot.certificates),
            "shadows": copy.deepcopy(self.shadows.desired),
            "tasks": [task.started_by for task in self.ecs.running()],
            "objects": self.objects(),
        }


NOTHING: dict[str, Any] = {
    "things": {},
    "certificates": {},
    "shadows": {},
    "tasks": [],
    "objects": {},
}
