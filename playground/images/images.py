"""The device images of a stack: which there are, and which one new tasks run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.identifiers import host_of
from playground.devices.devices import Devices, Row
from playground.errors import ImageError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient


@dataclass(frozen=True)
class Image:
    """One image of the repository. `digest` is `sha256:...`; `devices` are the names of those that
    run it.
    """

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime
    current: bool = False
    devices: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Images:
    """The stack's repository."""

    home: Home

    @property
    def repository(self) -> str:
        """The name: what follows the registry in the URI."""
        return self.home.output("DeviceRepositoryUri").partition("/")[2]

    @property
    def tag(self) -> str:
        """What a new task runs is the image with this tag."""
        return self.home.output("DeviceImageTag")

    @property
    def _ecr(self) -> "ECRClient":
        client: ECRClient = self.home.client("ecr")
        return client

    def digest(self, tag: str) -> str | None:
        """The digest of the image with that tag; None when there is none."""
        try:
            found = self._ecr.describe_images(
                repositoryName=self.repository, imageIds=[{"imageTag": tag}]
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ImageNotFoundException":
                raise
            return None
        return found["imageDetails"][0]["imageDigest"] if found["imageDetails"] else None

    def current(self) -> str | None:
        """The digest that new tasks run; None before anything was pushed."""
        return self.digest(self.tag)

    def make_current(self, digest: str) -> None:
        """Have new tasks run this image.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html
        """
        found = self._ecr.batch_get_image(
            repositoryName=self.repository, imageIds=[{"imageDigest": digest}]
        )["images"]
        if not found:
            raise ImageError(f"There is no image {digest} in {self.repository}.")
        self.put(found[0]["imageManifest"], found[0]["imageManifestMediaType"], self.tag)

    def put(self, manifest: str, media_type: str, tag: str) -> None:
        """Give the image of that manifest a tag; fine when it has it already."""
        try:
            self._ecr.put_image(
                repositoryName=self.repository,
                imageManifest=manifest,
                imageManifestMediaType=media_type,
                imageTag=tag,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ImageAlreadyExistsException":
                raise

    def listed(self) -> list[Image]:
        """The latest first. Of those of the same second the current one, then the one that is
        listed last.
        """
        pages = self._ecr.get_paginator("describe_images").paginate(repositoryName=self.repository)
        found = [
            Image(
                digest=detail["imageDigest"],
                tags=tuple(sorted(detail.get("imageTags", ()))),
                pushed_at=detail["imagePushedAt"],
                current=self.tag in detail.get("imageTags", ()),
            )
            for page in pages
            for detail in page["imageDetails"]
        ]
        found.reverse()
        return sorted(found, key=lambda image: (image.pushed_at, image.current), reverse=True)

    def all(self) -> list[Image]:
        """The latest first, each with the devices that run it."""
        rows = [row for row in Devices(self.home).rows() if runs(row)]
        return [
            replace(
                image,
                devices=tuple(
                    row["thing_name"] for row in rows if row.get("image_digest") == image.digest
                ),
            )
            for image in self.listed()
        ]


def runs(row: Row) -> bool:
    """Whether the device of this row has a task of its own that a roll may replace."""
    return (
        row.get("status") in ("ONLINE", "OFFLINE")
        and "task_arn" in row
        and not host_of(row["task_arn"])
        and "deprovisioning" not in row
    )


def behind(rows: Sequence[Row], digest: str) -> list[Mapping[str, Any]]:
    """The rows of those that run and do not run this image."""
    return [row for row in rows if runs(row) and row.get("image_digest") != digest]
