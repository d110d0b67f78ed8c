"""device/ to an image in the stack's repository: by an upload that is built there, or with the
Docker that is here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playground.errors import ImageError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.images import docker
from playground.images.codebuild import Builds, CodeBuilds
from playground.images.images import Images
from playground.images.local_builds import LocalBuilds
from playground.images.source import Source, pack

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

How = Literal["auto", "codebuild", "docker"]
Step = Callable[[str], None]


@dataclass(frozen=True)
class Pushed:
    """The image that new tasks run now. `done` says what it took: `built`, `retagged` or
    `nothing`.
    """

    digest: str
    tag: str
    source: str
    done: Literal["built", "retagged", "nothing"]


@dataclass(frozen=True)
class Push:
    """Pushes `device/` of this project, or another `folder` like it, to the stack of this home."""

    paths: Paths
    home: Home
    step: Step
    folder: Path | None = None

    def run(self, how: How = "auto", *, force: bool = False) -> Pushed:
        """Build and push, unless the same contents were pushed before and `force` is off. Raises
        ImageError.
        """
        source, images = pack(self._folder), Images(self.home)
        there = None if force else images.digest(source.sha256)
        if there is None:
            self._build(source, self._way(how))
            digest = images.digest(source.sha256)
            if digest is None:
                raise ImageError(
                    f"The build has ended, but there is no image {source.sha256} in "
                    f"{images.repository}."
                )
            return Pushed(digest, images.tag, source.sha256, "built")
        if images.current() == there:
            return Pushed(there, images.tag, source.sha256, "nothing")
        self.step(f"Giving the tag {images.tag} to the image that was built from it before")
        images.make_current(there)
        return Pushed(there, images.tag, source.sha256, "retagged")

    @property
    def _folder(self) -> Path:
        return self.folder or self.paths.root / "device"

    def _way(self, how: How) -> Literal["codebuild", "docker"]:
        if self.home.kind == "local":
            if how == "docker":
                raise ImageError(
                    "The local cloud runs devices as processes and builds no container: "
                    "leave out --with."
                )
            return "codebuild"
        if how == "auto":
            return "docker" if docker.docker_answers() else "codebuild"
        return how

    def _build(self, source: Source, way: Literal["codebuild", "docker"]) -> None:
        if way == "docker":
            self.step("Building with Docker")
            docker.build_and_push(self._folder, self.home, source.sha256)
            return
        self.step(f"Uploading {self._folder.name}/ ({len(source.data) / 1024:.0f} KB)")
        version = self._upload(source)
        try:
            self._builds().follow(version, self.step)
        except KeyboardInterrupt:
            self.step(
                "Interrupted: the build goes on, and `playground images` shows the image "
                "when it is there"
            )
            raise

    def _upload(self, source: Source) -> str:
        """Gives the version, by which the build is told from any other."""
        client: S3Client = self.home.client("s3")
        answer = client.put_object(
            Bucket=self.home.output("SourceBucketName"),
            Key=source.key,
            Body=source.data,
            ContentType="application/zip",
        )
        return answer["VersionId"]

    def _builds(self) -> Builds:
        return (
            LocalBuilds(self.paths, self.home.trouble)
            if self.home.kind == "local"
            else CodeBuilds(self.home)
        )
