"""What a generator may cost, in bytes and work; and whether it counts messages."""

from collections.abc import Iterable

from virtual_device.base.jsonvalue import Json, encode
from virtual_device.telemetry import generators as g
from virtual_device.telemetry import texts
from virtual_device.telemetry.held import (
    SAMPLES,
    Above,
    Case,
    Follows,
    Known,
    Part,
    Product,
    Scale,
    Value,
)
from virtual_device.telemetry.members import MAX_ITEMS, Listed, Member, Nested, Repeated, Sum, Told
from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.precision import bounds
from virtual_device.telemetry.states import States
from virtual_device.telemetry.times import Timestamp

NUMBER_BYTES = 26
"""Of the longest double, and a comma."""

ROUTE_BYTES = 100
SETTING_BYTES = 264
"""Of the setting `topic`; no other one that may be told is longer."""

ATTRIBUTE_BYTES = 804
WORD_BYTES = 9
PLACE_BYTES = 100
"""Of a number with a width."""


def most_bytes(generator: Generator) -> int:  # noqa: PLR0911 - a row for each kind
    """The most that a value has as compact JSON."""
    match generator:
        case g.Constant(given):
            return _size(given)
        case g.Pick(of=values) | g.Sequence(of=values) | States(values=values):
            return max(map(_size, values))
        case g.Setting():
            return SETTING_BYTES
        case g.Fact() | g.Request():
            return ATTRIBUTE_BYTES
        case Value(known=known):
            return known.bytes
        case Part(of):
            return most_bytes(of)
        case Case(_, cases, other):
            return max(map(most_bytes, [*cases.values(), *([other] if other else [])]))
    return _of_composed(generator)


def _of_composed(generator: Generator) -> int:
    match generator:
        case Nested(members):
            return 2 + sum(_size(key) + 2 + most_bytes(m.generator) for key, m in members.items())
        case Listed(items):
            return 2 + sum(1 + most_bytes(item.generator) for item in items)
        case Repeated(item=item):
            return 2 + most_items(generator) * (1 + most_bytes(item.generator))
        case Told(member):
            return most_bytes(member.generator)
    return _of_text(generator)


def _of_text(generator: Generator) -> int:  # noqa: PLR0911 - a row for each kind
    match generator:
        case texts.Pattern(pattern, members):
            named = [members.get(name) for name, _ in texts.places(pattern)]
            filled = (
                PLACE_BYTES + 2 * most_bytes(one.generator) if isinstance(one, Member) else 130
                for one in named
            )
            return _size(pattern) + sum(filled)
        case texts.Hex(length=length):
            return 2 + 4 * length
        case texts.Base64(length=length):
            return 6 + 2 * length
        case texts.Uuid():
            return 38
        case texts.Words(count=count):
            return 2 + WORD_BYTES * count
        case Timestamp(pattern=pattern):
            return NUMBER_BYTES + 6 * len(pattern or "")
    return NUMBER_BYTES if generator.numeric else ROUTE_BYTES


def most_items(array: Repeated) -> int:
    """The most that the array may have."""
    count = array.count.given if isinstance(array.count, g.Constant) else MAX_ITEMS
    return min(MAX_ITEMS, int(count)) if isinstance(count, int | float) else MAX_ITEMS


def work(generator: Generator) -> int:
    """How many generators are asked for a value, at most."""
    if isinstance(generator, Value):
        return generator.known.work
    inner = 1 + sum(map(work, _parts(generator)))
    match generator:
        case Repeated():
            return 1 + most_items(generator) * inner
        case Follows():
            return 1 + (SAMPLES + 1) * inner
    return inner


def known(generator: Generator) -> Known:
    """All of it, for a value that has a name."""
    return Known(bounds(generator), most_bytes(generator), work(generator), counts(generator))


def counts(generator: Generator) -> bool:
    """Whether its value changes with the number of the message."""
    match generator:
        case g.Uniform(once=once, every=every) | g.Pick(once=once, every=every):
            return not once and every is None
        case texts.Hex() | texts.Base64() | texts.Uuid() | texts.Words():
            return not generator.once and generator.every is None
        case Value(known=known):
            return known.counts
        case g.Walk(every=every) | g.Sequence(every=every) | g.Counter(every=every):
            return every is None
    return any(map(counts, _parts(generator)))


def _parts(generator: Generator) -> Iterable[Generator]:  # noqa: PLR0911 - a row for each kind
    """The generators within a generator."""
    match generator:
        case Nested(members):
            return [member.generator for member in members.values()]
        case texts.Pattern(members=members):
            return [one.generator for one in members.values() if isinstance(one, Member)]
        case Listed(items):
            return [item.generator for item in items]
        case Repeated(item, count):
            return [item.generator, count]
        case Case(of, cases, other):
            return [of, *cases.values(), *([other] if other else [])]
        case Told(member):
            return [member.generator]
        case Scale(of) | Follows(of) | Part(of) | Above(of):
            return [of]
        case Sum(parts) | Product(parts):
            return parts
    return []


def _size(value: Json) -> int:
    return len(encode(value))
