"""The drill counts the messages of its canary that were lost."""

import queue
from typing import Any, cast

import pytest

from playground.errors import WatchError
from playground.messages.watch import Message, Watcher
from playground.security.drill import Canary


def said(sequence: int) -> Message:
    return Message("dt/playground/d/telemetry", {"sequence": sequence})


@pytest.mark.parametrize(
    ("sequences", "missed"),
    [
        ([], []),
        ([0, 1, 2], []),
        ([3, 4, 4, 5], []),
        ([0, 2, 1, 3], []),
        ([0, 1, 4], [2, 3]),
        ([2, 4, 5, 7], [3, 6]),
    ],
)
def test_what_never_came_was_missed(sequences: list[int], missed: list[int]) -> None:
    # given
    canary = Canary(Watcher(cast("Any", None), "d"))
    # when
    for sequence in sequences:
        canary.take(said(sequence))
    # then
    assert canary.missed == missed


def test_only_telemetry_counts() -> None:
    # given
    inbox: queue.Queue[Message | WatchError] = queue.Queue()
    for message in (said(0), Message("evt/playground/d/online", {"sequence": 9}), said(1)):
        inbox.put(message)
    canary = Canary(Watcher(cast("Any", None), "d", inbox))
    # when
    canary.listen(0.05)
    # then
    assert (canary.heard, canary.missed) == ([0, 1], [])
