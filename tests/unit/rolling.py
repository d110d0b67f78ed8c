"""Devices that run, and a roll of them, state by state as the workflow calls its functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devices.catalog import Catalog
from rolling import next_device, put_back
from tests.unit.built import built
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import CLUSTER, EXECUTION, IMAGE_TAG, ROLL

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

STATES = ("NextDevice", "RestartDevice", "PutBack", "RestoreDevice")


@dataclass
class Fleet:
    """The services that a roll works on. `restart` stands for the restart workflow."""

    catalog: Catalog
    turns: "Table"
    ecr: MemoryEcr
    workflows: MemoryWorkflows
    context: Any
    broken: set[str] = field(default_factory=set)
    """Digests of images that do not come up."""
    restarted: list[tuple[str, str, bool]] = field(default_factory=list)
    """Device, image and `once` of each restart."""
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What somebody else does just before a device is restarted."""

    def add(self, name: str, **values: Any) -> None:
        """A device that is online with the image that is current."""
        row = {
            "thing_name": name,
            "device_type": "generic",
            "execution_arn": EXECUTION,
            "status": "ONLINE",
            "task_arn": f"{CLUSTER}/{name}-0",
            "certificate_id": f"{name}-0",
            "image_digest": self.current,
        }
        row = {key: value for key, value in (row | values).items() if value is not None}
        self.catalog.table.put_item(Item=row)

    def row(self, name: str) -> dict[str, Any]:
        """The device's row now."""
        return dict(self.catalog.row(name) or {})

    def set(self, name: str, *remove: str, **values: Any) -> None:
        """Write into the row as somebody who need not ask."""
        row = {key: value for key, value in (self.row(name) | values).items() if key not in remove}
        self.catalog.table.put_item(Item=row)

    @property
    def current(self) -> str:
        """What new tasks run."""
        return self.ecr.tags[IMAGE_TAG]

    def images(self) -> dict[str, str]:
        """The image of each device that has one."""
        rows = self.catalog.table.scan()["Items"]
        return {str(row["thing_name"]): str(row.get("image_digest", "")) for row in rows}

    def restart(self, name: str, *, once: bool) -> bool:
        """The restart workflow, as far as a roll sees it: refused, undone, given up, or done."""
        self.meanwhile.pop(name, lambda: None)()
        row = self.row(name)
        if (
            not row
            or row["status"] not in ("ONLINE", "OFFLINE")
            or {"restarting", "deprovisioning"} & row.keys()
        ):
            return False
        image = self.current
        self.restarted.append((name, image, once))
        if image in self.broken:
            status = {"status": "OFFLINE"} if once else {"status": "FAILED", "given_up_at": "now"}
            self.set(
                name, "task_arn", status_reason="restart failed: TaskStopped: exit code 2", **status
            )
            return False
        number = len(self.restarted)
        arn, certificate = f"{CLUSTER}/{name}-{number}", f"{name}-{number}"
        self.set(
            name,
            "status_reason",
            status="ONLINE",
            task_arn=arn,
            certificate_id=certificate,
            image_digest=image,
        )
        return True


@dataclass
class Roll:
    """One execution of the roll workflow."""

    fleet: Fleet
    asked: Mapping[str, Any] = field(default_factory=dict)
    arn: str = ROLL
    progress: dict[str, Any] = field(default_factory=dict)

    def next(self) -> dict[str, Any]:
        """State NextDevice; a repetition changes nothing."""
        event = {"input": dict(self.asked), "roll": self.arn, "progress": dict(self.progress)}
        found: dict[str, Any] = built(next_device)(event, self.fleet.context)
        assert built(next_device)(event, self.fleet.context) == found
        self.progress = found
        return found

    def put_back(self) -> dict[str, Any]:
        """State PutBack, twice."""
        event = {"roll": self.arn, "progress": dict(self.progress)}
        found: dict[str, Any] = built(put_back)(event, self.fleet.context)
        assert built(put_back)(event, self.fleet.context) == found
        self.progress = found
        return found

    def run(self) -> str:
        """To the end; gives the cause of the failure, empty when there is none."""
        while self.next()["verdict"] == "ROLL":
            if self.fleet.restart(self.progress["thingName"], once=True):
                continue
            verdict = self.put_back()["verdict"]
            if verdict == "GO_ON":
                continue
            if verdict == "RESTORE" and self.fleet.restart(self.progress["thingName"], once=False):
                return str(self.progress["back"])
            return str(self.progress["lost"])
        return ""
