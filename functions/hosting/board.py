"""Seats are taken and left here, and whoever tells the hosts hears of it by a queue."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from hosting.seats import Seat, Seats


class Queue(Protocol):
    """What is needed of SQS."""

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> Any:  # noqa: N803
        """Put a message into a queue."""


@dataclass(frozen=True)
class Board:
    """The table and the queue."""

    seats: Seats
    sqs: Queue
    queue_url: str

    def leave(self, seat: Seat) -> None:
        """Give it back, as often as one likes."""
        self.seats.leave(seat)
        self.tell(seat.host)

    def tell(self, host: str, *, idle: bool = False, after: int = 0, attempts: int = 0) -> None:
        """Have the host told who is to sit there, `after` so many seconds.

        `idle`: it was left by the last one; have it closed if nobody has come since.
        `attempts`: how often that was tried in vain.
        """
        message: dict[str, Any] = {"host": host, "idle": True} if idle else {"host": host}
        if attempts:
            message["attempts"] = attempts
        self.sqs.send_message(
            QueueUrl=self.queue_url, MessageBody=json.dumps(message), DelaySeconds=after
        )
