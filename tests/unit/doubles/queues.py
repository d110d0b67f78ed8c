"""SQS: what was sent, until somebody takes it."""

import json
from typing import Any

from tests.unit.doubles.service import MemoryService


class MemoryQueues(MemoryService):
    """Any queue."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], int]] = []
        """Queue, message and delay in seconds."""

    def send_message(self, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> dict[str, Any]:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        assert 0 <= DelaySeconds <= 900
        self.sent.append((QueueUrl, json.loads(MessageBody), DelaySeconds))
        return {"MessageId": str(len(self.sent))}

    def batch(self) -> dict[str, Any]:
        """All that is there, as Lambda hands it over; there is nothing left then."""
        taken, self.sent = self.sent, []
        records = [
            {"messageId": str(number), "body": json.dumps(message)}
            for number, (_, message, _) in enumerate(taken)
        ]
        return {"Records": records}
