"""Amazon SNS: what was published."""

import json
from typing import Any

from tests.unit.doubles.service import MemoryService


class MemoryTopics(MemoryService):
    """Messages by topic."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []
        self.subjects: list[str] = []

    def publish(self, TopicArn: str, Subject: str, Message: str, MessageAttributes: Any) -> dict[str, Any]:  # noqa: N803
        # At most 100 characters, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
        assert len(Subject) <= 100
        assert MessageAttributes["rule"]["DataType"] == "String"
        self.subjects.append(Subject)
        self.published.append((TopicArn, json.loads(Message)))
        return {"MessageId": f"{len(self.published)}"}
