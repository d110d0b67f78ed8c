"""What the checks of one run share: the home, two devices of their own, and what is to be cleaned
up."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from playground.devices.devices import Devices
from playground.devices.workflows import DEPROVISION, PROVISION, Workflow
from playground.errors import PlaygroundError, UnknownDeviceError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.images.images import Images
from playground.messages.watch import Message, Watcher

ROW_SECONDS = 30.0
"""Longer than the first state takes, with a cold start."""


class Differs(PlaygroundError):  # noqa: N818 - what the check says, not a fault of the command
    """What was seen is not what should be seen."""


@dataclass
class Trial:
    """One run; `first` and `second` are names of devices that are nobody else's."""

    home: Home
    paths: Paths
    first: str = field(default_factory=lambda: f"selfcheck-{secrets.token_hex(4)}")
    second: str = field(default_factory=lambda: f"selfcheck-{secrets.token_hex(4)}")
    begun: list[str] = field(default_factory=list)
    """Names whose provisioning was started: an interrupted one goes on without us."""
    image_before: str | None = None
    image_made: str | None = None

    @property
    def devices(self) -> Devices:
        """Of the home."""
        return Devices(self.home)

    @property
    def on_aws(self) -> bool:
        """Whether this is AWS itself."""
        return self.home.kind == "aws"

    def wait(self, what: str, done: Callable[[], Any], limit: float) -> Any:
        """The first true answer. Raises Differs when there is none in so many seconds."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if found := done():
                return found
            time.sleep(max(self.home.poll, 0.1))
        raise Differs(f"{what}: not within {limit:.0f} s")

    @contextmanager
    def other_sources(self) -> Iterator[Path]:
        """A copy of `device/` that does the same, and makes another image."""
        with tempfile.TemporaryDirectory(prefix="playground-selfcheck-") as folder:
            copy = Path(folder) / "device"
            shutil.copytree(
                self.paths.root / "device", copy, ignore=shutil.ignore_patterns("__pycache__")
            )
            (copy / "virtual_device" / "selfcheck.txt").write_text(f"{self.first}\n")
            yield copy

    def provision(self, name: str, device_type: str) -> Mapping[str, Any]:
        """Make a device; gives the workflow's output."""
        self.begun.append(name)
        wish = {"thingName": name, "deviceType": device_type}
        return Workflow(self.home, PROVISION).run(wish, lambda _steps: None).require()

    def clean_up(self) -> list[str]:
        """Remove what the checks have made; gives what could not be removed, and why."""
        left = []
        parts = (
            (self._image_back, "the image"),
            (self._remove_devices, "the devices"),
            (self._remove_image, "the image"),
        )
        for part, what in parts:
            try:
                part()
            except (PlaygroundError, BotoCoreError, ClientError) as error:
                left.append(f"{what}: {error}")
        return left

    def _image_back(self) -> None:
        """New tasks run what they ran before."""
        if self.image_before and self.image_made:
            Images(self.home).make_current(self.image_before)

    def _remove_devices(self) -> None:
        for name in self.begun:
            if self._status(name) not in ("TERMINATED", "FAILED"):
                Workflow(self.home, DEPROVISION).run(
                    {"thingName": name}, lambda _steps: None
                ).require()

    def _status(self, name: str) -> str:
        """Of a device whose provisioning has begun a moment ago, perhaps so short that there is no
        row yet."""
        deadline = time.monotonic() + ROW_SECONDS
        while True:
            try:
                return str(self.devices.row(name)["status"])
            except UnknownDeviceError:
                if time.monotonic() > deadline:
                    return "FAILED"
            time.sleep(0.5)

    def _remove_image(self) -> None:
        if self.image_made:
            images = Images(self.home)
            self.home.client("ecr").batch_delete_image(
                repositoryName=images.repository, imageIds=[{"imageDigest": self.image_made}]
            )


def heard(watcher: Watcher, wanted: Callable[[Message], bool], limit: float) -> Message | None:
    """The first such message within so many seconds."""
    deadline = time.monotonic() + limit
    while (left := deadline - time.monotonic()) > 0:
        for message in watcher.messages(limit=left):
            if wanted(message):
                return message
            if time.monotonic() > deadline:
                return None
    return None


def gone(call: Callable[..., Any], **asked: Any) -> bool:
    """Whether AWS IoT knows no such thing or certificate."""
    try:
        call(**asked)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return True
    return False


def reported(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the device says of itself, of a shadow document."""
    with suppress(KeyError, TypeError):
        found: Mapping[str, Any] = document["state"]["reported"]
        return found
    return {}
