"""How generators are put together: sums, members with their unit, objects."""

from collections.abc import Mapping
from dataclasses import dataclass

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry.generators import Constant, Pick, Request, Sequence, Setting
from virtual_device.telemetry.moment import Generator, Moment
from virtual_device.telemetry.units import to_imperial

DEFAULT_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Sum:
    """Several numbers added up, such as a wave and some noise."""

    parts: tuple[Generator, ...]
    numeric = True

    def value(self, moment: Moment) -> float:
        """A plain sum."""
        values = [part.value(moment) for part in self.parts]
        return sum(value for value in values if isinstance(value, int | float))


@dataclass(frozen=True, slots=True)
class Member:
    """A generator with what is done to its numbers."""

    generator: Generator
    quantity: str | None = None
    decimals: int | None = None

    def there(self, moment: Moment) -> bool:
        """Whether there is anything to send."""
        match self.generator:
            case Setting(key):
                return key in moment.settings
            case Request():
                return self.generator.value(moment) is not None
            case Told(member):
                return member.there(moment)
        return True

    def value(self, moment: Moment) -> Json:
        """In the unit that the device is set to, and rounded."""
        value = self.generator.value(moment)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        computed = not isinstance(self.generator, GIVEN)
        if self.quantity and moment.settings.get("unit") == "imperial":
            value, computed = to_imperial(self.quantity, value), True
        if self.decimals == 0:
            return round(value)
        if isinstance(value, int) or (self.decimals is None and not computed):
            return value
        return round(value, self.decimals or DEFAULT_DECIMALS)


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
            if member.there(moment)
        }


@dataclass(frozen=True, slots=True)
class Told:
    """What a member of telemetry stands at, unit and decimals included."""

    member: Member
    numeric = False

    def value(self, moment: Moment) -> Json:
        """As the next telemetry message would have it now."""
        return self.member.value(moment)


GIVEN = (Constant, Pick, Sequence, Setting, Request, Told)
"""Generators of numbers that somebody has chosen: those are sent as they are, unless the member
says otherwise.
"""
