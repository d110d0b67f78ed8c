"""The rules of a model document: goes through one, notes every problem with its path, and builds
the generators.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from virtual_device.base.jsonvalue import Json, JsonObject, is_integer
from virtual_device.telemetry import generators as g
from virtual_device.telemetry import kinds, measures, rules
from virtual_device.telemetry.held import Product, Value
from virtual_device.telemetry.kind import Kind, defaults
from virtual_device.telemetry.members import MAX_ITEMS, Member, Nested, Sum, Told
from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.rules import Rule
from virtual_device.telemetry.units import QUANTITIES

MAX_MEMBERS = 100
MAX_VALUES = 50
MAX_FACTORS = 10
MAX_WORK = 5000
"""Generators that a message, or a value with a name, may ask at most: some milliseconds of CPU."""

MEMBER_NAME = rules.text(128)
SETTING = rules.one_of(*kinds.SETTINGS)
CHANGES = {"quantity": rules.one_of(*QUANTITIES), "decimals": rules.integer(0, 9)}
"""What may stand beside the generator of a member."""


SEED = Rule(
    "must be an integer or a string of 1 to 64 characters",
    lambda value: (is_integer(value) and rules.NUMBER.holds(value)) or rules.text(64).holds(value),
    {
        "anyOf": [
            {"type": "integer", **rules.bounds(-rules.LARGEST, rules.LARGEST)},
            rules.text(64).schema,
        ]
    },
)
HEAD = {
    "$schema": rules.text(256),
    "name": rules.text(64),
    "description": rules.text(256),
    "seed": SEED,
}
"""Members of a model beside what it sends."""


@dataclass(frozen=True, slots=True)
class Parser:
    """Goes through one document. What has a problem becomes None and is never used."""

    problems: list[str] = field(default_factory=list)
    """Each begins with the path of what is wrong."""
    told: Mapping[str, Member | None] | None = None
    """While replies are read: the members of telemetry, None for one that has a problem."""

    values: dict[str, Value | None] = field(default_factory=dict)
    """The values that have a name, as far as they are read; None for one that has a problem."""

    def named(self, value: Json) -> None:
        """Read the model's `values`: each may use those above it."""
        if not isinstance(value, dict) or not 1 <= len(value) <= MAX_VALUES:
            self.note("values", f"must be an object of 1 to {MAX_VALUES} generators")
            return
        for name, inner in value.items():
            path = f"values.{name}"
            self._name(path, name)
            generator = self._generator(path, inner)
            self.values[name] = None
            if generator and self.affordable(path, generator):
                self.values[name] = Value(generator, measures.known(generator))

    def affordable(self, path: str, generator: Generator) -> bool:
        """Note what takes too much work."""
        if (work := measures.work(generator)) > MAX_WORK:
            self.note(path, f"asks {work} generators for a value, more than {MAX_WORK}")
        return work <= MAX_WORK

    def members(self, path: str, value: Json) -> Nested | None:
        """An object of members with a generator each."""
        if not isinstance(value, dict) or not 1 <= len(value) <= MAX_MEMBERS:
            self.note(path, f"must be an object of 1 to {MAX_MEMBERS} members")
            return None
        members = {}
        for name, inner in value.items():
            self._name(f"{path}.{name}", name)
            members[name] = self.member(f"{path}.{name}", inner)
        return Nested({name: member for name, member in members.items() if member})

    def _name(self, path: str, name: str) -> None:
        if not MEMBER_NAME.holds(name):
            self.note(path, f"is not a valid member name, which {MEMBER_NAME.text}")

    def member(self, path: str, value: Json) -> Member | None:
        """A generator, and what is done to its numbers."""
        if not isinstance(value, dict):
            self.note(
                path,
                (
                    "must be an object with a generator, such as "
                    f'{{"constant": {json.dumps(value, ensure_ascii=False)}}}'
                ),
            )
            return None
        change = {name: value[name] for name in CHANGES if name in value}
        generator = self._generator(
            path, {name: inner for name, inner in value.items() if name not in change}
        )
        self.check(path, CHANGES, change)
        for name in change:
            if generator and not generator.numeric:
                self.note(f"{path}.{name}", "is for numbers, which this generator does not give")
        quantity, decimals = change.get("quantity"), change.get("decimals")
        digits = (
            int(decimals) if isinstance(decimals, int | float) and is_integer(decimals) else None
        )
        kind = quantity if isinstance(quantity, str) and quantity in QUANTITIES else None
        return Member(generator, kind, digits) if generator else None

    def _generator(self, path: str, value: Json) -> Generator | None:
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= set(kinds.ALL):
            self._wrong_kind(path, value)
            return None
        name, inner = next(iter(value.items()))
        path = f"{path}.{name}"
        if name in kinds.BY_NAME:
            return self._of_kind(path, kinds.BY_NAME[name], inner)
        return self._of_another_kind(path, name, inner)

    def _of_another_kind(  # noqa: PLR0911 - a row for each kind
        self, path: str, name: str, inner: Json
    ) -> Generator | None:
        match name:
            case "constant":
                return g.Constant(inner)
            case "setting":
                self.check(path, {"": SETTING}, {"": inner})
                return g.Setting(str(inner))
            case "sum":
                parts = self._numbers(path, inner, MAX_MEMBERS)
                return Sum(parts) if parts else None
            case "product":
                parts = self._numbers(path, inner, MAX_FACTORS)
                return Product(parts) if parts else None
            case "thing":
                self.check(path, {"": kinds.FACT}, {"": inner})
                return g.Fact(str(inner))
            case "value":
                return self._named(path, inner)
            case "object":
                return self.members(path, inner)
            case _:
                return self._of_reply(path, name, inner)

    def _wrong_kind(self, path: str, value: Json) -> None:
        known = ", ".join(kinds.ALL)
        if isinstance(value, dict) and (
            unknown := [name for name in value if name not in kinds.ALL]
        ):
            for name in unknown:
                self.note(f"{path}.{name}", f"is not a generator; there are {known}")
        else:
            self.note(path, f"must be an object with exactly one generator of {known}")

    def _of_reply(self, path: str, name: str, value: Json) -> Generator | None:
        if self.told is None:
            self.note(path, "is for replies; telemetry answers nobody")
            return None
        if name == "request":
            self.check(path, {"": kinds.PLACE}, {"": value})
            return g.Request(tuple(str(value).split(".")))
        if not isinstance(value, str) or value not in self.told:
            self.note(path, f"must be a member of telemetry: {', '.join(self.told)}")
            return None
        member = self.told[value]
        return Told(member) if member else None

    def _named(self, path: str, value: Json) -> Value | None:
        if not isinstance(value, str) or value not in self.values:
            known = ", ".join(self.values) or "none"
            self.note(path, f"must be one of the model's values that are read before: {known}")
            return None
        return self.values[value]

    def _numbers(self, path: str, value: Json, most: int) -> tuple[Generator, ...]:
        if not isinstance(value, list) or not 2 <= len(value) <= most:
            self.note(path, f"must be an array of 2 to {most} generators")
            return ()
        parts = [self._number(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
        sound = tuple(part for part in parts if part)
        return sound if len(sound) == len(parts) else ()

    def _number(self, path: str, value: Json) -> Generator | None:
        generator = self._generator(path, value)
        if generator and not generator.numeric:
            self.note(path, "must give numbers")
            return None
        return generator

    # --- what may stand in the arguments of a generator, by `Rule.inner`

    def inner(self, name: str) -> Callable[[str, Json], object]:
        """What checks it and builds it; None for what has a problem, which is noted."""
        return {
            "members": self.members,
            "member": self.member,
            "generator": self._generator,
            "number": self._number,
            "list": self._list,
            "count": self._count,
            "cases": self._cases,
        }[name]

    def _list(self, path: str, value: Json) -> tuple[Member, ...] | None:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            self.note(path, kinds.MEMBERS_LISTED.text)
            return None
        found = [self.member(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
        sound = tuple(member for member in found if member)
        return sound if len(sound) == len(found) else None

    def _count(self, path: str, value: Json) -> Generator | None:
        if isinstance(value, dict):
            return self._number(path, value)
        if not rules.integer(0, MAX_ITEMS).holds(value):
            self.note(path, kinds.COUNT.text)
            return None
        return g.Constant(value)

    def _cases(self, path: str, value: Json) -> dict[str, Generator] | None:
        if not isinstance(value, dict) or not 1 <= len(value) <= MAX_ITEMS:
            self.note(path, kinds.CASES.text)
            return None
        found = {name: self._generator(f"{path}.{name}", inner) for name, inner in value.items()}
        sound = {name: generator for name, generator in found.items() if generator}
        return sound if len(sound) == len(found) else None

    def _of_kind(self, path: str, kind: Kind, value: Json) -> Generator | None:
        if not isinstance(value, dict):
            self.note(path, f"must be an object of {', '.join(a.name for a in kind.arguments)}")
            return None
        before = len(self.problems)
        self.unknown(path, value, [argument.name for argument in kind.arguments])
        self.check(path, {argument.name: argument.rule for argument in kind.arguments}, value)
        sound = True
        given: dict[str, object] = {**defaults(kind), **value}
        for argument in kind.arguments:
            place = f"{path}.{argument.name}"
            if argument.name not in given:
                self.note(place, f"is missing: {argument.rule.text}")
            elif argument.rule.inner and argument.name in value:
                given[argument.name] = self.inner(argument.rule.inner)(place, value[argument.name])
                sound = sound and given[argument.name] is not None
        if kind.one_of and len(value.keys() & set(kind.one_of)) != 1:
            self.note(path, f"must have exactly one of {', '.join(kind.one_of)}")
        if len(self.problems) > before or not sound:
            return None
        if fault := kind.fault(given):
            self.note(f"{path}.{fault[0]}", fault[1])
            return None
        return kind.build(path, given)

    def unknown(self, path: str, value: JsonObject, known: Iterable[str]) -> None:
        """Note every member that isn't `known`."""
        for name in sorted(value.keys() - set(known)):
            self.note(
                f"{path}.{name}".strip("."), f"is not known here; there are {', '.join(known)}"
            )

    def check(self, path: str, table: Mapping[str, Rule], value: JsonObject) -> None:
        """Note every value that breaks its rule."""
        for name, rule in table.items():
            if name in value and not rule.holds(value[name]):
                self.note(f"{path}.{name}".strip("."), rule.text)

    def note(self, path: str, text: str) -> None:
        """Note a problem; `text` follows the path."""
        self.problems.append(f"{path}: {text}")
