"""SNS: what is published to the topics that there are."""

import json
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal


class MemoryTopics(MemoryService):
    """Topics, and what they were told."""

    def __init__(self, *topics: str) -> None:
        self.topics = topics
        self.told: list[dict[str, Any]] = []

    def publish(self, TopicArn: str, Subject: str, Message: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        if TopicArn not in self.topics:
            raise Refusal("NotFoundException", 404, TopicArn)
        # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: one line of at most 100 printable ASCII characters
        if not 0 < len(Subject) <= 100 or not Subject.isascii() or not Subject.isprintable():
            raise Refusal("InvalidParameterException", 400, "Subject")
        self.told.append(json.loads(Message))
        return {"MessageId": str(len(self.told))}
