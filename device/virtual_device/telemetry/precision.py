"""How many decimals a computed number needs, so that its range can be seen in it."""

import math
from decimal import Decimal

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry import generators as g
from virtual_device.telemetry.held import Case, Follows, Part, Product, Scale, Value, kept, number
from virtual_device.telemetry.moment import Generator, is_number
from virtual_device.telemetry.states import States
from virtual_device.telemetry.times import FRACTION_DECIMALS, Timestamp

DEFAULT_DECIMALS = 2
MOST_DECIMALS = 17
SMALL = 0.1
"""A range below this gets more decimals than two: so many that the range has three digits."""

FAR = 10**6
"""Steps of a counter that has no end."""

Range = tuple[float, float]


def digits(generator: Generator, factor: float = 1.0) -> int:
    """Decimals of its numbers times `factor`, from 2 to 17."""
    low, high = bounds(generator)
    span, size = (high - low) * abs(factor), max(abs(low), abs(high)) * abs(factor)
    return max(_enough(span or size), *(_fine(part, factor) for part in _steps(generator)), 2)


def _enough(span: float) -> int:
    """Three digits of `span`, if that is small."""
    if not 0 < span < SMALL:
        return DEFAULT_DECIMALS
    return min(MOST_DECIMALS, 2 - math.floor(math.log10(span)))


def _fine(generator: Generator, factor: float) -> int:
    """So many that a step shows; those of a counter are exact, and so is a time of day."""
    match generator:
        case Timestamp():
            return FRACTION_DECIMALS
        case g.Walk(step=step):
            return _enough(step * 10 * abs(factor))
        case g.Counter(start=start, step=step) | g.Index(start=start, step=step):
            needed = _enough(abs(step) * 10 * abs(factor))
            return (
                needed if needed == DEFAULT_DECIMALS else max(needed, *map(_written, (start, step)))
            )
    return DEFAULT_DECIMALS


def _written(value: float) -> int:
    """The decimals that a number was written with."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return min(MOST_DECIMALS, max(0, -exponent)) if isinstance(exponent, int) else 0


def _steps(generator: Generator) -> list[Generator]:
    """The generator, and what is added up in it."""
    parts = getattr(generator, "parts", ()) if not isinstance(generator, Product) else ()
    return [generator, *(inner for part in parts for inner in _steps(part))]


def bounds(generator: Generator) -> Range:  # noqa: PLR0911 - a row for each kind
    """The least and the most that it gives; zeros for what gives no numbers."""
    match generator:
        case g.Constant(given):
            return _of_values((given,))
        case g.Pick(of=values) | g.Sequence(of=values) | States(values=values):
            return _of_values(values)
        case g.Uniform(low=low, high=high):
            return low, high
        case g.Walk(low=low, high=high):
            return low, high
        case g.Sine(mean=mean, amplitude=amplitude):
            return mean - abs(amplitude), mean + abs(amplitude)
        case g.Decay(start=start, end=end):
            return min(start, end), max(start, end)
        case g.Counter(start, step, _, wrap):
            return (0, wrap) if wrap is not None else _ordered(start, start + step * FAR)
        case g.Index(start, step):
            return _ordered(start, start + step * 100)
    return _of_others(generator)


def _of_others(generator: Generator) -> Range:
    match generator:
        case Scale(of, by, plus) | Follows(of=of, gain=by, plus=plus):
            low, high = bounds(of)
            return _ordered(low * by + plus, high * by + plus)
        case Product(parts):
            size = kept(math.prod(kept(max(map(abs, bounds(part)))) for part in parts))
            return -size, size
        case Value(known=known):
            return known.range
        case Part():
            return _of_values(tuple(generator.values)) if generator.values else (-360, 360)
        case Case():
            found = [*generator.cases.values(), *([generator.other] if generator.other else [])]
            lows, highs = zip(*map(bounds, found), strict=True)
            return min(lows), max(highs)
    ranges = [bounds(part) for part in getattr(generator, "parts", ())]
    return sum(low for low, _ in ranges), sum(high for _, high in ranges)


def _of_values(values: tuple[Json, ...]) -> Range:
    numbers = [number(value) for value in values if is_number(value)]
    return (min(numbers), max(numbers)) if numbers else (0, 0)


def _ordered(one: float, other: float) -> Range:
    return min(one, other), max(one, other)
