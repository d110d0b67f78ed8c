"""The device image: what the stack's tag in its ECR repository stands for at this moment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import NoDeviceImage

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient


@dataclass(frozen=True)
class ImageTag:
    """The tag that the task definition names: a new task runs what it stands for when the task is
    started.
    """

    ecr: "ECRClient"
    repository: str
    tag: str

    def digest(self) -> str:
        """`sha256:` and 64 hexadecimal digits. Raises NoDeviceImage before anything was pushed.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
        """
        try:
            found = self.ecr.describe_images(
                repositoryName=self.repository, imageIds=[{"imageTag": self.tag}]
            )
        except self.ecr.exceptions.ImageNotFoundException:
            found = {"imageDetails": []}  # type: ignore[typeddict-item]
        if not found["imageDetails"]:
            raise NoDeviceImage(
                f"There is no device image yet (tag {self.tag}): run `playground push`."
            )
        return found["imageDetails"][0]["imageDigest"]
