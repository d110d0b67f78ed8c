"""How generators are put together: sums, members with their unit, objects, arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.generators import Constant, Fact, Pick, Request, Sequence, Setting
from virtual_device.telemetry.held import Case, Part, Value, chosen, number
from virtual_device.telemetry.moment import Generator, Moment
from virtual_device.telemetry.precision import digits
from virtual_device.telemetry.states import States
from virtual_device.telemetry.units import QUANTITIES, to_imperial

MAX_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Sum:
    """Several numbers added up, such as a wave and some noise."""

    parts: tuple[Generator, ...]
    numeric = True

    def value(self, moment: Moment) -> float:
        """A plain sum."""
        total: float = 0
        for part in self.parts:
            value = part.value(moment)
            if isinstance(value, (int, float)):
                total += value
        return total


@dataclass(frozen=True, slots=True)
class Member:
    """A generator with what is done to its numbers."""

    generator: Generator
    quantity: str | None = None
    decimals: int | None = None
    digits: tuple[int, int] = field(init=False, repr=False, compare=False)
    """Decimals of a computed number, in metric and in imperial units, when none are asked for."""
    optional: bool = field(init=False, repr=False, compare=False)
    """Whether there may be nothing to send."""
    given: bool = field(init=False, repr=False, compare=False)
    """Whether its numbers are sent as they are."""
    indirect: bool = field(init=False, repr=False, compare=False)
    """Whether the generator that gives the value is another one."""

    def __post_init__(self) -> None:
        """What can be known before the first message."""
        factor = QUANTITIES[self.quantity].factor if self.quantity else 1.0
        put, generator = object.__setattr__, self.generator
        put(self, "digits", (digits(generator), digits(generator, factor)))
        put(self, "optional", isinstance(generator, OPTIONAL))
        put(self, "given", isinstance(generator, GIVEN))
        put(self, "indirect", isinstance(generator, Case | Value))

    def there(self, moment: Moment) -> bool:
        """Whether there is anything to send."""
        return not self.optional or _there(self.generator, moment)

    def value(self, moment: Moment) -> Json:
        """In the unit that the device is set to, and rounded."""
        if self.indirect:
            generator, moment_of_it = chosen(self.generator, moment)
            value = generator.value(moment_of_it) if generator else None
            given = isinstance(generator, GIVEN)
        else:
            value, given = self.generator.value(moment), self.given
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        imperial = self.quantity is not None and moment.settings.get("unit") == "imperial"
        if self.quantity is not None and imperial:
            value, given = to_imperial(self.quantity, value), False
        if isinstance(value, int) or (given and self.decimals is None):
            return value
        places = self.digits[imperial] if self.decimals is None else self.decimals
        return round(value, places) if places else round(value)


def _there(generator: Generator, moment: Moment) -> bool:
    found, moment = chosen(generator, moment)
    match found:
        case None:
            return False
        case Setting(key):
            return key in moment.settings
        case Request() | Fact() | Part():
            return found.value(moment) is not None
        case Told(member):
            return member.there(moment)
    return True


@dataclass(frozen=True, slots=True)
class Nested:
    """An object of members."""

    members: Mapping[str, Member]
    numeric = False

    def value(self, moment: Moment) -> dict[str, Json]:
        """Every member's value."""
        return {
            name: member.value(moment)
            for name, member in self.members.items()
            if not member.optional or member.there(moment)
        }


@dataclass(frozen=True, slots=True)
class Listed:
    """An array of given members."""

    items: tuple[Member, ...]
    numeric = False

    def value(self, moment: Moment) -> list[Json]:
        """Their values, without those that are left out."""
        return [item.value(moment) for item in self.items if item.there(moment)]


@dataclass(frozen=True, slots=True)
class Repeated:
    """An array of so many of one member, each as of a thing of its own.

    With `every`, they are readings of this thing, so many seconds apart, the last one of now.
    """

    item: Member
    count: Generator
    every: float | None
    numeric = False

    def value(self, moment: Moment) -> list[Json]:
        """At most `MAX_ITEMS`."""
        count = min(MAX_ITEMS, max(0, round(number(self.count.value(moment)))))
        moments = (
            moment.item(index) if self.every is None else moment.reading(index, count, self.every)
            for index in range(count)
        )
        return [self.item.value(each) for each in moments if self.item.there(each)]


@dataclass(frozen=True, slots=True)
class Told:
    """What a member of telemetry stands at, unit and decimals included."""

    member: Member
    numeric = False

    def value(self, moment: Moment) -> Json:
        """As the next telemetry message would have it now."""
        return self.member.value(moment)


GIVEN = (Constant, Pick, Sequence, States, Part, Setting, Request, Told)
"""Generators of numbers that somebody has chosen: those are sent as they are, unless the member
says otherwise.
"""

OPTIONAL = (Setting, Request, Fact, Told, Case, Value, Part)
"""Those that may have nothing to say."""
