"""Which images stay on this machine: the newest few, the one that new tasks run, and whatever a
device runs.

What the lifecycle policy of the repository is on AWS. Called by the task agent after a build, so by
one thread at a time. An image goes from the repository first, so that nobody gives a tag to one
whose directory is gone; whatever an interruption leaves, a directory or a draft that nobody knows
of, goes the next time.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playground.base.removing import Left, remove
from playground.devices.devices import Devices
from playground.home.folder import remove_made
from playground.home.homes import Home
from playground.home.paths import Paths, is_there
from playground.images.images import Image, Images
from playground.local.tasks import IMAGE_VARIABLE, TaskBook

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_ecs import ECSClient

KEPT = 5
"""As many as the repository keeps on AWS: template.yaml, LifecyclePolicy."""
GOING = ".gone"

log = logging.getLogger("agent")


@dataclass(frozen=True)
class Pruning:
    """Removes images of the local cloud."""

    paths: Paths
    home: Home

    def prune(self, before: str | None = None) -> list[str]:
        """Give the digests that are removed. `before`: what new tasks ran until now; one may be
        about to start.
        """
        images = Images(self.home)
        listed = images.listed()
        # In this order: a task that is started meanwhile runs what has the tag now, or had it
        # before.
        spared = (
            {images.current(), before} | self._run() | {image.digest for image in listed[:KEPT]}
        )
        removed = [
            image.digest
            for image in listed[KEPT:]
            if image.digest not in spared and self._remove(image)
        ]
        for stray in self._strays({image.digest for image in listed} | spared):
            _told(remove_made(self.paths.images, stray.name))
        return removed

    def _run(self) -> set[str]:
        """What devices run, by the catalog and by their tasks, which may have started before the
        catalog says so.
        """
        rows = {
            str(row["image_digest"]) for row in Devices(self.home).rows() if "image_digest" in row
        }
        ecs: ECSClient = self.home.client("ecs")
        cluster = self.home.output("DeviceClusterName")
        pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster)
        tasks = TaskBook(self.home, cluster).describe(
            arn for page in pages for arn in page["taskArns"]
        )
        return rows | {task.env[IMAGE_VARIABLE] for task in tasks if IMAGE_VARIABLE in task.env}

    def _remove(self, image: Image) -> bool:
        """False when somebody has given it the tag of new tasks in this very moment."""
        images, ecr = Images(self.home), self._ecr
        asked = {"repositoryName": images.repository, "imageIds": [{"imageDigest": image.digest}]}
        found = ecr.batch_get_image(**asked)["images"]  # type: ignore[arg-type]
        ecr.batch_delete_image(**asked)  # type: ignore[arg-type]
        if images.current() is None and found:
            # The emulator deletes an image with all its tags.
            for tag in (*image.tags, images.tag):
                images.put(found[0]["imageManifest"], found[0]["imageManifestMediaType"], tag)
            return False
        folder = self._folder(image.digest)
        going = folder.with_name(f"{folder.name}{GOING}")
        if is_there(folder):
            folder.rename(going)
        if images.current() == image.digest and is_there(going):
            going.rename(folder)
            return False
        _told(remove(going))
        log.info("image %s removed", image.digest)
        return True

    def _strays(self, known: Collection[str | None]) -> Iterator[Path]:
        """Directories of no image, of an interrupted removal or build. None is being built now.

        What no image could be called is nobody's of ours, and stays.
        """
        names = {digest.removeprefix("sha256:") for digest in known if digest}
        yield from (found for found in self.paths.images.iterdir() if found.name not in names)

    def _folder(self, digest: str) -> Path:
        return self.paths.images / digest.removeprefix("sha256:")

    @property
    def _ecr(self) -> "ECRClient":
        client: ECRClient = self.home.client("ecr")
        return client


def _told(left: Iterable[Left]) -> None:
    for one in left:
        log.warning("%s can't be removed: %s", one.path, one.why)
