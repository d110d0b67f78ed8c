"""Rolls on the stage: images to move devices to, and what a roll leaves that is the whole stack's,
its lock and the tag.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from botocore.exceptions import ClientError

from playground.images.images import Images
from playground.local.builder import image_directory
from proofs.fault_matrix.remains import Rolled
from tests.playground_cloud import Cloud


@dataclass
class Rolls:
    """One at a time, each of one device."""

    cloud: Cloud
    _good: list[str] = field(default_factory=list)
    """Digests of images that come up."""
    _broken: str = ""
    _wanted: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By thing: the image that it had, and the one that it was to have."""

    @contextmanager
    def possible(self) -> Iterator[None]:
        """Have the images there; in the end new tasks run what they did."""
        before = self._images.current() or ""
        if not self._good:
            self._make(before)
        try:
            yield
        finally:
            self._wanted.clear()
            self._images.make_current(before)

    def forget(self, thing: str) -> None:
        """Whatever happens to it now is no roll: new tasks come up."""
        self._wanted.pop(thing, None)
        self._images.make_current(self._good[0])

    def fall_behind(self, thing: str, *, comes_up: bool) -> None:
        """Have new tasks run another image than this device does, one that comes up or does not."""
        has = str(self.cloud.row(thing)["image_digest"])
        target = next(image for image in self._good if image != has) if comes_up else self._broken
        self._images.make_current(target)
        self._wanted[thing] = has, target

    def look(self, thing: str) -> Rolled | None:
        """What there is now, apart from the device; None of one that was not to be rolled."""
        if thing not in self._wanted:
            return None
        previous, target = self._wanted[thing]
        return Rolled(previous, target, self._images.current() or "", holder=self._holder())

    def told(self, thing: str, parts: Sequence[str], cause: str) -> bool:
        """Whether the cause says all this of the device and its images."""
        previous, target = self._wanted[thing]
        return all(
            part.format(thing=thing, previous=previous, target=target) in cause for part in parts
        )

    @cached_property
    def _images(self) -> Images:
        return Images(self.cloud.home)

    @cached_property
    def _table(self) -> str:
        found: str = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=self.cloud.home.stack_name, LogicalResourceId="Turns"
        )["StackResourceDetail"]["PhysicalResourceId"]
        return found

    def _holder(self) -> str:
        """Why the lock is not free. Nobody gives it back: it is free when its execution has
        ended.
        """
        answer = self.cloud.client("dynamodb").get_item(
            TableName=self._table, Key={"queue": {"S": "roll"}}, ConsistentRead=True
        )
        holder = answer.get("Item", {}).get("holder", {}).get("S")
        if holder is None:
            return ""
        try:
            end = self.cloud.client("stepfunctions").describe_execution(executionArn=holder)
        except ClientError as error:
            return f"the lock is held by {holder}: {error.response['Error']['Code']}"
        return f"the lock is held by {holder}" if end["status"] == "RUNNING" else ""

    def _make(self, first: str) -> None:
        """Three in all: of the same sources, but blanks after the manifest make another digest.

        The agent finds the second one's program on this machine, and not the third one's, so it
        stops such a task at once.
        """
        found = self.cloud.client("ecr").batch_get_image(
            repositoryName=self._images.repository, imageIds=[{"imageDigest": first}]
        )["images"][0]
        digests = [first]
        for blanks in (" ", "  "):
            self._images.put(
                found["imageManifest"] + blanks, found["imageManifestMediaType"], self._images.tag
            )
            digests.append(self._images.current() or "")
        first, second, self._broken = digests
        paths = self.cloud.paths
        shutil.copytree(image_directory(paths, first), image_directory(paths, second))
        self._good = [first, second]
