"""Quantities: what models declare in metric units, and what the setting `unit` makes of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Quantity(NamedTuple):
    """A row: the two units, and how to get from one to the other: `imperial = metric * factor +
    offset`.
    """

    metric: str
    imperial: str
    factor: float
    offset: float = 0.0


QUANTITIES: Mapping[str, Quantity] = MappingProxyType({
    "temperature": Quantity("degrees Celsius", "degrees Fahrenheit", 1.8, 32.0),
    "speed": Quantity("km/h", "mph", 1 / 1.609344),
    "distance": Quantity("km", "mi", 1 / 1.609344),
    "length": Quantity("m", "ft", 1 / 0.3048),
    "mass": Quantity("kg", "lb", 1 / 0.45359237),
    "volume": Quantity("l", "US gal", 1 / 3.785411784),
    "pressure": Quantity("hPa", "inHg", 1 / 33.8638866667),
})  # fmt: skip
"""International yard and pound agreement of 1959 and what follows from it; inHg at 0 degrees
Celsius (NIST SP 811).
"""


def to_imperial(quantity: str, value: float) -> float:
    """`value`, in the quantity's metric unit, in its imperial one."""
    row = QUANTITIES[quantity]
    return value * row.factor + row.offset
