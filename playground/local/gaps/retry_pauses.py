"""The pause before a state is tried again keeps within MaxDelaySeconds, and is drawn by chance.

AWS: the pause is IntervalSeconds times BackoffRate to the power of the attempts so far, at most
MaxDelaySeconds; with `JitterStrategy: FULL` it is any between none and that.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
Emulator: knows neither, and pauses for 60 seconds at most.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import stepfunctions

Found = tuple[Mapping[str, Any] | None, int]


def fill() -> None:
    """Have the retrier that counts be one with the right pause in it."""
    stepfunctions._find_matching_retrier = _paused(stepfunctions._find_matching_retrier)


def _paused(find: Callable[..., Found]) -> Callable[..., Found]:
    def found(retriers: Any, error: str, counts: Mapping[int, int]) -> Found:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return retrier, index
        pause = pause_of(retrier, counts.get(index, 0), random.random())  # noqa: S311 - no secret
        return {**retrier, "IntervalSeconds": pause, "BackoffRate": 1.0}, index

    return found


def pause_of(retrier: Mapping[str, Any], before: int, drawn: float) -> float:
    """Seconds, after `before` attempts that were tried again; `drawn` is a number from 0 to 1."""
    longest = float(retrier.get("MaxDelaySeconds", "inf"))
    grown = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** before
    pause = float(min(longest, grown))
    return pause * drawn if retrier.get("JitterStrategy") == "FULL" else pause
