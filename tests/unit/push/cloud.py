"""As much of AWS as an upload and its build need."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from playground.home.paths import PROJECT
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.service import Refusal

DEVICE = PROJECT / "device"


@dataclass
class Bucket:
    """S3, as far as sources need it: every upload is a version."""

    versions: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, str]:  # noqa: N803
        assert (Bucket, ContentType) == ("sources", "application/zip")
        identifier = f"v{len(self.versions) + 1}"
        self.versions[identifier] = (Key, Body)
        return {"VersionId": identifier}

    def get_object(self, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:  # noqa: N803
        key, body = self.versions[VersionId]
        assert (Bucket, Key) == ("sources", key)
        return {"Body": io.BytesIO(body)}


class Ecr:
    """The repository's double behind the names of a client."""

    def __init__(self, double: MemoryEcr) -> None:
        self.double = double

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            try:
                return getattr(self.double, name)(**asked)
            except Refusal as refusal:
                raise ClientError(
                    {"Error": {"Code": refusal.code, "Message": str(refusal)}}, name
                ) from refusal

        return call


@dataclass
class CodeBuild:
    """CodeBuild: what it says of builds, each time it is asked."""

    project: str = "device"
    history: list[list[Mapping[str, Any]]] = field(default_factory=list)
    looks: int = 0

    def list_builds_for_project(self, projectName: str, sortOrder: str) -> dict[str, list[str]]:  # noqa: N803
        assert (projectName, sortOrder) == (self.project, "DESCENDING")
        return {"ids": [build["id"] for build in self._now()]}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        found = [build for build in self._now() if build["id"] in ids]
        self.looks += 1
        return {"builds": found}

    def batch_get_projects(self, names: list[str]) -> dict[str, Any]:
        assert names == [self.project]
        variables = [
            {"name": "IMAGE_TAG", "value": "latest"},
            {"name": "BASE_IMAGE", "value": "python@sha256:0"},
        ]
        return {"projects": [{"environment": {"environmentVariables": variables}}]}

    def _now(self) -> list[Mapping[str, Any]]:
        return self.history[min(self.looks, len(self.history) - 1)] if self.history else []


@dataclass
class Home:
    """A home of either kind."""

    kind: str
    bucket: Bucket
    repository: MemoryEcr
    codebuild: CodeBuild
    stack_name: str = "stack"

    def client(self, service: str) -> Any:
        return {"s3": self.bucket, "ecr": Ecr(self.repository), "codebuild": self.codebuild}[
            service
        ]

    def output(self, name: str) -> str:
        return {
            "SourceBucketName": "sources",
            "DeviceRepositoryUri": "registry.example/devices",
            "DeviceImageTag": "latest",
            "DeviceBuildProjectName": "device",
        }[name]


def build(status: str, *phases: str, source: str = "v1", **more: Any) -> dict[str, Any]:
    """What CodeBuild says of one."""
    done = [{"phaseType": phase, "phaseStatus": "SUCCEEDED"} for phase in phases]
    return {
        "id": f"device:{source}",
        "sourceVersion": source,
        "buildStatus": status,
        "phases": done,
        **more,
    }
