"""Firmware images for devices: checked by the device's own code, uploaded, and the job that brings
them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.base.input_files import content_of, name_of
from playground.devices.tools import run_tool
from playground.errors import FirmwareError
from playground.home.homes import Home
from playground.home.paths import Paths

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_FILE_BYTES = 65_536
"""Of an image; docs/firmware.md has the rule, and the device keeps it."""

OPERATION = "update-firmware"
PREFIX = "firmware/"
"""All that the role of the jobs may read."""

URL_SECONDS = 300
"""How long a URL is good for. AWS IoT makes it when the device asks for its job, so it is used at
once.
"""


@dataclass(frozen=True)
class Image:
    """A firmware image that the device would take."""

    content: bytes = field(repr=False)
    version: str
    size: int
    sha256: str

    @property
    def key(self) -> str:
        """Where it is put: a name for each content, so that none is ever replaced."""
        return f"{PREFIX}{self.version}-{self.sha256[:16]}.json"

    def job_document(self, url: str) -> dict[str, Any]:
        """The document of a job that brings the image, which is at `url`."""
        return {
            "operation": OPERATION,
            "version": self.version,
            "url": url,
            "size": self.size,
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class FirmwareJob:
    """What CreateJob takes to bring an image to devices."""

    document: dict[str, Any]
    presigned_url_config: dict[str, Any]


def checked(paths: Paths, file: Path) -> Image:
    """An image file. Raises FirmwareError with everything that is wrong in it."""
    content = content_of(file, MAX_FILE_BYTES)
    answer = run_tool(paths, "firmware_tool", "-", given=content)
    if problems := answer.get("problems"):
        raise FirmwareError("\n".join(f"{name_of(file)}: {problem}" for problem in problems))
    return Image(content, answer["version"], answer["size"], answer["sha256"])


def offered(home: Home, image: Image) -> FirmwareJob:
    """Upload the image; the job that brings it. Its document has a placeholder that AWS IoT makes a
    URL of.

    https://docs.aws.amazon.com/iot/latest/developerguide/create-manage-jobs.html, "Presigned URLs".
    """
    bucket, client = home.output("FirmwareBucketName"), _s3(home)
    role = home.output("FirmwareDownloadRoleArn")
    client.put_object(
        Bucket=bucket, Key=image.key, Body=image.content, ContentType="application/json"
    )
    placeholder = (
        f"${{aws:iot:s3-presigned-url:https://s3.{home.region}.amazonaws.com/{bucket}/{image.key}}}"
    )
    return FirmwareJob(
        image.job_document(placeholder), {"roleArn": role, "expiresInSec": URL_SECONDS}
    )


def _s3(home: Home) -> "S3Client":
    client: S3Client = home.client("s3")
    return client
