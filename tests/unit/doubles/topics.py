"""Amazon SNS: what was published."""

import json
from typing import Any

from tests.unit.doubles.service import MemoryService


class MemoryTopics(MemoryService):
    """Messages by topic."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []
        self.subjects: list[str] = []

    @property
    def told(self) -> list[Any]:
        """The messages alone."""
        return [message for _topic, message in self.published]

    def publish(
        self,
        TopicArn: str,
        Subject: str,
        Message: str,
        MessageAttributes: Any = None,
    ) -> dict[str, Any]:
        # At most 100 characters, of ASCII:
        # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
        assert len(Subject) <= 100
        assert Subject.isascii()
        assert Subject.isprintable()
        assert all(
            attribute["DataType"] == "String" for attribute in (MessageAttributes or {}).values()
        )
        self.subjects.append(Subject)
        self.published.append((TopicArn, json.loads(Message)))
        return {"MessageId": f"{len(self.published)}"}
