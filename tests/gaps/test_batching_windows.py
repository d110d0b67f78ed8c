"""A queue's messages are gathered for as long as the mapping says."""

import time
from typing import Any

import pytest

from tests.gaps.modules import gap, service

ARN = "arn:aws:sqs:us-east-1:000000000000:messages"


def queue(window: int) -> Any:
    """The queue service with a queue that a function reads in batches; gives the URL too."""
    sqs, functions = service("sqs"), service("lambda_svc")
    url = sqs._act_create_queue({"QueueName": "messages"}, "")["QueueUrl"]
    functions._esms._data["000000000000", "us-east-1", "m"] = {
        "EventSourceArn": ARN,
        "Enabled": True,
        "MaximumBatchingWindowInSeconds": window,
    }
    return sqs, url


def send(sqs: Any, url: str, count: int, body: str = "{}") -> None:
    """Put messages into the queue."""
    for _ in range(count):
        sqs._act_send_message({"MessageBody": body}, url)


def test_a_batch_is_handed_over_when_it_is_full_or_its_window_is_over() -> None:
    gap("batching_windows").fill()
    sqs, url = queue(window=2)

    send(sqs, url, 130)
    assert len(sqs._receive_messages_for_esm(url, 100)) == 100
    assert sqs._receive_messages_for_esm(url, 100) == []

    for message in sqs._queues[url]["messages"]:
        message["visible_at"] -= 2
    assert len(sqs._receive_messages_for_esm(url, 100)) == 30
    assert sqs._receive_messages_for_esm(url, 100) == []


def test_what_comes_back_later_waits_from_then() -> None:
    gap("batching_windows").fill()
    sqs, url = queue(window=2)
    send(sqs, url, 1)
    message = sqs._queues[url]["messages"][0]

    message.update(sent_at=time.time() - 100, visible_at=time.time() - 1)
    assert sqs._receive_messages_for_esm(url, 100) == []
    message["visible_at"] -= 1
    assert sqs._receive_messages_for_esm(url, 100) == [message]


@pytest.mark.parametrize(("size", "count"), [(2**20, 6), (2**21, 3), (7 * 2**20, 1)])
def test_a_batch_has_six_megabytes_at_the_most_and_one_mess(size: int, count: int) -> None:
    now = time.time()
    messages = [{"body": "x" * size, "visible_at": now, "receive_count": 0, "id": "1"}] * 10

    assert gap("batching_windows").due(messages, 100, 2, now) == count


def test_without_a_window_it_is_as_it_was() -> None:
    gap("batching_windows").fill()
    sqs, url = queue(window=0)

    send(sqs, url, 3)
    assert len(sqs._receive_messages_for_esm(url, 100)) == 3


def test_the_emulator_itself_hands_over_at_once() -> None:
    """Once it does not, the gap can go."""
    sqs, url = queue(window=2)

    send(sqs, url, 1)
    assert len(sqs._receive_messages_for_esm(url, 100)) == 1
