"""What CodeBuild is to AWS: makes an image of what was uploaded to the source bucket, on this
machine.

The image is a directory, `.playground/images/<digest>`, which device processes run from, and a
manifest in the emulator's ECR repository that names the sources. Its digest is the image's, as
everywhere.
"""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from playground.base.removing import remove
from playground.errors import ImageError
from playground.home.homes import Home
from playground.home.paths import Paths, is_there
from playground.images.images import Images
from playground.images.local_builds import BuildResult

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CHECK_LIMIT = 60.0
CHECK = "import virtual_device.__main__"
LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class Builder:
    """Builds one upload at a time."""

    paths: Paths
    home: Home

    def build(self, key: str, object_version: str) -> BuildResult:
        """The image of that version of that object, with its content tag and the stack's. Never
        raises ImageError.
        """
        sha256 = Path(key).stem
        try:
            digest = self._build(key, object_version, sha256)
        except (ImageError, zipfile.BadZipFile) as error:
            return BuildResult("FAILED", sha256, message=str(error)[:LONGEST_MESSAGE])
        return BuildResult("SUCCEEDED", sha256, digest)

    def forget(self, key: str, object_version: str) -> None:
        """Remove an upload that was built long ago."""
        s3: S3Client = self.home.client("s3")
        s3.delete_object(
            Bucket=self.home.output("SourceBucketName"), Key=key, VersionId=object_version
        )

    def _build(self, key: str, object_version: str, sha256: str) -> str:
        s3: S3Client = self.home.client("s3")
        bucket = self.home.output("SourceBucketName")
        data = s3.get_object(Bucket=bucket, Key=key, VersionId=object_version)["Body"].read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ImageError(
                f"{key} must be named after its SHA-256: source/<64 hexadecimal digits>.zip"
            )
        manifest = manifest_of(sha256, len(data))
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        self._unpack(data, image_directory(self.paths, digest))
        images = Images(self.home)
        for tag in (sha256, images.tag):
            images.put(manifest, MANIFEST_TYPE, tag)
        return digest

    def _unpack(self, data: bytes, target: Path) -> None:
        """Into a directory beside it first, so that the image is there as a whole or not at all."""
        if is_there(target):
            return
        draft = target.with_name(f"{target.name}.draft")
        if left := remove(draft):
            raise ImageError(f"{left[0].path} is in the way and can't be removed: {left[0].why}.")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(draft)
            require_packages(draft / "requirements.txt")
            check_import(draft)
            draft.rename(target)
        finally:
            remove(draft)  # what is left of it is in the next build's way, and told then


def image_directory(paths: Paths, digest: str) -> Path:
    """Where an image lies on this machine."""
    return paths.images / digest.removeprefix("sha256:")


def manifest_of(sha256: str, size: int) -> str:
    """An OCI manifest with the packed sources as its one layer; the same for the same sources."""
    layer = {"mediaType": "application/zip", "digest": f"sha256:{sha256}", "size": size}
    config = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        "size": 2,
    }
    return json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]}
    )


def require_packages(requirements: Path, installed: Callable[[str], str] = version) -> None:
    """Device processes run with the packages of the `playground` command: refuse what asks for
    others.
    """
    if not requirements.is_file():
        raise ImageError("device/requirements.txt is missing.")
    for line in requirements.read_text().splitlines():
        text = line.partition("#")[0].removesuffix("\\").strip()
        if not text or text.startswith("-"):
            continue
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            raise ImageError(f"device/requirements.txt: {error}") from error
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = installed(wanted.name)
        except PackageNotFoundError:
            found = "none"
        if found == "none" or not wanted.specifier.contains(found, prereleases=True):
            raise ImageError(
                f"device/requirements.txt asks for {wanted.name}{wanted.specifier}, and "
                f"local devices run with {found}."
                " Put it into device/requirements.in, then `make lock` and `make up`."
            )


def check_import(folder: Path) -> None:
    """What can't be imported can't run; as `docker build` does, byte code is written here, once."""
    try:
        done = subprocess.run(  # noqa: S603
            (sys.executable, "-c", CHECK),
            cwd=folder,
            env={"PYTHONPATH": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CHECK_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"`{CHECK}` did not end within {CHECK_LIMIT:.0f} s.") from error
    if done.returncode != 0:
        said = (
            done.stderr.replace(f"{folder}/", "device/").strip()
            or f"it ended with exit code {done.returncode}."
        )
        raise ImageError(f"device/ can't be imported:\n{said[-LONGEST_MESSAGE:]}")
