"""A device that installs firmware, on a bench: what it downloads and every crash is the test's to
make.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.unit.doubles.image_server import ImageServer
from tests.unit.doubles.report import Said
from tests.unit.doubles.surroundings import Device
from virtual_device.connection.transport import Failure
from virtual_device.firmware import image as firmware
from virtual_device.firmware.slots import Installed, Slots, as_slots
from virtual_device.jobs.operation import Job
from virtual_device.jobs.update_firmware import KIND, UpdateFirmware
from virtual_device.state.store import FIRMWARE_FILE, Store
from virtual_device.telemetry.thing import Thing

IMAGE: dict[str, Any] = {
    "version": "2.0.0",
    "model": {"telemetry": {"volts": {"constant": 3.3}}},
    "selfTest": {"volts": {"min": 3, "max": 4}},
}
CONTENT = json.dumps(IMAGE, indent=2).encode()
OLD = Installed("1.0.0", "0" * 64, firmware.parse({**IMAGE, "version": "1.0.0"}).model)
DOCUMENT: dict[str, Any] = {
    "version": "2.0.0",
    "url": "https://bucket.example/firmware/2.0.0.json?X-Amz-Signature=SIGNED",
    "size": len(CONTENT),
    "sha256": sha256(CONTENT).hexdigest(),
}


class Bench:
    """A device that runs 1.0.0, and a job that brings 2.0.0."""

    def __init__(self, folder: Path, server: ImageServer) -> None:
        self.store = Store(folder)
        self.server = server
        self.device = self.switch_on()
        self.device.firmware.keep(Slots(OLD))
        self.report = Said()

    def switch_on(self) -> Device:
        """The process starts, anew if it ran."""
        self.device = Device(
            Thing("dev-TEST", "bulb"), store=self.store, sources=self.server.sources
        )
        return self.device

    def begin(
        self, details: dict[str, str] | None = None, job_id: str = "job-1", **changes: Any
    ) -> UpdateFirmware:
        document = {**DOCUMENT, "url": self.server.url(), **changes}
        self.report = Said()
        job = Job(job_id, KIND.name, KIND.parse(document, self.device), details or {})
        operation = KIND.make(job, self.device, self.report)
        assert isinstance(operation, UpdateFirmware)
        operation.start()
        return operation

    def download(self) -> None:
        """Let the download take place."""
        self.device.works.pop(0)()

    def up(self, failure: Failure | None = None) -> None:
        """The device has come up with what it was started with last, or hasn't."""
        self.device.restarts[-1].started(failure)

    def run(self, **changes: Any) -> UpdateFirmware:
        operation = self.begin(**changes)
        self.download()
        return operation

    @property
    def in_force(self) -> str | None:
        """What the next start of the process would find in force, and what is in force now: one and
        the same.
        """
        document = self.store.load_document("dev-TEST", FIRMWARE_FILE)
        assert document is not None
        stored = as_slots(document).current
        assert stored == self.device.firmware.slots.current
        return self.device.firmware.version

    def assert_refused(self, code: str) -> str:
        """It has ended so, and nothing was started."""
        ((end, found, reason),) = self.report.ends
        assert (end, found) == ("failed", code)
        assert self.in_force == "1.0.0"
        assert self.device.restarts == []
        assert self.device.facts == {}
        assert "SIGNED" not in reason
        return reason


def raising(error: Exception) -> Callable[..., bytes]:
    def fetch(*_: object, **__: object) -> bytes:
        raise error

    return fetch
