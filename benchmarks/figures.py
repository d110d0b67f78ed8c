"""From samples to the figures that are shown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, 99th percentile (nearest rank: with fewer than 100 samples the largest) and number of
    samples.
    """

    median: float
    p99: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """The spread of at least one sample."""
        ranked = sorted(samples)
        rank = -(-99 * len(ranked) // 100)  # rounded up
        return cls(statistics.median(ranked), ranked[rank - 1], len(ranked))
