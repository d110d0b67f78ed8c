"""A function that reads a queue gets its messages in batches, gathered for as long as it has asked.

AWS calls the function when a batch is full, when it has 6 MB, or when the mapping's batching window
is over; a batch has up to 10,000 messages where there is a window.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html (batching)
Emulator: it calls at once with what is there, ten messages at the most, whatever the mapping says.
A fleet of 173 messages a second has a function called 17 times a second instead of twice.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from ministack.services import sqs

MOST_BYTES = 6 * 2**20


def fill() -> None:
    """Let the poller receive as the mapping says; without a window, as before."""
    receive_at_once = sqs._receive_messages_for_esm

    def receive(queue_url: str, most: int) -> Any:
        queue = sqs._get_q(queue_url)
        window = 0.0 if queue["is_fifo"] else _window(queue["attributes"]["QueueArn"])
        if not window:
            return receive_at_once(queue_url, most)
        with sqs._queues_lock:
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            count = due(queue["messages"], int(most), window, time.time())
            timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
            return sqs._collect_msgs(queue, count, timeout) if count else []

    sqs._receive_messages_for_esm = receive


def due(messages: Iterable[dict[str, Any]], most: int, window: float, now: float) -> int:
    """How many of the visible messages are to be handed over now, from the first; 0: gather on."""
    count, size, since = 0, 0, now
    for message in _visible(messages, now):
        size += len(message["body"])
        if count and size > MOST_BYTES:
            return count
        count, since = count + 1, min(since, message["visible_at"])
        if count == most:
            return count
    return count if now - since >= window else 0


def _visible(messages: Iterable[dict[str, Any]], now: float) -> Iterator[dict[str, Any]]:
    for message in messages:
        sqs._ensure_msg_fields(message)
        if message["visible_at"] <= now:
            yield message


def _window(queue_arn: str) -> float:
    """Seconds of the mapping that reads this queue; 0 for none."""
    from ministack.services import lambda_svc  # noqa: PLC0415 - it imports the queues itself

    for mapping in list(lambda_svc._esms._data.values()):
        if mapping.get("EventSourceArn") == queue_arn and mapping.get("Enabled", True):
            return float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    return 0.0
