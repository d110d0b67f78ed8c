"""ECR: images of one repository, told by digest, each tag on one of them."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal


class MemoryEcr(MemoryService):
    """One repository; `tags` names digests, `manifests` has what was put, by digest."""

    def __init__(self, repository: str) -> None:
        self.repository = repository
        self.tags: dict[str, str] = {}
        self.manifests: dict[str, str] = {}

    def push(self, manifest: str, *tags: str) -> str:
        """As whoever builds does; gives the digest."""
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        self.manifests[digest] = manifest
        self.tags |= dict.fromkeys(tags, digest)
        return digest

    def describe_images(
        self,
        repositoryName: str,
        imageIds: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        self._require(repositoryName)
        digests = (
            list(self.manifests)
            if imageIds is None
            else [self._digest(asked) for asked in imageIds]
        )
        return {
            "imageDetails": [
                {
                    "imageDigest": digest,
                    "imageTags": sorted(
                        tag for tag, tagged in self.tags.items() if tagged == digest
                    ),
                    "imagePushedAt": datetime(
                        2026, 1, 1, second=list(self.manifests).index(digest), tzinfo=UTC
                    ),
                }
                for digest in digests
            ]
        }

    def batch_get_image(
        self,
        repositoryName: str,
        imageIds: list[dict[str, str]],
    ) -> dict[str, Any]:
        self._require(repositoryName)
        found = [
            asked["imageDigest"] for asked in imageIds if asked["imageDigest"] in self.manifests
        ]
        return {
            "images": [
                {
                    "imageId": {"imageDigest": digest},
                    "imageManifest": self.manifests[digest],
                    "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
                }
                for digest in found
            ],
            "failures": [],
        }

    def batch_delete_image(
        self,
        repositoryName: str,
        imageIds: list[dict[str, str]],
    ) -> dict[str, Any]:
        self._require(repositoryName)
        for asked in imageIds:
            digest = asked["imageDigest"]
            self.manifests.pop(digest, None)
            self.tags = {tag: tagged for tag, tagged in self.tags.items() if tagged != digest}
        return {"imageIds": imageIds, "failures": []}

    def put_image(
        self,
        repositoryName: str,
        imageManifest: str,
        imageManifestMediaType: str,
        imageTag: str,
    ) -> None:
        self._require(repositoryName)
        assert imageManifestMediaType
        digest = f"sha256:{hashlib.sha256(imageManifest.encode()).hexdigest()}"
        # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
        if self.tags.get(imageTag) == digest:
            raise Refusal("ImageAlreadyExistsException", 400)
        self.push(imageManifest, imageTag)

    def _digest(self, asked: dict[str, str]) -> str:
        digest = asked.get("imageDigest") or self.tags.get(asked["imageTag"], "")
        if digest not in self.manifests:
            raise Refusal("ImageNotFoundException", 400, str(asked))
        return digest

    def _require(self, repository: str) -> None:
        if repository != self.repository:
            raise Refusal("RepositoryNotFoundException", 400, repository)
