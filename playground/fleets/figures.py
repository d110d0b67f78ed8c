"""Figures of many values."""

from collections.abc import Sequence
from statistics import quantiles

PERCENTILES = (50, 95, 99)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """`p50` is what half of the values are within; in thousandths. Empty when there are none."""
    if not values:
        return {}
    found = quantiles([*values, *values], n=100, method="inclusive")
    return {f"p{part}": round(found[part - 1], 3) for part in PERCENTILES}


def share(part: float, whole: float) -> float:
    """From 0 to 1, and 0 of nothing."""
    return part / whole if whole else 0.0
